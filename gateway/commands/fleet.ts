import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { isIP } from 'node:net'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { systemClock } from '../../drivers/clock.ts'
import { fingerprint, parsePem } from '../../provisioning/certificate.ts'
import { Authority } from '../../provisioning/server/authority.ts'
import { Fleet, openFleet } from '../../provisioning/server/fleet.ts'
import { FleetList } from '../../provisioning/server/fleet-list.ts'
import { REVOCATION, type RevocationReason } from '../../provisioning/server/inventory.ts'
import { AdmissionError } from '../../provisioning/server/tokens.ts'
import { openLog } from '../log.ts'
import { readSecret } from '../secret-file.ts'
import { day, depositText, described, orderText } from './fleet-text.ts'

const USAGE = `poincon fleet serve --host NAME… [--listen ADDRESS:PORT] [--crl-listen ADDRESS:PORT] [--crl-url URL]
                    [--crl-file FILE] [--factory-ca FILE] [--days N] [--name NAME]
poincon fleet token ID [--serial NUMBER] [--station NAME] [--hours N] [--factory] [--again]
poincon fleet replace OLD --with NEW [--serial NUMBER] [--hours N] [--now]
poincon fleet list|show ID [--json]
poincon fleet revoke ID [--reason keyCompromise|superseded|cessationOfOperation]
poincon fleet decommission ID [--wipe-data]
poincon fleet crl [--out FILE]

The authority of a plant that has none: gives every device its certificate (EST, RFC 7030), and takes it back. serve
makes the authority at its first start, and says the fingerprint of its root. token lets one device in, once; --factory
makes no secret, for a device with its maker's certificate. replace is a token for the device that takes over OLD's
station and is offered its recipes and calibrations: OLD is taken out when NEW has come, or --now. decommission takes a
device out for good: it wipes its keys, and what it stored with --wipe-data, when it comes next. crl writes the list of revocations. --dir DIR (default
/var/lib/poincon-fleet) holds all of it; --passphrase-file FILE opens the authority's key (serve and crl).

Exit codes: 0 done · 1 refused, or not found · 2 wrong usage
`

type Values = ReturnType<typeof parsed>['values']

