/** What the page shows: the part that passes now, what an engraving is, what passed before, how storage and delivery are. */
export const ROOMS = ['live', 'engraving', 'history', 'storage'] as const
export type Room = (typeof ROOMS)[number]

/** The room that an address names by its fragment; anything else is the live page. */
export function roomOf(hash: string): Room {
  return ROOMS.find((room) => hash === `#${room}`) ?? 'live'
}
