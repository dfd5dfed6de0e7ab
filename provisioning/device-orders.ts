import type { Clock } from '../drivers/clock.ts'
import { alone } from './device-lock.ts'
import { describeStatus, readStatus, writeStatus } from './device-status.ts'
import { wipe, wipePlan } from './device-wipe.ts'
import { EnrolError } from './enrol-error.ts'
import type { FleetClient } from './fleet-client.ts'
import type { Outcome, WipeOrder } from './fleet-words.ts'

export interface OrderOptions {
  readonly client: Pick<FleetClient, 'orders' | 'report'>
  /** The folder of the device's identity. */
  readonly dir: string
  /** What the station stores, where it is known. */
  readonly dataDir: string | undefined
  /** Why that is not known. */
  readonly noData?: string | undefined
  /** Keeps a station out of a data directory. @throws Error while one runs there */
  readonly lock: (dataDir: string) => Promise<{ close(): Promise<void> }>
  /** One line for whoever reads the journal. */
  readonly say: (line: string) => void
  readonly clock: Clock
  /** Between attempts to report, or to have the data, ms. Default 2 s. */
  readonly retryMs?: number
  /** How long a station is given to end, ms. Default a minute. */
  readonly patienceMs?: number
}

const REPORTS = 3
const RETRY_MS = 2000
const PATIENCE_MS = 60_000

/** The order is not what it was when the device was told. */
class CalledOff extends Error {}

/**
 * Asks what this device is told to do, and does it: data first, then key, certificate and settings; a wipe that was cut
 * off, or that a running station keeps from the data, is begun again by the next pass. Before anything is removed the
 * fleet is asked again: it may have thought better of it.
 * @returns what became of it; undefined: there was nothing to do
 * @throws EnrolError when the fleet cannot be asked, the orders are not for this device, or another process is at it
 */
export async function carryOutOrders(options: OrderOptions): Promise<Outcome | undefined> {
  const { client, dir, say } = options
  const order = (await client.orders())?.wipe ?? undefined
  if (order === undefined) return undefined
  say(`the fleet takes this device out of service: ordered ${order.ordered_at}`)
  try {
    return await alone(dir, async () => {
      const first = order.data ? await wipedData(options, order) : ''
      return typeof first === 'string'
        ? await wipedKeys(options, order, first)
        : await reported(options, order, first)
    })
  } catch (error) {
    if (!(error instanceof CalledOff)) throw error
    say(error.message)
    return undefined
  }
}

async function stillOrdered({ client }: OrderOptions, { id }: WipeOrder): Promise<void> {
  const now = (await client.orders())?.wipe
  if (now?.id !== id)
    throw new CalledOff('the order was taken back, or replaced by another: it is not gone on with')
}

/** @returns what was removed, or why nothing was */
async function wipedData(options: OrderOptions, order: WipeOrder): Promise<string | Outcome> {
  const { dataDir, dir, noData = 'no configuration says where they are (--config)' } = options
  if (dataDir === undefined) return { state: 'waits', detail: `data: ${noData}`.slice(0, 2000) }
  const held = await had(options, dataDir).catch(messageOf)
  if (typeof held === 'string') return { state: 'waits', detail: `data: ${held}`.slice(0, 2000) }
  try {
    await stillOrdered(options, order)
    const all = await wipePlan(dir, [dataDir])
    const own = await wipePlan(dir, [])
    const paths = all.paths.filter((path) => !own.paths.includes(path))
    const plan = { keys: [], paths, identity: [], token: undefined }
    const left = await wipe(plan)
    return left.length === 0
      ? `data: ${plan.paths.length} removed; `
      : { state: 'failed', detail: `data: not removed: ${left.join('; ')}`.slice(0, 2000) }
  } catch (error) {
    if (error instanceof CalledOff || error instanceof EnrolError) throw error
    return { state: 'failed', detail: `data: ${messageOf(error)}`.slice(0, 2000) }
  } finally {
    await held.close()
  }
}

/** The data directory, once no station runs there: one that does is told, by the status that it reads, to end. */
async function had(options: OrderOptions, dataDir: string): Promise<{ close(): Promise<void> }> {
  const { lock, clock, dir, retryMs = RETRY_MS, patienceMs = PATIENCE_MS } = options
  const endMs = clock.now() + patienceMs
  for (let told = false; ; told = true) {
    try {
      return await lock(dataDir)
    } catch (error) {
      if (!told) await tellStation(dir, clock.wall())
      if (clock.now() >= endMs) throw error
      await clock.sleep(retryMs)
    }
  }
}

async function tellStation(dir: string, atMs: number): Promise<void> {
  const before = await readStatus(dir)
  const failure = 'the fleet takes this device out of service, and its data'
  const { device_id, url, key, failures = 0 } = before ?? {}
  const facts =
    device_id === undefined || url === undefined || key === undefined ? undefined : { device_id, url, key }
  await writeStatus(dir, describeStatus({ state: 'decommissioned', atMs, facts, failures, failure }, before))
}

async function wipedKeys(options: OrderOptions, order: WipeOrder, data: string): Promise<Outcome> {
  await stillOrdered(options, order)
  const plan = await wipePlan(options.dir, [])
  const done: Outcome = { state: 'done', detail: `${data}keys: ${plan.paths.length} removed` }
  // A key in a token cannot speak once it is gone; that it stayed is said afterwards.
  if (plan.token !== undefined) await reported(options, order, done)
  const left = await wipe(plan)
  const after: Outcome =
    left.length === 0
      ? done
      : { state: 'failed', detail: `${data}keys: not removed: ${left.join('; ')}`.slice(0, 2000) }
  return plan.token === undefined || left.length > 0 ? await reported(options, order, after) : after
}

/** The connection's key is in memory yet. A report that is lost is not missed by the device, which is wiped. */
async function reported(
  { client, say, clock, retryMs = RETRY_MS }: OrderOptions,
  order: WipeOrder,
  what: Outcome,
): Promise<Outcome> {
  say(`${what.state}: ${what.detail}`)
  for (let attempt = 1; ; attempt += 1) {
    try {
      await client.report(order, what)
      return what
    } catch (error) {
      const refused = error instanceof EnrolError && error.reason === 'refused'
      if (refused || attempt === REPORTS) {
        say(`not reported: ${messageOf(error)}`)
        return what
      }
      await clock.sleep(retryMs)
    }
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
