import { readdir, readFile } from 'node:fs/promises'
import type { I2cBus } from '../../drivers/bus.ts'
import { systemClock } from '../../drivers/clock.ts'
import { type FoundDevice, scan } from '../../drivers/scan.ts'
import { busTimeMs } from '../../drivers/vl53l8ch/bus-time.ts'
import { planRanging } from '../../drivers/vl53l8ch/configuration.ts'
import type { Config } from '../config.ts'
import { type BusOptions, climateAddress } from '../head-options.ts'
import { busyMsPerSecond, hertzOf, rangingSettings, wiresOf } from '../ranging-plan.ts'
import { type Finding, failed, messageOf, ok, warning } from './finding.ts'

const SCAN_LIMIT_MS = 20_000

/** Every bus: whether it is there, how fast it is, who answers on it, and who should. */
export async function busFindings(
  config: Config,
  get: (name: string) => Promise<I2cBus>,
): Promise<readonly Finding[]> {
  const findings: Finding[] = []
  const answering = new Map<string, ReadonlySet<number>>()
  // What stands on the host's wires answers through every channel of a multiplexer, too.
  const hostsFirst = Object.entries(config.buses).sort(([, one], [, other]) => rank(one) - rank(other))
  for (const [name, bus] of hostsFirst) {
    const place = bus.kind === 'linux' ? ` (${bus.path})` : bus.kind === 'simulated' ? ' (simulated)' : ''
    const subject = `bus ${name}${place}`
    if (bus.kind === 'linux') findings.push(...(await bitRate(subject, bus)))
    try {
      const signal = AbortSignal.timeout(SCAN_LIMIT_MS)
      const expected = expectedOn(name, config)
      const ranging = new Set([...expected].flatMap(([at, { kind }]) => (kind === 'vl53l8ch' ? [at] : [])))
      const all = await scan(await get(name), systemClock, ranging, signal)
      answering.set(name, new Set(all.map(({ address }) => address)))
      const host = bus.kind === 'multiplexed' ? answering.get(bus.bus) : undefined
      const found = all.filter(({ address }) => host?.has(address) !== true)
      findings.push(...devices(subject, found, expected))
    } catch (error) {
      findings.push(failed(subject, messageOf(error), busAdvice(messageOf(error))))
    }
  }
  return [...findings, ...(await otherBuses(config)), ...rates(config)]
}

function rank({ kind }: BusOptions): number {
  return kind === 'multiplexed' ? 1 : 0
}

interface Expected {
  readonly owner: string
  readonly kind: string
  /** It is given its address when it is opened: until then it may stand at its first one. */
  readonly movable?: boolean
}

/** Who the configuration wants on a bus, by address. A head with an LPn pin may still stand at the first address. */
function expectedOn(name: string, { heads, environment, buses }: Config): ReadonlyMap<number, Expected> {
  const expected = new Map<number, Expected>()
  for (const [id, head] of Object.entries(heads)) {
    const { bus, address, kind } = head
    const movable = kind === 'vl53l8ch' && head.lpn !== undefined
    if (bus === name) expected.set(address, { owner: `head ${id}`, kind, movable })
  }
  if (environment?.bus === name) {
    expected.set(climateAddress(environment), { owner: 'environment', kind: environment.kind })
  }
  for (const [id, bus] of Object.entries(buses)) {
    if (bus.kind === 'multiplexed' && bus.bus === name) {
      expected.set(bus.address, { owner: `multiplexer of ${id}`, kind: 'tca9548a' })
    }
  }
  return expected
}

function devices(
  subject: string,
  found: readonly FoundDevice[],
  expected: ReadonlyMap<number, Expected>,
): readonly Finding[] {
  const listed = found.map(({ address, chip, certain }) => {
    const name = chip === undefined ? 'something unknown' : certain ? chip : `perhaps ${chip}`
    const owner = expected.get(address)?.owner
    return `${hex(address)} ${name}${owner === undefined ? '' : ` = ${owner}`}`
  })
  const first = found.length === 0 ? 'nobody answers' : listed.join(', ')
  const missing = [...expected].filter(
    ([address, { movable }]) => movable !== true && !found.some((one) => one.address === address),
  )
  if (found.length === 0 && missing.length > 0) {
    return [failed(subject, first, 'check supply, SDA and SCL (swapped?), pull-ups to 3.3 V (2.2 to 4.7 kΩ)')]
  }
  return [
    ok(subject, first),
    ...missing.map(([address, { owner }]) =>
      failed(`${subject} at ${hex(address)}`, `${owner} does not answer`, MISSING),
    ),
    ...found.flatMap((one) => wrongChip(subject, one, expected.get(one.address))),
  ]
}

const MISSING = 'check its supply and its wires, and the address straps; on a long cable lower the bit rate'

