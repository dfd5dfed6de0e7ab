import type { Clock } from '../../drivers/clock.ts'
import { inspectionMessage } from '../message.ts'
import { type OutboxEntry, RefusedError, RetryLaterError, type Sink } from '../outbox.ts'
import type { Unit, UnitStatus } from '../station.ts'
import { type Opened, open } from './open.ts'
import type { WebhookOptions } from './options.ts'
import type { Answer } from './post.ts'
import { signatureOf } from './signature.ts'

export interface WebhookSinkOptions {
  readonly webhook: WebhookOptions
  readonly clock: Clock
  /** Which of `webhooks`; absent: `webhook`. */
  readonly name?: string
}

const acted = inspectionMessage.pick({ verdict: true })

/** Refused for what it is, not for who asks or where. */
class NotTakenError extends Error {
  override readonly name = 'NotTakenError'
}

/**
 * Of 4xx (RFC 9110, RFC 8470, RFC 6585), those that speak of the client, the place or the time: a wrong token must not
 * set aside what a station has made. All others refuse the inspection.
 */
const NOT_OF_THE_INSPECTION: ReadonlySet<number> = new Set([
  401, 403, 404, 405, 407, 408, 409, 421, 423, 425, 426, 429,
])
/** A server may ask for more; it is then asked again all the same, ms. */
const LONGEST_PAUSE_MS = 3_600_000
const CONTENT_TYPES = {
  json: 'application/json',
  ndjson: 'application/x-ndjson',
  array: 'application/json',
} as const

/**
 * Inspections to a server by POST, in order, one request at a time; the cursor moves with its 2xx. A batch that is
 * refused is halved until the refused inspection is found.
 */
export class WebhookSink implements Sink, Unit {
  readonly name: string
  readonly window: number
  readonly #options: WebhookSinkOptions
  /** Where its options stand in `poincon.yaml`. */
  readonly #at: string
  #opened: Opened | undefined
  /** What went wrong behind those that the last `send` delivered: the next one begins with it. */
  #left: Error | undefined
  #requests = 0
  #lastStatus = 0

  constructor(options: WebhookSinkOptions) {
    this.#options = options
    const { name } = options
    this.name = name === undefined ? 'webhook' : `webhook-${name}`
    this.#at = name === undefined ? 'webhook' : `webhooks.${name}`
    this.window = options.webhook.batch
  }

  start(): Promise<void> {
    return Promise.resolve()
  }

  stop(): Promise<void> {
    this.#close()
    return Promise.resolve()
  }

  status(): UnitStatus {
    return { state: 'ok', facts: { requests: this.#requests, last_status: this.#lastStatus } }
  }

  async send(batch: readonly OutboxEntry[], signal: AbortSignal): Promise<number | undefined> {
    const left = this.#left
    this.#left = undefined
    if (left !== undefined) throw left
    const { body } = this.#options.webhook
    const wanted = batch.filter((entry) => this.#wants(entry))
    const groups = body === 'json' ? wanted.map((entry) => [entry]) : [wanted]
    let reached: number | undefined
    for (const group of groups) {
      try {
        const refused = await this.#deliver(group, signal)
        if (refused !== undefined) {
          const before = batch[batch.indexOf(refused.entry) - 1]
          if (before !== undefined) return before.sequence
          throw new RefusedError(refused.entry.sequence, refused.error.message, { cause: refused.error })
        }
      } catch (error) {
        if (reached === undefined || !(error instanceof Error)) throw error
        this.#left = error
        return reached
      }
      reached = group.at(-1)?.sequence
    }
    // Behind the last one that was wanted there is nothing to deliver.
    return batch.at(-1)?.sequence
  }

  #wants({ payload, message }: OutboxEntry): boolean {
    const { only } = this.#options.webhook
    return only === undefined || only.includes((message ?? acted.parse(JSON.parse(payload))).verdict.action)
  }

  /** @returns the first entry that is refused; the server has all before it */
  async #deliver(
    entries: readonly OutboxEntry[],
    signal: AbortSignal,
  ): Promise<{ readonly entry: OutboxEntry; readonly error: Error } | undefined> {
    const [entry] = entries
    if (entry === undefined) return undefined
    try {
      await this.#post(entries, signal)
      return undefined
    } catch (error) {
      if (!(error instanceof NotTakenError)) throw error
      if (entries.length === 1) return { entry, error }
      const half = entries.length >> 1
      return (
        (await this.#deliver(entries.slice(0, half), signal)) ??
        (await this.#deliver(entries.slice(half), signal))
      )
    }
  }

  async #post(entries: readonly OutboxEntry[], signal: AbortSignal): Promise<void> {
    const { webhook, clock } = this.#options
    this.#opened ??= await open(webhook, this.#at, clock)
    const { poster, headers, key } = this.#opened
    const id = idOf(entries)
    const body = bodyOf(entries, webhook.body)
    const timestamp = Math.floor(clock.wall() / 1000)
    this.#requests += 1
    this.#lastStatus = 0
    const answer = await poster
      .post(
        {
          ...headers,
          'content-type': CONTENT_TYPES[webhook.body],
          'idempotency-key': id,
          'webhook-id': id,
          'webhook-timestamp': String(timestamp),
          ...(key === undefined ? {} : { 'webhook-signature': signatureOf({ id, timestamp, body }, key) }),
        },
        body,
        signal,
      )
      .catch((error: unknown) => {
        // Certificates may be renewed, and a connection that broke is of no more use.
        this.#close()
        throw error
      })
    this.#lastStatus = answer.status
    this.#judge(answer)
  }

  /** @throws NotTakenError, RetryLaterError or Error for everything but success */
  #judge(answer: Answer): void {
    const { webhook, clock } = this.#options
    const { status, headers, text } = answer
    if (status >= 200 && status < 300) return
    if (status === 409 && webhook.conflict === 'delivered') return
    const said = `${webhook.url}: HTTP ${status}${text === '' ? '' : `: ${text}`}`
    if (status >= 300 && status < 400) {
      throw new Error(`${said}: redirected to ${headers.location ?? 'nowhere'}, which is not followed`)
    }
    if (status === 401 || status === 403) this.#close()
    if (status >= 400 && status < 500 && !NOT_OF_THE_INSPECTION.has(status)) throw new NotTakenError(said)
    const pauseMs = status === 429 || status === 503 ? retryAfterMs(headers['retry-after'], clock.wall()) : 0
    throw pauseMs > 0 ? new RetryLaterError(Math.min(pauseMs, LONGEST_PAUSE_MS), said) : new Error(said)
  }

  /** The next request reads the files anew. */
  #close(): void {
    this.#opened?.poster.close()
    this.#opened = undefined
  }
}

/** Of one inspection its id; a batch lacks nothing between its ends that the server is to have, so they name it. */
function idOf(entries: readonly OutboxEntry[]): string {
  const [first, last] = [entries[0]?.id ?? '', entries.at(-1)?.id ?? '']
  return entries.length === 1 ? first : `${first}_${last}`
}

function bodyOf(entries: readonly OutboxEntry[], form: WebhookOptions['body']): string {
  const payloads = entries.map(({ payload }) => payload)
  if (form === 'ndjson') return payloads.map((payload) => `${payload}\n`).join('')
  return form === 'array' ? `[${payloads.join(',')}]` : payloads.join('')
}

/** Seconds or an HTTP date (RFC 9110 §10.2.3). @returns ms from now; 0 when nothing is said */
export function retryAfterMs(text: string | undefined, wallMs: number): number {
  if (text === undefined) return 0
  const ms = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - wallMs
  return Number.isFinite(ms) ? Math.max(0, ms) : 0
}
