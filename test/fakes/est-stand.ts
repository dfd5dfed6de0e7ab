import 'reflect-metadata'
import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer, type Server } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { TLSSocket } from 'node:tls'
import { certsOnly, fingerprint } from '../../provisioning/certificate.ts'
import { Authority } from '../../provisioning/server/authority.ts'
import { type CheckedRequest, checkRequest } from '../../provisioning/server/est-request.ts'

const PASSPHRASE = 'a passphrase of the stand'

export type Operation = 'cacerts' | 'csrattrs' | 'simpleenroll' | 'simplereenroll'

/** What an operation does in place of what it should. */
export type Behaviour = (call: {
  readonly stand: EstStand
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly body: string
}) => unknown

/** A real EST server on 127.0.0.1 that gives a certificate to whoever asks, unless a test makes it do otherwise. */
export class EstStand {
  readonly authority: Authority
  /** What was asked, and who asked: operation, authorization, name of the client's certificate. */
  readonly asked: {
    readonly operation: string
    readonly authorization?: string
    readonly client?: string
  }[] = []
  readonly behaviours = new Map<Operation, Behaviour>()
  /** What answers whatever is none of the operations; absent: nobody. */
  otherwise: Behaviour | undefined
  readonly #server: Server
  #port = 0

  private constructor(authority: Authority, server: Server) {
    this.authority = authority
    this.#server = server
  }

  static async open({ listUrl, days }: { listUrl?: string; days?: number } = {}): Promise<EstStand> {
    const folder = await mkdtemp(join(tmpdir(), 'poincon-est-'))
    const options = { dir: join(folder, 'authority'), name: 'Stand', passphrase: PASSPHRASE, listUrl, days }
    const authority = await Authority.open(options, Date.now())
    // Opened, it needs its files no more.
    await rm(folder, { recursive: true })
    const { cert, key } = await authority.serverIdentity(['localhost', '127.0.0.1'], Date.now())
    const ca = authority.certificates.map(String)
    const server = createServer({ cert, key, ca, requestCert: true, rejectUnauthorized: false })
    const stand = new EstStand(authority, server)
    server.on('request', (request, response) => void stand.#serve(request, response))
    server.on('tlsClientError', () => {})
    await stand.listen()
    return stand
  }

  get url(): string {
    return `https://localhost:${this.#port}`
  }

  /** SHA-256 of the root. */
  get root(): string {
    return fingerprint(this.authority.certificates[0])
  }

  /** Comes back, on the port it had. */
  async listen(): Promise<void> {
    if (this.#server.listening) return
    this.#server.listen(this.#port, '127.0.0.1')
    await once(this.#server, 'listening')
    const address = this.#server.address()
    if (typeof address === 'object' && address !== null) this.#port = address.port
  }

  /** Goes away. */
  async leave(): Promise<void> {
    if (!this.#server.listening) return
    const gone = once(this.#server, 'close')
    this.#server.close()
    this.#server.closeAllConnections()
    await gone
  }

  async close(): Promise<void> {
    await this.leave()
  }

  /** Answers with certificates, as an honest server does. */
  give(response: ServerResponse, certificates: readonly X509Certificate[]): void {
    response.writeHead(200, { 'content-type': 'application/pkcs7-mime; smime-type=certs-only' })
    response.end(certsOnly(certificates))
  }

  /** A certificate for what was asked. @param changes in place of what it names */
  async issue(
    body: string,
    changes: Partial<CheckedRequest> = {},
    atMs = Date.now(),
  ): Promise<X509Certificate> {
    const { publicKey, ...subject } = { ...(await checkRequest(body)), ...changes }
    const { pem } = await this.authority.issue(subject, publicKey, atMs)
    return new X509Certificate(pem)
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const operation = request.url?.split('/').at(-1) ?? ''
    const { authorization } = request.headers
    const client = clientOf(request)
    this.asked.push({
      operation,
      ...(authorization === undefined ? {} : { authorization }),
      ...(client === undefined ? {} : { client }),
    })
    let body = ''
    for await (const part of request) body += String(part)
    const behaviour = isOperation(operation)
      ? (this.behaviours.get(operation) ?? HONEST[operation])
      : this.otherwise
    if (behaviour === undefined) response.writeHead(404).end()
    else await behaviour({ stand: this, request, response, body })
  }
}

function clientOf({ socket }: IncomingMessage): string | undefined {
  return socket instanceof TLSSocket ? socket.getPeerX509Certificate()?.subject : undefined
}

const enrols: Behaviour = async ({ stand, response, body }) => stand.give(response, [await stand.issue(body)])

const HONEST: Readonly<Record<Operation, Behaviour>> = {
  cacerts: ({ stand, response }) => stand.give(response, stand.authority.certificates),
  csrattrs: ({ response }) => response.writeHead(204).end(),
  simpleenroll: enrols,
  simplereenroll: enrols,
}

function isOperation(name: string): name is Operation {
  return Object.hasOwn(HONEST, name)
}
