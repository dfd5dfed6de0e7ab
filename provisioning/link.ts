import { readFile } from 'node:fs/promises'
import { z } from 'zod'
import { flowsAnswer, type RecipeOrder, type RecipeReport, recipeReport } from './link-content.ts'
import { codeOf } from './slots-pointer.ts'

/** What a gateway says of itself. */
export interface Running {
  readonly version: string
  readonly ready: boolean
  /** Why it is not. */
  readonly waitingFor: readonly string[]
  readonly uptimeS: number
  /** Every unit of the station, and whether it is well. */
  readonly units: ReadonlyMap<string, string>
  /** What it runs with besides its release: versions by `<kind>/<name>`. */
  readonly content: ReadonlyMap<string, string>
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
  readonly consent: z.infer<typeof consent> | undefined
}

const ready = z.looseObject({ ready: z.boolean(), waiting_for: z.array(z.string()).default([]) })
const health = z.looseObject({
  version: z.string(),
  uptime_s: z.number(),
  units: z.array(z.looseObject({ name: z.string(), state: z.string() })).default([]),
})
/** What somebody agreed to; a release, where it does not say. */
const consent = z.looseObject({
  version: z.string(),
  kind: z.string().optional(),
  name: z.string().optional(),
  by: z.string(),
})
const update = z.looseObject({
  line: z.looseObject({
    idle: z.boolean(),
    why: z.array(z.string()).default([]),
    since_last_trigger_s: z.number().nullish(),
  }),
  lock: z.looseObject({ version: z.string() }).nullish(),
  consent: consent.nullish(),
  trial: z.boolean().default(false),
})
/** A release of before there was any does not say. */
const content = z.looseObject({ content: z.record(z.string(), z.string()).catch({}) })
const granted = z.looseObject({ until: z.string() })
const problem = z.looseObject({ detail: z.string().optional(), title: z.string().optional() })

interface Answer {
  readonly status: number
  readonly body: unknown
  readonly text: string
}

/** As the gateway's API has it (docs/updates.md). */
const UPDATER_HEADER = 'x-poincon-updater'
const TIMEOUT_MS = 5000
const MAX_BYTES = 8 * 1024 * 1024

/** The gateway of this machine, over loopback: all that the updater and a release say to each other. */
export class Link {
  readonly #url: string
  readonly #tokenFile: string

  /**
   * @param url of the API, without a path
   * @param tokenFile what the gateway left for us at its start, to show who asks for the line
   */
  constructor(url: string, tokenFile: string) {
    this.#url = url
    this.#tokenFile = tokenFile
  }

  /** @returns undefined where no gateway answers as one does */
  async running(): Promise<Running | undefined> {
    try {
      const [healthz, readyz, said] = await Promise.all(
        ['/healthz', '/readyz', '/api/v1/update'].map((path) => this.#ask(path)),
      )
      if (healthz === undefined || readyz === undefined) return undefined
      const { version, uptime_s: uptimeS, units } = health.parse(healthz.body)
      const answer = ready.parse(readyz.body)
      return {
        ...{ version, uptimeS, ready: answer.ready, waitingFor: answer.waiting_for },
        units: new Map(units.map(({ name, state }) => [name, state])),
        content: new Map(Object.entries(content.safeParse(said?.body).data?.content ?? {})),
      }
    } catch {
      return undefined
    }
  }

  /** @throws Error when the gateway does not say */
  async line(): Promise<Line> {
    const { status, body } = await this.#ask('/api/v1/update')
    if (status !== 200) throw new Error(`/api/v1/update answers ${status}`)
    const { line, consent: agreed, trial, lock } = update.parse(body)
    return {
      ...{ idle: line.idle, why: line.why, trial, locked: (lock ?? undefined) !== undefined },
      sinceLastTriggerS: line.since_last_trigger_s ?? undefined,
      consent: agreed ?? undefined,
    }
  }

  /**
   * Locks the line, or renews the lock: no trigger is inspected from then on.
   * @param how `renew`: the line was locked before; a lock that is gone is not taken anew
   * @returns why not; undefined when it is locked
   */
  async lock(version: string, leaseS: number, how?: 'renew'): Promise<string | undefined> {
    const order = { version, lease_s: leaseS, ...(how === undefined ? {} : { renew: true }) }
    const answer = await this.#send('POST', '/api/v1/update/lock', order)
    return answer.status === 200 && granted.safeParse(answer.body).success ? undefined : saidBy(answer)
  }

  /** Ends lock and trial. @throws Error when the gateway does not do it */
  async unlock(): Promise<void> {
    const { status } = await this.#ask('/api/v1/update/lock', {
      method: 'DELETE',
      headers: await this.#shown(),
    })
    if (status >= 300 && status !== 404) throw new Error(`the lock of the line is not ended: ${status}`)
  }

  /** Has the station look at a recipe, or take it. @returns why it does not */
  async recipe(order: RecipeOrder): Promise<RecipeReport | string> {
    const answer = await this.#send('POST', '/api/v1/update/recipe', order)
    if (answer.status === 200) return recipeReport.parse(answer.body)
    // Whoever did not understand the question has not judged the recipe.
    if (answer.status !== 409) throw new Error(saidBy(answer))
    return saidBy(answer)
  }

  /** Makes what a revision said the newest again. @throws Error when the station does not do it */
  async recipeBack(name: string, revision: number): Promise<void> {
    const answer = await this.#send('DELETE', '/api/v1/update/recipe', { name, revision })
    if (answer.status !== 204) throw new Error(saidBy(answer))
  }

  /** Starts the station's own Node-RED anew. @returns false where it has none */
  async restartFlows(): Promise<boolean> {
    const answer = await this.#send('POST', '/api/v1/update/flows', {})
    if (answer.status !== 200) throw new Error(saidBy(answer))
    return flowsAnswer.parse(answer.body).embedded
  }

  async #send(method: string, path: string, body: object): Promise<Answer> {
    return await this.#ask(path, {
      method,
      headers: { ...(await this.#shown()), 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
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

  /** Read at each request: every start of the gateway leaves another one. @throws Error when it cannot be read */
  async #shown(): Promise<Record<string, string>> {
    try {
      return { [UPDATER_HEADER]: (await readFile(this.#tokenFile, 'utf8')).trim() }
    } catch (error) {
      // The gateway says then what it had expected.
      if (codeOf(error) === 'ENOENT') return {}
      throw error
    }
  }

  async #ask(path: string, init: RequestInit = {}): Promise<Answer> {
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

function saidBy({ status, body }: Answer): string {
  const said = problem.safeParse(body).data
  return said?.detail ?? said?.title ?? `the gateway answers ${status}`
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
