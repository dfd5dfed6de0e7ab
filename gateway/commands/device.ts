import { readFile } from 'node:fs/promises'
import { isAbsolute } from 'node:path'
import { parseArgs } from 'node:util'
import { systemClock } from '../../drivers/clock.ts'
import { DeviceFolder, type DeviceSettings, deviceSettings } from '../../provisioning/device.ts'
import { type DeviceStatus, readStatus } from '../../provisioning/device-status.ts'
import { wipe, wipePlan } from '../../provisioning/device-wipe.ts'
import { enrol, type FirstProof } from '../../provisioning/enrol.ts'
import { EnrolError } from '../../provisioning/enrol-error.ts'
import { renew } from '../../provisioning/enrol-renew.ts'
import type { FirstTrust } from '../../provisioning/enrol-trust.ts'
import { commandConfig } from '../config-file.ts'
import { identityOf } from '../identity.ts'
import { lockDirectory } from '../store/lock.ts'
import { packageVersion } from '../version.ts'

const USAGE = `poincon device enrol --url URL (--ca-sha256 HEX | --ca-file FILE) (--token-file FILE | --factory-cert FILE --factory-key FILE)
                     [--device-id ID] [--serial NUMBER] [--wait MINUTES] [--again]
                     [--pkcs11-module FILE --pkcs11-token LABEL --pin-file FILE [--pkcs11-engine FILE]]
poincon device renew [--force]
poincon device status [--json]
poincon device wipe --yes [--data DIR…]
poincon device deposit [--json]            leaves recipes and calibrations with the fleet, for who follows
poincon device adopt [--yes] [--same-heads] [--json]
                                           takes up what the device before this one left
poincon device orders [--json]             does what the fleet orders: a device out of service wipes itself

enrol makes this device's own key and gets its first certificate from an authority that speaks EST (RFC 7030): poincon
fleet, step-ca or EJBCA. The authority is recognised by the SHA-256 of its root's certificate, or by FILE; the device by
a token of one use (- reads it from standard input), or by its maker's certificate. Key, certificate and authorities
come to --dir (default /var/lib/poincon-device) as device.key, device.crt and ca.crt. renew looks at the certificate and
gets the next one from two thirds of its life on; a timer calls it, and then orders and deposit are done, too. adopt shows
what it would take up, and does it with --yes: calibrations of heads whose serial is the same; --same-heads says that all
heads came over. Not while the station runs. wipe removes key, certificate and settings, and all
that is in each DIR; without --yes it only says what that is. --config FILE names the configuration that holds the
device's id, where --device-id does not.

Exit codes: 0 done; for status: the certificate holds · 1 failed, or no certificate that holds · 2 wrong usage
            3 the clock of this device must be set first
`

const CLOCK_WRONG = 3
const DIR = '/var/lib/poincon-device'

type Values = ReturnType<typeof parsed>['values']

function parsed(args: readonly string[]) {
  return parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      config: { type: 'string', short: 'c' },
      dir: { type: 'string', default: DIR },
      url: { type: 'string' },
      'ca-sha256': { type: 'string' },
      'ca-file': { type: 'string' },
      'token-file': { type: 'string' },
      'factory-cert': { type: 'string' },
      'factory-key': { type: 'string' },
      'device-id': { type: 'string' },
      serial: { type: 'string' },
      wait: { type: 'string', default: '0' },
      again: { type: 'boolean', default: false },
      'pkcs11-module': { type: 'string' },
      'pkcs11-token': { type: 'string' },
      'pkcs11-engine': { type: 'string' },
      'pin-file': { type: 'string' },
      force: { type: 'boolean', default: false },
      yes: { type: 'boolean', default: false },
      'same-heads': { type: 'boolean', default: false },
      data: { type: 'string', multiple: true },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
}

/** Where answers and complaints go. */
export interface DeviceTerminal {
  readonly output: Pick<NodeJS.WritableStream, 'write'>
  readonly errors: Pick<NodeJS.WritableStream, 'write'>
  readonly input: AsyncIterable<Buffer | string>
}

const PROCESS: DeviceTerminal = { output: process.stdout, errors: process.stderr, input: process.stdin }

/** It reads the store: what only looks at a certificate need not load that. */
const fleetSide = () => import('./device-fleet.ts')

