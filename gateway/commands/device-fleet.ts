import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { systemClock } from '../../drivers/clock.ts'
import { deviceFiles } from '../../provisioning/device-files.ts'
import { carryOutOrders } from '../../provisioning/device-orders.ts'
import { EnrolError } from '../../provisioning/enrol-error.ts'
import { FleetClient } from '../../provisioning/fleet-client.ts'
import { digestOf, type Outcome, type Place, printable } from '../../provisioning/fleet-words.ts'
import { adopt, nameOf, type OwnChips, sorted } from '../adopt.ts'
import { chipsOf } from '../calibration/bench.ts'
import { CalibrationRefused } from '../calibration/refused.ts'
import { atWorkbench } from '../calibration/workbench.ts'
import type { Config } from '../config.ts'
import { commandConfig } from '../config-file.ts'
import { depositOf } from '../deposit.ts'
import { identityOf } from '../identity.ts'
import { lockDirectory } from '../store/lock.ts'
import { packageVersion } from '../version.ts'

/** What was typed, as far as the fleet is concerned. */
export interface FleetValues {
  readonly dir: string
  readonly config?: string | undefined
  readonly yes: boolean
  readonly json: boolean
  readonly 'same-heads': boolean
}

interface Terminal {
  readonly output: Pick<NodeJS.WritableStream, 'write'>
  readonly errors: Pick<NodeJS.WritableStream, 'write'>
}

function clientOf(dir: string, signal: AbortSignal): Promise<FleetClient> {
  return FleetClient.open({ dir, clock: systemClock, signal, userAgent: `poincon/${packageVersion()}` })
}

/** `poincon device deposit`: leaves recipes and calibrations with the fleet. */
export async function depositVerb(
  { dir, config: file, json }: FleetValues,
  { output }: Terminal,
  signal: AbortSignal,
): Promise<number> {
  const client = await clientOf(dir, signal)
  const document = await ownDeposit(commandConfig(file).config, client.deviceId)
  const taken = await client.deposit(document)
  const said = { digest: digestOf(document), taken }
  if (json) output.write(`${JSON.stringify(said)}\n`)
  else output.write(taken ? `deposited ${said.digest.slice(0, 12)}\n` : 'the authority keeps no deposits\n')
  return taken ? 0 : 1
}

/** In the name that the device is enrolled by, whatever its configuration calls it. */
function ownDeposit(config: Config, deviceId: string): Promise<string> {
  return depositOf(config.data_dir, { ...identityOf(config), deviceId }, packageVersion())
}

/**
 * What the timer does besides renewing: orders first, then a deposit where a configuration was named. A fleet that is away
 * is said, and is no failure of the certificate.
 */
export async function fleetRound(
  { dir, config: file }: Pick<FleetValues, 'dir' | 'config'>,
  { errors }: Terminal,
  signal: AbortSignal,
): Promise<void> {
  const say = (line: string): void => void errors.write(`poincon: ${line}\n`)
  try {
    const client = await clientOf(dir, signal)
    const { config, why } = whereData(file)
    if ((await obeyed(client, { dir, config, why, say })) !== undefined) return
    if (why !== undefined) say(why)
    if (config === undefined) return
    const document = await ownDeposit(config, client.deviceId)
    if (await isLeft(dir, document)) return
    if (await client.deposit(document)) await deviceFiles.write(join(dir, LEFT), digestOf(document), 0o644)
  } catch (error) {
    signal.throwIfAborted()
    say(`fleet: ${error instanceof Error ? error.message : error}`)
  }
}

/** Which deposit was left last, and when. */
const LEFT = 'deposited'
/** Even the same is left again after a while: a fleet may have lost its own. */
const AGAIN_MS = 7 * 86_400_000

async function isLeft(dir: string, document: string): Promise<boolean> {
  try {
    const [digest, { mtimeMs }] = await Promise.all([
      readFile(join(dir, LEFT), 'utf8'),
      stat(join(dir, LEFT)),
    ])
    return digest === digestOf(document) && Math.abs(systemClock.wall() - mtimeMs) < AGAIN_MS
  } catch {
    return false
  }
}

/** `poincon device orders`: asks the fleet what this device is to do, and does it. */
export async function ordersVerb(
  { dir, config: file, json }: FleetValues,
  { output, errors }: Terminal,
  signal: AbortSignal,
): Promise<number> {
  const { config, why } = whereData(file)
  const say = (line: string): void => void errors.write(`poincon: ${line}\n`)
  const done = await obeyed(await clientOf(dir, signal), { dir, config, why, say })
  if (json) output.write(`${JSON.stringify(done ?? null)}\n`)
  else if (done === undefined) output.write('nothing is ordered\n')
  return done === undefined || done.state === 'done' ? 0 : 1
}

interface Known {
  readonly config?: Config
  /** Why it cannot be read. */
  readonly why?: string
}

/** A configuration that is wrong keeps no device from giving up its keys. */
function whereData(file: string | undefined): Known {
  if (file === undefined) return {}
  try {
    return { config: commandConfig(file).config }
  } catch (error) {
    return { why: `configuration: ${error instanceof Error ? error.message : error}` }
  }
}