const CHIPS: Readonly<Record<string, RegExp>> = {
  vl53l8ch: /^VL53/,
  as7341: /^AS7341/,
  bme280: /^BME280/,
  sht31: /^SHT31/,
}

function wrongChip(subject: string, one: FoundDevice, expected: Expected | undefined): readonly Finding[] {
  const pattern = CHIPS[expected?.kind ?? '']
  if (expected === undefined || pattern === undefined || (one.chip !== undefined && pattern.test(one.chip)))
    return []
  const found = `${one.chip ?? 'something unknown'} answers instead of the ${expected.kind} of ${expected.owner}`
  return [
    failed(
      `${subject} at ${hex(one.address)}`,
      found,
      'two chips with one address? move one, or use a TCA9548A',
    ),
  ]
}

/** The device tree says how fast the bus is; the heads' rates are checked against what the configuration says. */
async function bitRate(
  subject: string,
  { path, hz }: { readonly path: string; readonly hz: number },
): Promise<readonly Finding[]> {
  const bus = path.replace('/dev/', '')
  try {
    const bytes = await readFile(`/sys/bus/i2c/devices/${bus}/of_node/clock-frequency`)
    const real = bytes.readUInt32BE(0)
    if (real >= hz) return []
    const found = `runs at ${real / 1000} kHz, the configuration says ${hz / 1000} kHz`
    const advice = `dtparam=i2c_arm_baudrate=${hz} in /boot/firmware/config.txt (Raspberry Pi), or set hz: ${real}`
    return [warning(subject, found, advice)]
  } catch {
    return []
  }
}

/** Buses of the machine that nobody uses: perhaps the head hangs there. */
async function otherBuses({ buses }: Config): Promise<readonly Finding[]> {
  const used = new Set(Object.values(buses).flatMap((bus) => (bus.kind === 'linux' ? [bus.path] : [])))
  const there = (await readdir('/dev').catch(() => []))
    .filter((name) => /^i2c-\d+$/.test(name))
    .map((name) => `/dev/${name}`)
  const wanted = [...used].filter((path) => !there.includes(path))
  const others = there.filter((path) => !used.has(path))
  if (wanted.length > 0 && others.length > 0) {
    return [
      warning('other buses', others.join(', '), `is one of them meant instead of ${wanted.join(', ')}?`),
    ]
  }
  return others.length === 0 ? [] : [ok('other buses', `${others.join(', ')}, not used`)]
}

/** What each ranging head asks of its bus, and what the bus could carry. */
function rates({ heads, buses }: Config): readonly Finding[] {
  return Object.entries(heads).flatMap(([id, head]) => {
    const hz = hertzOf(head.bus, buses)
    if (head.kind !== 'vl53l8ch' || hz === undefined) return []
    const settings = rangingSettings(head)
    const alone = 1000 / busTimeMs(planRanging(settings), hz)
    const wires = wiresOf(head.bus, buses)
    const busy = Object.values(heads)
      .filter((other) => other.kind === 'vl53l8ch' && wiresOf(other.bus, buses) === wires)
      .reduce((sum, other) => sum + (other.kind === 'vl53l8ch' ? busyMsPerSecond(other, hz) : 0), 0)
    const chip = head.zones === 64 ? 15 : 60
    const found = `${head.rate_hz} Hz asked; the chip can ${chip} Hz, the wires ${alone.toFixed(1)} Hz at ${hz / 1000} kHz, ${(busy / 10).toFixed(0)} % of which all heads there use`
    return [ok(`rate of head ${id}`, found)]
  })
}

/** What to do about an error of a bus or a chip, by its words. */
export function busAdvice(found: string): string {
  if (/permission|EACCES/i.test(found)) {
    return 'let the user into group i2c: sudo usermod -aG i2c $USER, then log in anew'
  }
  if (/bus stuck|held low|timed out|timeout/i.test(found)) {
    return 'SDA or SCL is held low, or a chip stretches the clock: take chips off one by one, power-cycle, check pull-ups; on a Raspberry Pi lower the bit rate'
  }
  if (/arbitration/i.test(found)) return 'another master, or SDA shorted: one process and one host per bus'
  if (/no acknowledge/.test(found)) {
    return 'nothing answers: check supply, SDA/SCL, pull-ups and the address; `i2cdetect -y N` lists what answers'
  }
  if (/firmware/.test(found)) return 'poincon firmware import vl53lmz_buffers.h (drivers/vl53l8ch/README.md)'
  if (/no such|ENOENT|no-bus|cannot open/i.test(found)) {
    return 'enable I²C (Raspberry Pi: dtparam=i2c_arm=on in /boot/firmware/config.txt, raspi-config), then load i2c-dev'
  }
  return 'see drivers/README.md'
}

function hex(address: number): string {
  return `0x${address.toString(16).padStart(2, '0')}`
}