/** `poincon device …`. */
export async function deviceCommand(
  args: readonly string[],
  terminal: DeviceTerminal = PROCESS,
): Promise<number> {
  const { values, positionals } = parsed(args)
  const [verb, ...more] = positionals
  if (values.help) {
    terminal.output.write(USAGE)
    return 0
  }
  const verbs = {
    ...{ enrol: enrolVerb, renew: renewVerb, status: statusVerb, wipe: wipeVerb },
    deposit: async (typed: Values) => (await fleetSide()).depositVerb(typed, terminal, interruption()),
    adopt: async (typed: Values) => (await fleetSide()).adoptVerb(typed, terminal, interruption()),
    orders: async (typed: Values) => (await fleetSide()).ordersVerb(typed, terminal, interruption()),
  } as const
  const isVerb = (name: string): name is keyof typeof verbs => Object.hasOwn(verbs, name)
  if (verb === undefined || !isVerb(verb) || more.length > 0) {
    terminal.errors.write(USAGE)
    return 2
  }
  try {
    return await verbs[verb](values, terminal)
  } catch (error) {
    if (!(error instanceof EnrolError)) throw error
    terminal.errors.write(`poincon: ${error.message}\n`)
    return error.reason === 'clock-wrong' ? CLOCK_WRONG : error.reason === 'invalid' ? 2 : 1
  }
}

async function enrolVerb(values: Values, terminal: DeviceTerminal): Promise<number> {
  const settings = settingsOf(values)
  await refuseSecond(values)
  setModule(settings)
  const status = await enrol({
    dir: values.dir,
    settings,
    trust: await trustOf(values),
    proof: await proofOf(values, terminal),
    clock: systemClock,
    signal: interruption(),
    userAgent: `poincon/${packageVersion()}`,
    patienceMs: minutes(values.wait),
    again: (error, waitMs) =>
      terminal.errors.write(`poincon: ${error.message}; again in ${Math.ceil(waitMs / 1000)} s\n`),
  })
  terminal.output.write(`${described(status)}\n`)
  await (await fleetSide()).placeTold(values, terminal, interruption())
  return 0
}

/** @throws EnrolError `invalid` that names the option */
function settingsOf(values: Values): DeviceSettings {
  const { url, serial } = values
  if (url === undefined) throw missing('--url', 'the address of the authority’s server')
  const deviceId = values['device-id'] ?? identityOf(commandConfig(values.config).config).deviceId
  const read = deviceSettings.safeParse({
    schema: 'poincon.device-settings/1',
    ...{ url, device_id: deviceId, key: keyOf(values) },
    ...(serial === undefined ? {} : { serial }),
  })
  if (read.success) return read.data
  const [issue] = read.error.issues
  throw new EnrolError('invalid', `${issue?.path.join('.')}: ${issue?.message}`)
}

function keyOf(values: Values): unknown {
  const {
    'pkcs11-module': module,
    'pkcs11-token': token,
    'pkcs11-engine': engine,
    'pin-file': pinFile,
  } = values
  if (module === undefined && token === undefined) return { kind: 'file' }
  if (engine !== undefined && !isAbsolute(engine)) throw missing('--pkcs11-engine', 'a whole path')
  return { kind: 'pkcs11', module, token, pin_file: pinFile, ...(engine === undefined ? {} : { engine }) }
}

/** The engine, unlike `pkcs11-tool`, is told the token's library only in this way. */
function setModule({ key }: DeviceSettings): void {
  if (key.kind === 'pkcs11') process.env.PKCS11_MODULE_PATH ??= key.module
}

async function refuseSecond({ dir, again }: Values): Promise<void> {
  const status = await readStatus(dir)
  if (again || status?.not_after === undefined || Date.parse(status.not_after) < systemClock.wall()) return
  if (status.state === 'revoked' || status.state === 'refused') return
  throw new EnrolError(
    'refused',
    `${status.subject} holds until ${status.not_after}: --again enrols all the same`,
  )
}

async function trustOf(values: Values): Promise<FirstTrust> {
  const { 'ca-sha256': sha256, 'ca-file': file } = values
  if ((sha256 === undefined) === (file === undefined)) {
    throw missing('--ca-sha256 or --ca-file', 'one of them: the authority to trust')
  }
  return file === undefined
    ? { kind: 'fingerprint', sha256: sha256 ?? '' }
    : { kind: 'certificates', pem: await readFile(file, 'utf8') }
}