interface Obeying {
  readonly dir: string
  readonly config: Config | undefined
  readonly why: string | undefined
  readonly say: (line: string) => void
}

function obeyed(client: FleetClient, on: Obeying): Promise<Outcome | undefined> {
  const { dir, config, why: noData, say } = on
  const station = { dataDir: config?.data_dir, noData, lock: lockDirectory }
  return carryOutOrders({ client, dir, ...station, say, clock: systemClock })
}

/** What a device that was just enrolled hears of its place; nothing where its authority does not say. */
export async function placeTold(
  { dir }: Pick<FleetValues, 'dir'>,
  { output, errors }: Terminal,
  signal: AbortSignal,
): Promise<void> {
  try {
    const place = await (await clientOf(dir, signal)).place()
    if (place?.station) output.write(`station     ${printable(place.station)}\n`)
    if (place?.follows) output.write(`follows     ${place.follows}\n`)
    if (place?.offer) output.write(`offered     ${offerText(place)}: poincon device adopt\n`)
  } catch (error) {
    signal.throwIfAborted()
    errors.write(`poincon: the place of this device: ${error instanceof Error ? error.message : error}\n`)
  }
}

function offerText({ offer }: Place): string {
  const { recipes = [], calibrations = [] } = offer?.deposit ?? {}
  return `${recipes.length} recipes, ${calibrations.length} calibrations of ${offer?.made_at.slice(0, 10)}`
}

/** `poincon device adopt`: shows what the device before this one left, and takes it up with `--yes`. */
export async function adoptVerb(
  values: FleetValues,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<number> {
  const { config } = commandConfig(values.config)
  const place = await (await clientOf(values.dir, signal)).place()
  if (place?.offer == null) {
    terminal.errors.write('poincon: nothing is offered to this device\n')
    return 1
  }
  const { follows, station, offer } = place
  const { deviceId, site, line, station: own } = identityOf(config)
  if (deviceId === follows) {
    throw new EnrolError(
      'invalid',
      `device_id: ${deviceId}: it is the name of the device before; expected one of its own: two logs of one name are never told apart`,
    )
  }
  if (station !== null && station !== `${site}/${line}/${own}`) {
    terminal.errors.write(
      `poincon: this station is configured as ${site}/${line}/${own}, expected ${printable(station)}\n`,
    )
  }
  const person = { say: () => {}, ready: () => Promise.resolve(false) }
  try {
    return await atWorkbench({ config, clock: systemClock, signal, person }, async ({ store, open }) => {
      const bench = await open()
      const chips = ownChips(bench.heads, values['same-heads'])
      await bench.close()
      if (!values.yes) return shown(offer.deposit, chips, values, terminal)
      const done = await adopt(offer.deposit, chips, store)
      const facts = { follows, device_id: deviceId, epoch: store.epoch.epoch, ...done }
      terminal.output.write(values.json ? `${JSON.stringify(facts)}\n` : adoptedText(facts))
      return done.refused.length === 0 ? 0 : 1
    })
  } catch (error) {
    if (!(error instanceof CalibrationRefused)) throw error
    throw new EnrolError('refused', error.message, { cause: error })
  }
}

function ownChips(heads: Parameters<typeof chipsOf>[0], sameHeads: boolean): OwnChips {
  const serials = heads.flatMap(({ identity }) => (identity === undefined ? [] : [identity]))
  return { serials: new Set(serials), chips: chipsOf(heads), sameHeads }
}

type Offered = NonNullable<Place['offer']>['deposit']

function shown(
  deposit: Offered,
  chips: OwnChips,
  { json }: FleetValues,
  { output, errors }: Terminal,
): number {
  const { ours, anew } = sorted(deposit, chips)
  const recipes = deposit.recipes.map(({ id, revision, saved_by }) => `${id}@${revision} by ${saved_by}`)
  if (json) {
    output.write(`${JSON.stringify({ recipes, calibrations: ours.map(nameOf), anew: anew.map(nameOf) })}\n`)
    return 0
  }
  for (const one of recipes) output.write(`recipe      ${printable(one)}\n`)
  for (const one of ours) output.write(`calibration ${printable(nameOf(one))}\n`)
  for (const one of anew)
    output.write(`calibrate anew: ${printable(nameOf(one))}: another chip, or one without a serial\n`)
  errors.write('poincon: nothing was taken up: --yes takes up recipes and calibrations\n')
  return 0
}

function adoptedText(facts: {
  readonly device_id: string
  readonly epoch: string
  readonly follows: string | null
  readonly recipes: readonly string[]
  readonly calibrations: readonly string[]
  readonly anew: readonly string[]
  readonly refused: readonly string[]
}): string {
  const { recipes, calibrations, anew, refused } = facts
  return [
    ...recipes.map((one) => `recipe      ${one}`),
    ...calibrations.map((one) => `calibration ${one}`),
    ...anew.map((one) => `calibrate anew: ${one}`),
    ...refused.map((one) => `not taken up: ${one}`),
    `${facts.device_id} follows ${facts.follows}: a log of its own, epoch ${facts.epoch}`,
    '',
  ]
    .map(printable)
    .join('\n')
}
