import { X509Certificate } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { TLSSocket } from 'node:tls'
import { certsOnly, subjectSerial, wrapped } from '../certificate.ts'
import { csrAttributes } from '../certificate-request.ts'
import type { Authority } from './authority.ts'
import { type EstPeer, peerOf } from './est-clients.ts'
import { type CheckedRequest, checkRequest, RequestError } from './est-request.ts'
import { addCertificate, type Inventory } from './inventory.ts'
import type { InventoryDatabase } from './inventory-database.ts'
import { AdmissionError, type Claim, type Issued, type Tokens } from './tokens.ts'

export interface EstServiceOptions {
  readonly authority: Authority
  readonly database: InventoryDatabase
  readonly inventory: Inventory
  readonly tokens: Tokens
  /** ms since 1970. */
  readonly wall: () => number
  /** Told of what was given and refused, without secrets. */
  readonly note: (event: EstEvent) => void
}

export interface EstEvent {
  readonly event: 'enrolled' | 'renewed' | 'deposited' | 'wiped' | 'refused' | 'failed'
  readonly device_id?: string | undefined
  readonly serial?: string
  readonly why?: string
  readonly from?: string | undefined
}

interface Answer {
  readonly status: number
  readonly type?: string
  readonly body?: string
  readonly headers?: Readonly<Record<string, string>>
}

const PATH = /^\/\.well-known\/est\/(cacerts|csrattrs|simpleenroll|simplereenroll)$/
/** A request on RSA 4096 comes to 2 KB. */
const MAX_BODY = 16 * 1024
const CERTIFICATES = 'application/pkcs7-mime; smime-type=certs-only'

/** The operations of RFC 7030 that a device needs. */
export class EstService {
  readonly #options: EstServiceOptions

  constructor(options: EstServiceOptions) {
    this.#options = options
  }

  /** Answers one request; never rejects. */
  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { note } = this.#options
    const from = request.socket.remoteAddress
    const answer = await this.#answer(request).catch((error: unknown): Answer => {
      const why = error instanceof Error ? error.message : String(error)
      const refused = error instanceof AdmissionError || error instanceof RequestError
      note({ event: refused ? 'refused' : 'failed', why, from })
      if (error instanceof AdmissionError) return { status: 401, body: why, headers: CHALLENGE }
      if (error instanceof RequestError) return { status: 400, body: why }
      return { status: 500, body: 'not done' }
    })
    const coding = answer.type === undefined ? {} : { 'content-transfer-encoding': 'base64' }
    response.writeHead(answer.status, {
      'content-type': answer.type ?? 'text/plain; charset=utf-8',
      ...coding,
      ...answer.headers,
    })
    response.end(answer.body)
  }

  async #answer(request: IncomingMessage): Promise<Answer> {
    const operation = PATH.exec(request.url ?? '')?.[1]
    if (operation === undefined) return { status: 404, body: 'no such operation' }
    const reads = operation === 'cacerts' || operation === 'csrattrs'
    if (request.method !== (reads ? 'GET' : 'POST')) return { status: 405, body: 'another method' }
    const { authority } = this.#options
    const peer =
      request.socket instanceof TLSSocket ? peerOf(request.socket, authority.certificates[1]) : NOBODY
    if (peer.kind === 'device') await this.#seen(peer.deviceId, request)
    if (operation === 'cacerts')
      return { status: 200, type: CERTIFICATES, body: certsOnly(authority.certificates) }
    if (operation === 'csrattrs')
      return { status: 200, type: 'application/csrattrs', body: wrapped(csrAttributes()) }
    const asked = await checkRequest(await bodyOf(request))
    const issued =
      operation === 'simpleenroll'
        ? await this.#enrol(request, peer, asked)
        : await this.#renew(request, peer, asked)
    const [, issuing] = authority.certificates
    return { status: 200, type: CERTIFICATES, body: certsOnly([new X509Certificate(issued.pem), issuing]) }
  }

  async #enrol(request: IncomingMessage, peer: EstPeer, asked: CheckedRequest): Promise<Issued> {
    const { authority, tokens, wall, note } = this.#options
    const { deviceId, serial, publicKey, keyHash } = asked
    const proof = proofOf(request, peer, deviceId)
    const atMs = wall()
    const issued = await tokens.claim({ proof, deviceId, serial, keyHash, atMs }, () =>
      authority.issue({ deviceId, serial }, publicKey, atMs),
    )
    await this.#seen(deviceId, request)
    note({
      event: 'enrolled',
      device_id: deviceId,
      serial: issued.serial,
      from: request.socket.remoteAddress,
    })
    return issued
  }

  async #renew(request: IncomingMessage, peer: EstPeer, asked: CheckedRequest): Promise<Issued> {
    const { authority, database, inventory, wall, note } = this.#options
    if (peer.kind === 'refused') throw new AdmissionError(peer.why)
    if (peer.kind !== 'device') throw new AdmissionError('the certificate that holds must be shown')
    const { deviceId, serial, publicKey } = asked
    const known = await inventory.certificate(peer.certificate.serialNumber.toLowerCase())
    if (known === undefined) throw new AdmissionError('the certificate is not one we gave')
    if (known.revoked_ms !== null) throw new AdmissionError('the certificate was revoked')
    const device = await inventory.device(peer.deviceId)
    if (device?.state !== 'enrolled') throw new AdmissionError(`${peer.deviceId} is not in service`)
    // RFC 7030 §4.2.2: the name stays what it was.
    if (deviceId !== peer.deviceId || serial !== subjectSerial(peer.certificate)) {
      throw new RequestError('the request does not name the device of the certificate')
    }
    const issued = await authority.issue({ deviceId, serial }, publicKey, wall())
    await database.transaction((queries) => addCertificate(queries, issued))
    note({ event: 'renewed', device_id: deviceId, serial: issued.serial, from: request.socket.remoteAddress })
    return issued
  }

  async #seen(deviceId: string, { headers }: IncomingMessage): Promise<void> {
    const version = /^poincon\/([0-9A-Za-z.+-]{1,64})/.exec(headers['user-agent'] ?? '')?.[1]
    await this.#options.inventory.seen(deviceId, version, this.#options.wall())
  }
}

const NOBODY: EstPeer = { kind: 'none' }
const CHALLENGE = { 'www-authenticate': 'Basic realm="enrolment"' }

/** @throws AdmissionError */
function proofOf({ headers }: IncomingMessage, peer: EstPeer, deviceId: string): Claim['proof'] {
  const basic = /^Basic ([A-Za-z0-9+/=]{1,512})$/.exec(headers.authorization ?? '')?.[1]
  if (basic !== undefined) {
    const given = Buffer.from(basic, 'base64').toString('utf8')
    const colon = given.indexOf(':')
    if (given.slice(0, Math.max(0, colon)) !== deviceId) {
      throw new AdmissionError('the token is not one for this device')
    }
    return { kind: 'token', token: given.slice(colon + 1) }
  }
  if (peer.kind === 'factory') return { kind: 'factory', serial: peer.serial }
  throw new AdmissionError(peer.kind === 'refused' ? peer.why : 'a token is wanted')
}

/** @throws RequestError when it is longer than any request */
async function bodyOf(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = []
  let length = 0
  for await (const part of request) {
    if (!Buffer.isBuffer(part)) continue
    length += part.length
    if (length > MAX_BODY) throw new RequestError(`the body is longer than ${MAX_BODY} bytes`)
    parts.push(part)
  }
  return Buffer.concat(parts).toString('latin1')
}
