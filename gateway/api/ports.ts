import type { OutboxEntry } from '../outbox.ts'
import type { StationState } from './station-state.ts'

/** One stored inspection: its place, its id, and the canonical JSON of its message, which is sent verbatim. */
export type StoredInspection = Pick<OutboxEntry, 'sequence' | 'id' | 'payload'>

/** What the API needs of the store. Every list is newest first. */
export interface History {
  latest(limit: number): Promise<readonly StoredInspection[]>
  /** Up to `limit` inspections whose sequence is smaller than `before`. */
  page(before: number, limit: number): Promise<readonly StoredInspection[]>
  get(id: string): Promise<StoredInspection | undefined>
}

/** What the API needs of health. Whatever else a report holds goes out with it, as JSON. */
export interface Health {
  report(): { readonly reconciled: boolean }
  ready(): { readonly ready: boolean }
}

/** What the API needs of the metrics: a text exposition and its media type. */
export interface Exposition {
  readonly contentType: string
  text(): Promise<string>
}

/** Something happened: an inspection is on disk, or the station's state changed. */
export type FeedEvent =
  | { readonly type: 'inspection'; readonly inspection: StoredInspection }
  | { readonly type: 'station' }

/** What happens while somebody watches. Listeners return at once and never throw. */
export interface Feed {
  /** @returns ends the subscription */
  subscribe(listener: (event: FeedEvent) => void): () => void
}

/** The station as it is now. */
export type AskStation = () => StationState
