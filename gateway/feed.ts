import type { Feed, FeedEvent } from './api/ports.ts'

/** Tells everybody who watches. */
export class FeedHub implements Feed {
  readonly #listeners = new Set<(event: FeedEvent) => void>()

  subscribe(listener: (event: FeedEvent) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  emit(event: FeedEvent): void {
    for (const listener of this.#listeners) listener(event)
  }
}
