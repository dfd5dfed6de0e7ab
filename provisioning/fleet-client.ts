import { createSecureContext, type SecureContext } from 'node:tls'
import type { z } from 'zod'
import type { Clock } from '../drivers/clock.ts'
import { toPem } from './certificate.ts'
import { DeviceFolder, type DeviceSettings, type Pair } from './device.ts'
import { EnrolError } from './enrol-error.ts'
import { identityOf } from './enrol-renew.ts'
import { exchange } from './est-http.ts'
import {
  MOST_DEPOSIT_BYTES,
  type Orders,
  type Outcome,
  orders,
  type Place,
  place,
  printable,
  type WipeOrder,
} from './fleet-words.ts'

export interface FleetContact {
  /** The folder of the device's identity. */
  readonly dir: string
  readonly clock: Clock
  readonly signal: AbortSignal
  /** `poincon/<version>`. */
  readonly userAgent: string
  /** For one exchange, ms. Default 30 s. */
  readonly deadlineMs?: number
}

const DEADLINE_MS = 30_000

/** The plant's fleet as an enrolled device asks it: over mutual TLS, with the certificate it has. */
export class FleetClient {
  readonly deviceId: string
  /** Of the certificate that is shown, as the authority writes it. */
  readonly serial: string
  readonly #contact: FleetContact
  readonly #url: string
  readonly #context: SecureContext

  private constructor(contact: FleetContact, settings: DeviceSettings, pair: Pair) {
    this.#contact = contact
    this.#url = new URL(settings.url).origin
    this.deviceId = settings.device_id
    this.serial = pair.chain[0].serialNumber.toLowerCase()
    // Made once: what it holds stays usable when the files are gone.
    this.#context = createSecureContext({
      ...identityOf(pair),
      ca: toPem(pair.roots),
      minVersion: 'TLSv1.2',
    })
  }

  /** @throws EnrolError `invalid` where nothing is enrolled, or its files cannot be used */
  static async open(contact: FleetContact): Promise<FleetClient> {
    const folder = new DeviceFolder(contact.dir)
    const settings = await folder.settings()
    const pair = await folder.pair(settings)
    if (settings === undefined || pair === undefined) {
      throw new EnrolError('invalid', `${contact.dir}: nothing is enrolled here`)
    }
    return new FleetClient(contact, settings, pair)
  }

  /** Leaves recipes and calibrations. @returns false where the authority keeps none @throws EnrolError */
  async deposit(document: string): Promise<boolean> {
    return (await this.#ask('deposit', document)) !== undefined
  }

  /** Where this device belongs, and what is offered to it. @returns undefined where the authority does not say */
  async place(): Promise<Place | undefined> {
    const said = await this.#ask('place')
    return said === undefined ? undefined : this.#own(readAs(place, said, 'place'), 'place')
  }

  /**
   * What this device is told to do.
   * @returns undefined where the authority gives no orders
   * @throws EnrolError `untrusted` for those of another device, or for another certificate of this one
   */
  async orders(): Promise<Orders | undefined> {
    const said = await this.#ask('orders')
    if (said === undefined) return undefined
    const read = this.#own(readAs(orders, said, 'orders'), 'orders')
    if (read.certificate !== this.serial) {
      throw new EnrolError('untrusted', `orders: for certificate ${read.certificate}, ours is ${this.serial}`)
    }
    return read
  }

  /** Says what became of an order. @throws EnrolError `refused` for one that the fleet does not have */
  async report({ id }: Pick<WipeOrder, 'id'>, what: Outcome): Promise<void> {
    if ((await this.#ask(`orders/${id}`, JSON.stringify(what))) !== undefined) return
    throw new EnrolError('refused', `orders/${id}: the fleet has no such order for this device`)
  }

  #own<T extends { readonly device_id: string }>(said: T, what: string): T {
    if (said.device_id === this.deviceId) return said
    throw new EnrolError('untrusted', `${what}: for ${said.device_id}, we are ${this.deviceId}`)
  }

  /** @returns undefined where the server knows nothing of this */
  async #ask(what: string, body?: string): Promise<unknown> {
    const { clock, signal, userAgent, deadlineMs = DEADLINE_MS } = this.#contact
    const url = new URL(`/fleet/v1/${what}`, this.#url)
    const answer = await exchange({
      ...{ url, body, clock, signal, deadlineMs, context: this.#context },
      headers: { 'user-agent': userAgent, accept: 'application/json' },
      // An offer is a deposit and a little more.
      maxBytes: 2 * MOST_DEPOSIT_BYTES,
    })
    const said = answer.body.toString('utf8')
    if (answer.status === 404 || answer.status === 405) return undefined
    if (answer.status !== 200) {
      const reason = answer.status >= 500 ? 'away' : 'refused'
      throw new EnrolError(reason, `${what}: answer ${answer.status}: ${printable(said.slice(0, 200))}`)
    }
    try {
      return JSON.parse(said)
    } catch {
      throw new EnrolError('untrusted', `${what}: the answer is no JSON`)
    }
  }
}

function readAs<T extends z.ZodType>(schema: T, said: unknown, what: string): z.output<T> {
  const read = schema.safeParse(said)
  if (read.success) return read.data
  const [issue] = read.error.issues
  throw new EnrolError('untrusted', `${what}: ${issue?.path.join('.') || 'the answer'}: ${issue?.message}`)
}