function parsed(args: readonly string[]) {
  return parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      dir: { type: 'string', default: '/var/lib/poincon-fleet' },
      'passphrase-file': { type: 'string' },
      host: { type: 'string', multiple: true },
      listen: { type: 'string', default: '0.0.0.0:8443' },
      'crl-listen': { type: 'string' },
      'crl-url': { type: 'string' },
      'crl-file': { type: 'string' },
      'factory-ca': { type: 'string' },
      days: { type: 'string', default: '90' },
      name: { type: 'string' },
      serial: { type: 'string' },
      station: { type: 'string' },
      hours: { type: 'string', default: '24' },
      factory: { type: 'boolean', default: false },
      again: { type: 'boolean', default: false },
      with: { type: 'string' },
      now: { type: 'boolean', default: false },
      'wipe-data': { type: 'boolean', default: false },
      reason: { type: 'string', default: 'unspecified' },
      out: { type: 'string', short: 'o' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
}

/** Where answers and complaints go. */
export interface FleetTerminal {
  readonly output: Pick<NodeJS.WritableStream, 'write'>
  readonly errors: Pick<NodeJS.WritableStream, 'write'>
}

const PROCESS: FleetTerminal = { output: process.stdout, errors: process.stderr }

/** What was typed does not go together; said with what was expected. */
class UsageError extends Error {}

interface Call {
  readonly values: Values
  readonly terminal: FleetTerminal
  /** The device that is spoken of; empty where none is. */
  readonly id: string
}

const VERBS: Readonly<
  Record<string, { readonly takesId: boolean; readonly run: (call: Call) => Promise<number> }>
> = {
  serve: { takesId: false, run: serve },
  token: { takesId: true, run: (call) => token(call, { deviceId: call.id }) },
  replace: { takesId: true, run: replace },
  list: { takesId: false, run: list },
  show: { takesId: true, run: show },
  revoke: { takesId: true, run: revoke },
  decommission: { takesId: true, run: decommission },
  crl: { takesId: false, run: crl },
}

/** `poincon fleet …`. */
export async function fleetCommand(
  args: readonly string[],
  terminal: FleetTerminal = PROCESS,
): Promise<number> {
  const { values, positionals } = parsed(args)
  const [name = '', id, ...more] = positionals
  if (values.help) {
    terminal.output.write(USAGE)
    return 0
  }
  const verb = Object.hasOwn(VERBS, name) ? VERBS[name] : undefined
  if (verb === undefined || (id !== undefined) !== verb.takesId || more.length > 0) {
    terminal.errors.write(USAGE)
    return 2
  }
  try {
    if (verb.takesId) checkId(id ?? '')
    return await verb.run({ values, terminal, id: id ?? '' })
  } catch (error) {
    if (!(error instanceof AdmissionError) && !(error instanceof UsageError)) throw error
    terminal.errors.write(`poincon: ${error.message}\n`)
    return error instanceof UsageError ? 2 : 1
  }
}

async function serve({ values, terminal }: Call): Promise<number> {
  const { host: hosts = [], 'factory-ca': factory, dir, name } = values
  if (hosts.length === 0) throw new UsageError('--host: expected a name or address by which devices come')
  const lists = values['crl-listen']
  const log = openLog('info')
  const fleet = new Fleet({
    ...{ dir, name, hosts, clock: systemClock },
    passphrase: await passphraseOf(values),
    listen: addressOf('--listen', values.listen),
    lists: lists === undefined ? undefined : { ...addressOf('--crl-listen', lists), url: values['crl-url'] },
    listFile: values['crl-file'],
    factoryCa: factory === undefined ? undefined : await readFile(factory, 'utf8'),
    days: whole('--days', values.days, 825),
    note: ({ event, ...facts }) => (event === 'failed' ? log.error(facts, event) : log.info(facts, event)),
  })
  await fleet.start()
  const [root] = parsePem(fleet.root, 'root.crt')
  terminal.output.write(`${fleet.url}\nroot sha256 ${root === undefined ? '' : fingerprint(root)}\n`)
  if (fleet.listsUrl !== undefined) terminal.output.write(`revocations ${fleet.listsUrl}\n`)
  await new Promise<void>((resolve) => process.once('SIGTERM', resolve).once('SIGINT', resolve))
  await fleet.stop()
  return 0
}

async function token(
  { values, terminal }: Call,
  whom: { readonly deviceId: string; readonly replaces?: string },
): Promise<number> {
  const { serial, station, factory, again } = values
  if (serial !== undefined && !/^[\x21-\x7e]{1,64}$/.test(serial)) {
    throw new UsageError('--serial: expected up to 64 printable characters without a space')
  }
  const lifeMs = whole('--hours', values.hours, 24 * 90) * 3_600_000
  return await withFleet(values, async ({ tokens }) => {
    const atMs = systemClock.wall()
    const made = await tokens.make({ ...whom, serial, station, factory, again, lifeMs }, atMs)
    const until = new Date(atMs + lifeMs).toISOString()
    terminal.errors.write(`${made.id}: ${whom.deviceId} may come once, until ${until}\n`)
    if (made.token !== undefined) terminal.output.write(`${made.token}\n`)
    return 0
  })
}

async function replace(call: Call): Promise<number> {
  const { values, id, terminal } = call
  const code = await token(call, { deviceId: newId(call), replaces: id })
  if (code !== 0 || !values.now) return code
  return await withFleet(values, async ({ inventory }) => {
    const taken = await inventory.revoke(id, 'cessationOfOperation', systemClock.wall())
    terminal.errors.write(`${id}: ${taken} taken back\n`)
    return 0
  })
}

function decommission({ values, id, terminal: { output, errors } }: Call): Promise<number> {
  return withFleet(values, async ({ orders }) => {
    const taken = await orders.decommission(id, values['wipe-data'], systemClock.wall())
    if (taken === undefined) return notFound(id, errors)
    const order = await orders.open(id)
    output.write(`${id}: ${taken} taken back\n${order === undefined ? '' : `${orderText(order)}\n`}`)
    return 0
  })
}

function newId({ values }: Call): string {
  const { with: id } = values
  if (id === undefined) throw new UsageError('--with: expected the id of the new device')
  return checkId(id)
}

function list({ values, terminal: { output } }: Call): Promise<number> {
  return withFleet(values, async ({ inventory, orders }) => {
    const devices = await inventory.list()
    const told = new Map((await orders.newest()).map((order) => [order.device_id, order]))
    for (const one of devices) {
      const order = told.get(one.device_id)
      const text = `${described(one)}${order === undefined ? '' : `  ${orderText(order)}`}`
      output.write(`${values.json ? JSON.stringify({ ...one, order: order ?? null }) : text}\n`)
    }
    if (devices.length === 0 && !values.json) output.write('no devices yet\n')
    return 0
  })
}

function show({ values, id, terminal: { output, errors } }: Call): Promise<number> {
  return withFleet(values, async ({ inventory, orders, deposits }) => {
    const device = await inventory.device(id)
    if (device === undefined) return notFound(id, errors)
    const certificates = await inventory.certificates(id)
    const order = (await orders.newest()).find(({ device_id }) => device_id === id)
    const left = await deposits.of(id)
    if (values.json) {
      const made = left.map(({ document: _, ...facts }) => facts)
      output.write(`${JSON.stringify({ ...device, certificates, order: order ?? null, deposits: made })}\n`)
      return 0
    }
    output.write(`${described(device)}\n`)
    for (const { serial, not_before_ms, not_after_ms, revoked_ms } of certificates) {
      const end = revoked_ms === null ? '' : `, revoked ${day(revoked_ms)}`
      output.write(`  ${serial}  ${day(not_before_ms)} to ${day(not_after_ms)}${end}\n`)
    }
    if (order !== undefined) output.write(`  ${orderText(order)}\n`)
    for (const one of left) output.write(`  ${depositText(one)}\n`)
    return 0
  })
}

function revoke({ values, id, terminal: { output, errors } }: Call): Promise<number> {
  const { reason } = values
  if (!isReason(reason))
    throw new UsageError(`--reason ${reason}: expected ${Object.keys(REVOCATION).join(', ')}`)
  return withFleet(values, async ({ inventory }) => {
    const taken = await inventory.revoke(id, reason, systemClock.wall())
    if (taken === undefined) return notFound(id, errors)
    output.write(`${id}: ${taken} taken back\n`)
    return 0
  })
}

function isReason(given: string): given is RevocationReason {
  return Object.hasOwn(REVOCATION, given)
}

async function crl({ values, terminal: { output } }: Call): Promise<number> {
  const passphrase = await passphraseOf(values)
  const where = join(values.dir, 'authority')
  if (!existsSync(where)) throw new UsageError(`${where}: no authority yet: poincon fleet serve makes it`)
  return await withFleet(values, async ({ inventory }) => {
    const options = { dir: where, name: '', passphrase }
    const authority = await Authority.open(options, systemClock.wall())
    const made = new FleetList({ authority, inventory, wall: () => systemClock.wall(), file: values.out })
    const { pem } = await made.current()
    if (values.out === undefined) output.write(pem)
    return 0
  })
}

async function withFleet(
  { dir }: Values,
  work: (fleet: Awaited<ReturnType<typeof openFleet>>) => Promise<number>,
): Promise<number> {
  const fleet = await openFleet(dir)
  try {
    return await work(fleet)
  } finally {
    await fleet.database.close()
  }
}

async function passphraseOf(values: Values): Promise<string> {
  const passphrase = await readSecret(values['passphrase-file'])
  if (passphrase === undefined)
    throw new UsageError('--passphrase-file: expected the file that opens the authority')
  return passphrase
}

function addressOf(option: string, given: string): { host: string; port: number } {
  const [, host = '', port = ''] = /^\[?([^\]]+?)\]?:(\d{1,5})$/.exec(given) ?? []
  if (isIP(host) === 0 || Number(port) > 65_535) {
    throw new UsageError(`${option} ${given}: expected an address and a port, as 0.0.0.0:8443`)
  }
  return { host, port: Number(port) }
}

function whole(option: string, given: string, most: number): number {
  const value = /^\d{1,6}$/.test(given) ? Number(given) : 0
  if (value < 1 || value > most) throw new UsageError(`${option} ${given}: expected 1 to ${most}`)
  return value
}

function checkId(id: string): string {
  if (/^[a-z0-9-]{1,64}$/.test(id)) return id
  throw new UsageError(`device id ${JSON.stringify(id)}: expected up to 64 of a-z, 0-9 and -`)
}

function notFound(id: string, errors: FleetTerminal['errors']): number {
  errors.write(`poincon: ${id}: there is no such device\n`)
  return 1
}
