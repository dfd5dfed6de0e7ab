import type { IncomingMessage, ServerResponse } from 'node:http'
import { TLSSocket } from 'node:tls'
import type { z } from 'zod'
import { deposit, MOST_DEPOSIT_BYTES, type Orders, outcome, type Place } from '../fleet-words.ts'
import type { Authority } from './authority.ts'
import type { Deposits } from './deposits.ts'
import type { EstEvent } from './est.ts'
import { peerOf } from './est-clients.ts'
import type { Certificate, Device, Inventory } from './inventory.ts'
import type { WipeOrders } from './wipe-orders.ts'

export interface FleetDeskOptions {
  readonly authority: Pick<Authority, 'certificates'>
  readonly inventory: Inventory
  readonly deposits: Deposits
  readonly orders: WipeOrders
  /** ms since 1970. */
  readonly wall: () => number
  readonly note: (event: EstEvent) => void
}

/** Where it is, on the server of the enrolment. */
export const FLEET_PATH = '/fleet/v1/'

/** Who is at the other end, by a certificate that we gave. */
interface Caller {
  readonly device: Device
  readonly certificate: Certificate
}

class Refusal extends Error {
  readonly status: number

  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

/** The fleet's side of what devices leave, are offered and are told to do. */
export class FleetDesk {
  readonly #options: FleetDeskOptions

  constructor(options: FleetDeskOptions) {
    this.#options = options
  }

  /** Answers one request; never rejects. */
  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { note } = this.#options
    try {
      const answer = await this.#answer(request)
      response.writeHead(200, { 'content-type': 'application/json', 'cache-control': 'no-store' })
      response.end(JSON.stringify(answer))
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error)
      const refused = error instanceof Refusal
      note({ event: refused ? 'refused' : 'failed', why, from: request.socket.remoteAddress })
      response.writeHead(refused ? error.status : 500, { 'content-type': 'text/plain; charset=utf-8' })
      response.end(refused ? why : 'not done')
    }
  }

  async #answer(request: IncomingMessage): Promise<unknown> {
    const what = (request.url ?? '').slice(FLEET_PATH.length)
    const caller = await this.#caller(request)
    const asked = `${request.method} ${what}`
    if (asked === 'POST deposit') return await this.#keep(inService(caller), request)
    if (asked === 'GET place') return await this.#place(inService(caller))
    // A device that was taken out still hears why, and says what it did.
    if (asked === 'GET orders') return await this.#orders(await this.#latest(caller))
    const [, orderId] = /^POST orders\/([0-9a-f-]{36})$/.exec(asked) ?? []
    if (orderId !== undefined) return await this.#report(await this.#latest(caller), orderId, request)
    throw new Refusal(404, 'no such operation')
  }

  /** By a certificate of ours that has not ended; also by one that was taken back. */
  async #caller({ socket, headers }: IncomingMessage): Promise<Caller> {
    const { authority, inventory, wall } = this.#options
    const peer = socket instanceof TLSSocket ? peerOf(socket, authority.certificates[1]) : undefined
    if (peer?.kind === 'refused') throw new Refusal(401, peer.why)
    if (peer?.kind !== 'device') throw new Refusal(401, 'the device’s own certificate must be shown')
    const certificate = await inventory.certificate(peer.certificate.serialNumber.toLowerCase())
    const device = await inventory.device(peer.deviceId)
    if (certificate === undefined || device?.device_id !== certificate.device_id) {
      throw new Refusal(401, 'the certificate is not one we gave')
    }
    const version = /^poincon\/([0-9A-Za-z.+-]{1,64})/.exec(headers['user-agent'] ?? '')?.[1]
    await inventory.seen(device.device_id, version, wall())
    return { device, certificate }
  }

  /** One that was taken back before its device was let in anew is of another board: orders are not for it. */
  async #latest(caller: Caller): Promise<Caller> {
    const { device_id, revoked_ms } = caller.certificate
    const admitted = await this.#options.inventory.admitted(device_id)
    if (revoked_ms === null || admitted === undefined || revoked_ms > admitted) return caller
    throw new Refusal(401, `the certificate was taken back before ${device_id} was let in anew`)
  }

  async #keep({ device }: Caller, request: IncomingMessage): Promise<unknown> {
    const { deposits, wall, note } = this.#options
    const document = await bodyOf(request, MOST_DEPOSIT_BYTES)
    const { device_id, station } = parsed(deposit, document)
    if (device_id !== device.device_id) throw new Refusal(400, `device_id: expected ${device.device_id}`)
    const kept = await deposits.keep({ deviceId: device_id, station, document }, wall())
    if (kept.kept) note({ event: 'deposited', device_id })
    return kept
  }

  async #place({ device }: Caller): Promise<Place> {
    const { inventory, deposits } = this.#options
    const follows = await inventory.predecessor(device.device_id)
    const [newest] = follows === undefined ? [] : await deposits.of(follows)
    return {
      schema: 'poincon.place/1',
      device_id: device.device_id,
      station: device.station,
      follows: follows ?? null,
      offer:
        newest === undefined
          ? null
          : {
              made_at: new Date(newest.made_ms).toISOString(),
              digest: newest.digest,
              deposit: parsed(deposit, newest.document),
            },
    }
  }

  async #orders({ device, certificate }: Caller): Promise<Orders> {
    const { orders, wall } = this.#options
    const open = await orders.open(device.device_id)
    if (open !== undefined) await orders.told(open.order_id, wall())
    return {
      schema: 'poincon.orders/1',
      device_id: device.device_id,
      certificate: certificate.serial,
      wipe:
        open === undefined
          ? null
          : {
              id: open.order_id,
              data: open.data === 1,
              ordered_at: new Date(open.ordered_ms).toISOString(),
            },
    }
  }

  async #report({ device }: Caller, orderId: string, request: IncomingMessage): Promise<unknown> {
    const { orders, wall, note } = this.#options
    const said = parsed(outcome, await bodyOf(request, 16 * 1024))
    const deviceId = device.device_id
    if (!(await orders.report({ deviceId, orderId }, said, wall()))) {
      throw new Refusal(404, 'this device has no such order')
    }
    note({ event: 'wiped', device_id: deviceId, why: `${said.state}: ${said.detail}` })
    return { taken: true }
  }
}

function inService(caller: Caller): Caller {
  const { device, certificate } = caller
  if (certificate.revoked_ms !== null) throw new Refusal(401, 'the certificate was revoked')
  if (device.state !== 'enrolled') throw new Refusal(401, `${device.device_id} is not in service`)
  return caller
}

function parsed<T extends z.ZodType>(schema: T, text: string): z.output<T> {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new Refusal(400, 'the body is no JSON')
  }
  const read = schema.safeParse(value)
  if (read.success) return read.data
  const [issue] = read.error.issues
  throw new Refusal(400, `${issue?.path.join('.') || 'the body'}: ${issue?.message}`)
}

async function bodyOf(request: IncomingMessage, most: number): Promise<string> {
  const parts: Buffer[] = []
  let length = 0
  for await (const part of request) {
    if (!Buffer.isBuffer(part)) continue
    length += part.length
    if (length > most) throw new Refusal(413, `the body is longer than ${most} bytes`)
    parts.push(part)
  }
  return Buffer.concat(parts).toString('utf8')
}
