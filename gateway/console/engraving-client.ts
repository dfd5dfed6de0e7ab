import {
  type Enrolled,
  type LensPage,
  type Match,
  type Problem,
  parseEnrolled,
  parseLensPage,
  parseMatch,
  parseProblem,
} from './wire-engraving.ts'

const ANSWER_WITHIN_MS = 15_000

/** The gateway answered, and did not do it. */
export class Refused extends Error {
  override readonly name = 'Refused'
  readonly problem: Problem

  constructor(problem: Problem) {
    super(problem.detail ?? `the gateway answers ${problem.status}`)
    this.problem = problem
  }
}

/** Who somebody is for the gateway. */
export interface Login {
  readonly username: string
  readonly password: string
}

export interface EnrolRequest {
  readonly symbol: string
  readonly picture: Blob
  readonly tags: readonly string[]
  readonly by: string
  readonly sure: readonly string[]
  readonly login: Login | undefined
}

/** A lens of the catalogue, and a symbol that stands on it or not. */
export interface LinkPlace {
  readonly lens: number
  readonly symbol: string
  readonly login: Login | undefined
}

export interface LinkRequest extends LinkPlace {
  /** 0 to 1; absent: as it was. */
  readonly confidence?: number
  /** Whether whoever says so has seen it on a lens. */
  readonly seen: boolean
  /** May be empty where nobody has seen it. */
  readonly by: string
}

/** What the page asks of engravings and lenses; each rejects with `Refused`, or where there is no answer. */
export class EngravingClient {
  readonly #engravings: string
  readonly #lenses: string

  constructor(engravingsUrl: string, lensesUrl: string) {
    this.#engravings = engravingsUrl
    this.#lenses = lensesUrl
  }

  /** @param version another one is another picture for the browser */
  pictureOf(symbol: string, version = ''): string {
    return `${this.#of(symbol)}/picture${version === '' ? '' : `?v=${encodeURIComponent(version)}`}`
  }

  async match(picture: Blob, signal: AbortSignal): Promise<Match> {
    const body = { method: 'POST', body: picture, headers: { 'content-type': typeOf(picture) } }
    return parseMatch(await asked(`${this.#engravings}/match`, body, signal))
  }

  async enrol({ symbol, picture, tags, by, sure, login }: EnrolRequest): Promise<Enrolled> {
    const query = new URLSearchParams({ by })
    for (const tag of tags) query.append('tag', tag)
    for (const doubt of sure) query.append('sure', doubt)
    const headers = { 'content-type': typeOf(picture), ...authorization(login) }
    const url = `${this.#of(symbol)}/examples?${query}`
    return parseEnrolled(await asked(url, { method: 'POST', body: picture, headers }))
  }

  async forget(symbol: string, login: Login | undefined): Promise<void> {
    await asked(this.#of(symbol), { method: 'DELETE', headers: authorization(login) })
  }

  async link({ lens, symbol, confidence, seen, by, login }: LinkRequest): Promise<void> {
    const query = new URLSearchParams()
    if (confidence !== undefined) query.set('confidence', confidence.toFixed(2))
    if (by !== '') query.set('by', by)
    if (seen) query.set('seen', 'true')
    const request = { method: 'PUT', headers: authorization(login) }
    await asked(`${this.#linkOf(lens, symbol)}?${query}`, request)
  }

  async unlink({ lens, symbol, login }: LinkPlace): Promise<void> {
    await asked(this.#linkOf(lens, symbol), { method: 'DELETE', headers: authorization(login) })
  }

  async lenses(query: Readonly<Record<string, string>>, signal: AbortSignal): Promise<LensPage> {
    return parseLensPage(await asked(`${this.#lenses}?${new URLSearchParams(query)}`, {}, signal))
  }

  #linkOf(lens: number, symbol: string): string {
    return `${this.#lenses}/${lens}/symbols/${encodeURIComponent(symbol)}`
  }

  #of(symbol: string): string {
    return `${this.#engravings}/${encodeURIComponent(symbol)}`
  }
}

/** What is no PNG or JPEG is sent as one all the same: the gateway says what is wrong with it. */
function typeOf(picture: Blob): string {
  return picture.type === 'image/png' ? 'image/png' : 'image/jpeg'
}

/** Who asks, as a header. */
export function authorization(login: Login | undefined): { readonly authorization?: string } {
  if (login === undefined) return {}
  const bytes = new TextEncoder().encode(`${login.username}:${login.password}`)
  return { authorization: `Basic ${btoa(String.fromCharCode(...bytes))}` }
}

/** @throws Refused, or where there is no answer */
export async function asked(url: string, request: RequestInit, ended?: AbortSignal): Promise<unknown> {
  const late = AbortSignal.timeout(ANSWER_WITHIN_MS)
  const signal = ended === undefined ? late : AbortSignal.any([ended, late])
  // With the browser's own credentials it would ask for a password in a window of its own.
  const answer = await fetch(url, { ...request, signal, cache: 'no-store', credentials: 'omit' })
  if (answer.status === 204) return undefined
  const body: unknown = await answer.json().catch(() => undefined)
  if (answer.ok) return body
  throw new Refused(parseProblem(body) ?? { status: answer.status })
}
