import type { Anchor } from './anchors.ts'
import type { StoreFigures } from './figures.ts'

const LEAST_ROOM_BYTES = 1_000_000

/** What a person should hear about what is stored, the worst first; undefined where all is well. */
export function complaintOf(found: {
  readonly trouble: Error | undefined
  readonly anchors: readonly Anchor[]
  readonly figures: StoreFigures | undefined
  readonly orphans: readonly { readonly name: string; readonly backlog: number }[]
  readonly alertHours: number
}): string | undefined {
  const { trouble, anchors, figures, orphans, alertHours } = found
  if (trouble !== undefined) return trouble.message
  const broken = anchors.find((anchor) => anchor.broken !== undefined)
  if (broken !== undefined) return `the chain of what was removed did not hold: ${broken.broken}`
  if (figures !== undefined && figures.roomBytes < LEAST_ROOM_BYTES) {
    return 'there is no room left: what is not delivered fills it'
  }
  const hours = figures?.endurance.hours
  if (hours !== undefined && hours < alertHours) {
    return `room for ${hours.toFixed(1)} hours of parts with everything away`
  }
  const orphan = orphans.find(({ backlog }) => backlog > 0)
  if (orphan === undefined) return undefined
  return (
    `${orphan.name} is not configured any more and holds back ${orphan.backlog} inspections: ` +
    `poincon retention forget ${orphan.name}`
  )
}
