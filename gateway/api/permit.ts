import type { FastifyReply, FastifyRequest } from 'fastify'
import { ApiProblem, documentedProblem } from './problem.ts'

/** Who asks for a change. */
export interface Caller {
  /** Of the other end of the connection. */
  readonly address: string
  /** Whether the request was made on this machine, to this machine: nobody carried it here. */
  readonly here: boolean
  readonly login?: { readonly username: string; readonly password: string }
}

/** `user`: who they are, where they were asked. */
export type Permit =
  | { readonly allowed: true; readonly user?: string }
  | {
      readonly allowed: false
      readonly status: 401 | 403 | 429
      readonly detail: string
      /** When to try again, s; of 429. */
      readonly retryAfterS?: number
    }

/** Whether somebody may call a command: the same ones as by MQTT. */
export type AskPermit = (caller: Caller, command: string) => Promise<Permit>

/** What a change can be answered with besides. */
export const PERMIT_PROBLEMS = {
  401: documentedProblem('no user and password, or wrong ones'),
  403: documentedProblem('this user may not, nobody may from there, or a page of another server asks'),
  429: documentedProblem('too many wrong passwords: `retry-after`'),
}

/**
 * Lets those pass who may call the command by MQTT.
 * @returns who they are, where they were asked
 * @throws ApiProblem 401, 403, 429
 */
export async function permitted(
  request: FastifyRequest,
  reply: FastifyReply,
  { permit, command }: { readonly permit: AskPermit; readonly command: string },
): Promise<string | undefined> {
  refuseForeignPages(request)
  const answer = await permit(callerOf(request), command)
  if (answer.allowed) return answer.user
  if (answer.status === 401) reply.header('www-authenticate', 'Basic realm="poincon", charset="UTF-8"')
  if (answer.retryAfterS !== undefined) reply.header('retry-after', String(answer.retryAfterS))
  throw new ApiProblem(answer.status, answer.detail)
}

/** Programs send neither header; a browser says which page it acts for. */
function refuseForeignPages({ headers }: FastifyRequest): void {
  const { origin, host, 'sec-fetch-site': site } = headers
  const foreign =
    (origin !== undefined && hostOf(origin) !== host) || site === 'cross-site' || site === 'same-site'
  if (foreign) throw new ApiProblem(403, `pages of ${origin ?? 'other servers'} may change nothing here`)
}

function hostOf(origin: string): string | undefined {
  return URL.canParse(origin) ? new URL(origin).host : undefined
}

/** What proxies say of the request that they carry. */
const CARRIED = /^(forwarded|via|x-real-ip|x-forwarded-.*)$/

function callerOf({ headers, socket: { remoteAddress = 'unknown' }, hostname }: FastifyRequest): Caller {
  const login = loginOf(headers.authorization)
  const carried = Object.keys(headers).some((name) => CARRIED.test(name))
  const address = remoteAddress.replace(/^::ffff:(?=\d+\.)/, '')
  // A name that somebody else's server resolves to this machine is not this machine.
  const here = !carried && isLoopback(address) && isLoopback(hostname.replace(/^\[|\]$/g, ''))
  return { address, here, ...(login === undefined ? {} : { login }) }
}

function isLoopback(host: string): boolean {
  return /^(localhost|::1|127(\.\d{1,3}){3})$/.test(host)
}

/** RFC 7617: in UTF-8, as the challenge asks for. */
function loginOf(header: string | undefined): Caller['login'] {
  const [, encoded] = /^Basic ([A-Za-z0-9+/]+={0,2})$/i.exec(header ?? '') ?? []
  if (encoded === undefined) return undefined
  const text = Buffer.from(encoded, 'base64').toString('utf8')
  const colon = text.indexOf(':')
  return colon < 0 ? undefined : { username: text.slice(0, colon), password: text.slice(colon + 1) }
}
