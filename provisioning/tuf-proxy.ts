import { type ClientRequest, type IncomingMessage, request as plainRequest } from 'node:http'
import { request as tlsRequest } from 'node:https'
import type { Socket } from 'node:net'
import { RepositoryAway } from './tuf-errors.ts'

/** Which proxy leads to an address; undefined: none, straight there. */
export type ProxyChoice = (url: URL) => URL | undefined

export interface ProxySettings {
  /** For https: addresses, e.g. `http://proxy.plant.example:3128`; name and password may stand in it. */
  readonly https?: string
  /** For http: addresses. */
  readonly http?: string
  /** Hosts that are reached without: names, `.suffix`, `host:port`, `*`; separated by commas or spaces. */
  readonly no?: string
}

/** Reads HTTPS_PROXY, HTTP_PROXY and NO_PROXY, lower case first, as curl and most of Linux do. */
export function proxySettings(env: Readonly<Record<string, string | undefined>>): ProxySettings {
  // HTTP_PROXY in capitals is what a CGI server would make of a request's `Proxy:` header; curl ignores it, and so do we.
  const found = {
    https: env.https_proxy ?? env.HTTPS_PROXY ?? env.all_proxy ?? env.ALL_PROXY,
    http: env.http_proxy ?? env.all_proxy ?? env.ALL_PROXY,
    no: env.no_proxy ?? env.NO_PROXY,
  }
  return Object.fromEntries(Object.entries(found).filter(([, value]) => value !== undefined && value !== ''))
}

function exempt(url: URL, entries: readonly string[]): boolean {
  const host = url.hostname.replace(/^\[|\]$/g, '').toLowerCase()
  const port = url.port === '' ? (url.protocol === 'https:' ? '443' : '80') : url.port
  return entries.some((entry) => {
    if (entry === '*' || entry === host) return true
    const [, name = '', only] = /^\[?(.+?)\]?(?::(\d+))?$/.exec(entry) ?? []
    const plain = name.replace(/^\*?\./, '')
    return (only === undefined || only === port) && (host === plain || host.endsWith(`.${plain}`))
  })
}

/** This machine's own: a proxy would look on itself, and read what is meant for a tunnel of ours. */
function isLoopback({ hostname }: URL): boolean {
  return /^(?:(?:.+\.)?localhost\.?|127(?:\.\d{1,3}){3}|\[::1\]|\[::ffff:7f[0-9a-f]{2}:[0-9a-f]{1,4}\])$/.test(
    hostname,
  )
}

/** Never a proxy for addresses of this machine. @throws TypeError for a proxy that is no http: or https: address */
export function chooseProxy(settings: ProxySettings): ProxyChoice {
  const read = (text: string | undefined): URL | undefined => {
    if (text === undefined) return undefined
    const url = URL.canParse(text) ? new URL(text) : undefined
    if (url !== undefined && (url.protocol === 'http:' || url.protocol === 'https:')) return url
    throw new TypeError('proxy: expected an address as http://proxy.example:3128')
  }
  const [forTls, forPlain] = [read(settings.https), read(settings.http)]
  const without = (settings.no ?? '')
    .toLowerCase()
    .split(/[\s,]+/)
    .filter((entry) => entry !== '')
  return (url) => {
    if (isLoopback(url) || exempt(url, without)) return undefined
    return url.protocol === 'https:' ? forTls : forPlain
  }
}

/** The header that says who asks, where the proxy's address holds name and password. */
export function proxyCredentials(proxy: URL): Record<string, string> {
  if (proxy.username === '') return {}
  const said = `${decodeURIComponent(proxy.username)}:${decodeURIComponent(proxy.password)}`
  return { 'Proxy-Authorization': `Basic ${Buffer.from(said).toString('base64')}` }
}

function connectRequest(proxy: URL, target: string, signal: AbortSignal): ClientRequest {
  const make = proxy.protocol === 'https:' ? tlsRequest : plainRequest
  return make({
    method: 'CONNECT',
    host: proxy.hostname.replace(/^\[|\]$/g, ''),
    port: proxy.port === '' ? (proxy.protocol === 'https:' ? 443 : 80) : Number(proxy.port),
    path: target,
    headers: { Host: target, ...proxyCredentials(proxy) },
    agent: false,
    signal,
  })
}

/**
 * A connection to an https: address through a proxy (CONNECT, RFC 9110 §9.3.6): the proxy sees host and port, no more.
 * @throws RepositoryAway when the proxy is away or refuses
 */
export async function tunnel(proxy: URL, url: URL, signal: AbortSignal): Promise<Socket> {
  const target = `${url.hostname}:${url.port === '' ? '443' : url.port}`
  const asked = connectRequest(proxy, target, signal)
  const refused = new Promise<never>((_, reject) => {
    asked.on('response', (answer: IncomingMessage) => {
      answer.resume()
      reject(new RepositoryAway('unreachable', `proxy ${proxy.host}: ${answer.statusCode} for ${target}`))
    })
  })
  asked.end()
  const [answer, socket] = await Promise.race([connected(asked, proxy), refused])
  if (answer.statusCode === 200) return socket
  socket.destroy()
  throw new RepositoryAway('unreachable', `proxy ${proxy.host}: ${answer.statusCode} for ${target}`)
}

async function connected(asked: ClientRequest, proxy: URL): Promise<[IncomingMessage, Socket]> {
  try {
    const [answer, socket, head] = await new Promise<[IncomingMessage, Socket, Buffer]>((resolve, reject) => {
      asked.once('connect', (...found) => resolve(found))
      asked.on('error', reject)
    })
    // Bytes of the far end before our first belong to nobody: TLS begins with us.
    if (head.length > 0) socket.unshift(head)
    return [answer, socket]
  } catch (error) {
    throw new RepositoryAway('unreachable', `proxy ${proxy.host}: ${said(error)}`, { cause: error })
  }
}

function said(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