async function proofOf(values: Values, { input }: DeviceTerminal): Promise<FirstProof> {
  const { 'token-file': file, 'factory-cert': cert, 'factory-key': key } = values
  if (cert !== undefined && key !== undefined) {
    return { kind: 'factory', identity: { cert: await readFile(cert), key: await readFile(key) } }
  }
  if (file === undefined) throw missing('--token-file', 'a file with the token, or - for standard input')
  let text = file === '-' ? '' : await readFile(file, 'utf8')
  if (file === '-') for await (const part of input) text += String(part)
  const token = text.trim()
  if (!/^[\x21-\x7e]{1,256}$/.test(token)) throw missing('--token-file', 'one line of printable ASCII')
  return { kind: 'token', token }
}

async function renewVerb(values: Values, terminal: DeviceTerminal): Promise<number> {
  const { dir, force, json } = values
  const settings = await new DeviceFolder(dir).settings()
  if (settings !== undefined) setModule(settings)
  const status = await renew({
    ...{ dir, force, clock: systemClock, signal: interruption() },
    userAgent: `poincon/${packageVersion()}`,
  })
  if (settings !== undefined) await (await fleetSide()).fleetRound(values, terminal, interruption())
  return show(status, json, terminal)
}

async function statusVerb({ dir, json }: Values, terminal: DeviceTerminal): Promise<number> {
  const status = await readStatus(dir)
  if (status !== undefined) return show(status, json, terminal)
  terminal.output.write(json ? 'null\n' : `${dir}: nothing is enrolled here\n`)
  return 1
}

function show(status: DeviceStatus, json: boolean, { output }: DeviceTerminal): number {
  output.write(`${json ? JSON.stringify(status) : described(status)}\n`)
  if (status.state === 'clock-wrong') return CLOCK_WRONG
  const ended = status.not_after === undefined || Date.parse(status.not_after) <= systemClock.wall()
  return ended || status.state === 'expired' || status.state === 'revoked' ? 1 : 0
}

function described(status: DeviceStatus): string {
  const { state, subject, issuer, not_after, renew_at, failure, failures, next_attempt_at } = status
  return [
    `state       ${state}, since ${status.since}`,
    ...(subject === undefined ? [] : [`certificate ${subject}, by ${issuer}`]),
    ...(not_after === undefined ? [] : [`holds until ${not_after}, renewed from ${renew_at} on`]),
    ...(failure === undefined ? [] : [`failure     ${failure} (${failures} in a row)`]),
    ...(next_attempt_at === undefined ? [] : [`next try    ${next_attempt_at}`]),
  ].join('\n')
}

async function wipeVerb(
  { dir, data = [], yes }: Values,
  { output, errors }: DeviceTerminal,
): Promise<number> {
  const plan = await wipePlan(dir, data)
  if (plan.token !== undefined) {
    output.write(`the key ${plan.token.object} in the token ${plan.token.token}\n`)
  }
  for (const path of plan.paths) output.write(`${path}\n`)
  if (!yes) {
    errors.write('poincon: nothing was removed: --yes removes all of the above, for good\n')
    return 2
  }
  const held = await locked(data)
  const left = await wipe(plan).finally(() => Promise.all(held.map((lock) => lock.close())))
  for (const one of left) errors.write(`poincon: not removed: ${one}\n`)
  const gone = plan.paths.filter((path) => !left.some((one) => one.startsWith(`${path}: `)))
  const key = plan.token !== undefined && !left.some((one) => one.startsWith('token '))
  output.write(`${gone.length + (key ? 1 : 0)} removed\n`)
  return left.length === 0 ? 0 : 1
}

/** Takes the data directories, so that no station writes into what is removed. @throws StoreError while one runs */
async function locked(dirs: readonly string[]): Promise<Closable[]> {
  const held: Closable[] = []
  try {
    for (const dir of dirs) held.push(await lockDirectory(dir))
    return held
  } catch (error) {
    for (const lock of held) await lock.close()
    throw error
  }
}

interface Closable {
  close(): Promise<void>
}

/** @throws EnrolError `invalid` */
function minutes(given: string): number {
  if (!/^\d{1,5}$/.test(given)) throw missing('--wait', 'whole minutes')
  return Number(given) * 60_000
}

function missing(option: string, expected: string): EnrolError {
  return new EnrolError('invalid', `${option}: expected ${expected}`)
}

let interrupted: AbortController | undefined

/** One for the process, however many verbs and steps ask. */
function interruption(): AbortSignal {
  if (interrupted !== undefined) return interrupted.signal
  const ending = new AbortController()
  interrupted = ending
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => ending.abort(new Error(`ended by ${signal}`)))
  }
  return ending.signal
}
