import { z } from 'zod'

/** What a gateway says of itself. */
export interface Running {
  readonly version: string
  readonly ready: boolean
  /** Why it is not. */
  readonly waitingFor: readonly string[]
  readonly uptimeS: number
  /** Every unit of the station, and whether it is well. */
  readonly units: ReadonlyMap<string, string>
}

/** What goes on at the line. */
export interface Line {
  readonly idle: boolean
  /** Why it is not. */
  readonly why: readonly string[]
  /** Seconds; undefined where no part has come yet. */
  readonly sinceLastTriggerS: number | undefined
  readonly trial: boolean
  readonly locked: boolean
  readonly consent: { readonly version: string; readonly by: string } | undefined
}

const ready = z.looseObject({ ready: z.boolean(), waiting_for: z.array(z.string()).default([]) })
const health = z.looseObject({
  version: z.string(),
  uptime_s: z.number(),
  units: z.array(z.looseObject({ name: z.string(), state: z.string() })).default([]),
})
const update = z.looseObject({
  line: z.looseObject({
    idle: z.boolean(),
    why: z.array(z.string()).default([]),
    since_last_trigger_s: z.number().nullish(),
  }),
  lock: z.looseObject({ version: z.string() }).nullish(),
  consent: z.looseObject({ version: z.string(), by: z.string() }).nullish(),
  trial: z.boolean().default(false),
})
const granted = z.looseObject({ until: z.string() })
const problem = z.looseObject({ detail: z.string().optional(), title: z.string().optional() })

const TIMEOUT_MS = 5000
const MAX_BYTES = 8 * 1024 * 1024

/** The gateway of this machine, over loopback: all that the updater and a release say to each other. */
export class Link {
  readonly #url: string

  /** @param url of the API, without a path */
  constructor(url: string) {
    this.#url = url
  }

  /** @returns undefined where no gateway answers as one does */
  async running(): Promise<Running | undefined> {
    try {
      const [healthz, readyz] = await Promise.all([this.#ask('/healthz'), this.#ask('/readyz')])
      const { version, uptime_s: uptimeS, units } = health.parse(healthz.body)
      const answer = ready.parse(readyz.body)
      return {
        ...{ version, uptimeS, ready: answer.ready, waitingFor: answer.waiting_for },
        units: new Map(units.map(({ name, state }) => [name, state])),
      }
    } catch {
      return undefined
    }
  }

  /** @throws Error when the gateway does not say */
  async line(): Promise<Line> {
    const { status, body } = await this.#ask('/api/v1/update')
    if (status !== 200) throw new Error(`/api/v1/update answers ${status}`)
    const { line, consent, trial, lock } = update.parse(body)
    return {
      ...{ idle: line.idle, why: line.why, trial, locked: (lock ?? undefined) !== undefined },
      sinceLastTriggerS: line.since_last_trigger_s ?? undefined,
      consent: consent ?? undefined,
    }
  }

  /**
   * Locks the line, or renews the lock: no trigger is inspected from then on.
   * @returns why not; undefined when it is locked
   */
  async lock(version: string, leaseS: number): Promise<string | undefined> {
    const { status, body } = await this.#ask('/api/v1/update/lock', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ version, lease_s: leaseS }),
    })
    if (status === 200 && granted.safeParse(body).success) return undefined
    const said = problem.safeParse(body).data
    return said?.detail ?? said?.title ?? `the gateway answers ${status}`
  }

  /** Ends lock and trial. @throws Error when the gateway does not do it */
  async unlock(): Promise<void> {
    const { status } = await this.#ask('/api/v1/update/lock', { method: 'DELETE' })
    if (status >= 300 && status !== 404) throw new Error(`the lock of the line is not ended: ${status}`)
  }

  /** Resident memory, MB; undefined where it is not said. */
  async memoryMb(): Promise<number | undefined> {
    try {
      const { text } = await this.#ask('/metrics')
      const found = /^process_resident_memory_bytes(?:\{[^}]*\})? ([0-9.e+]+)/m.exec(text)?.[1]
      return found === undefined ? undefined : Number(found) / 1e6
    } catch {
      return undefined
    }
  }

  async #ask(path: string, init: RequestInit = {}): Promise<{ status: number; body: unknown; text: string }> {
    const signal = AbortSignal.timeout(TIMEOUT_MS)
    const response = await fetch(`${this.#url}${path}`, { ...init, signal, redirect: 'error' })
    let text = ''
    const decoder = new TextDecoder()
    for await (const chunk of response.body ?? []) {
      text += decoder.decode(chunk, { stream: true })
      if (text.length > MAX_BYTES) throw new Error(`${path}: more than ${MAX_BYTES} bytes`)
    }
    return { status: response.status, body: jsonOf(text), text }
  }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
