import type { FoundDevice } from '../../drivers/scan.ts'
import type { Answers } from './answers.ts'
import { busName, type Found, type FoundBus } from './machine.ts'

/** A piece of `poincon.yaml`, as it is written; `config.ts` says whether it is right. */
type Piece = Readonly<Record<string, unknown>>

/** What the configuration will be, and what somebody should know of it. */
export interface Plan {
  readonly config: Piece
  /** What was found and is not used, or wanted and not found, by a key of `texts.ts`. */
  readonly remarks: readonly { readonly text: Remark; readonly about: string }[]
}

export type Remark = 'no-heads' | 'bus-problem' | 'unknown-chip' | 'second-climate' | 'no-camera' | 'no-gate'

const VL53 = /^VL53L8/
const SPECTRAL = /^AS7341/
const CLIMATE: readonly (readonly [RegExp, string])[] = [
  [/^SHT31/, 'sht31'],
  [/^BME280/, 'bme280'],
]

/** From what there is and what was answered to a configuration. Pure. */
export function planOf(found: Found, answers: Answers): Plan {
  const remarks: { text: Remark; about: string }[] = []
  const wires = answers.heads === 'found' ? wiresOf(found, remarks) : {}
  if (answers.gate === undefined) remarks.push({ text: 'no-gate', about: 'gate' })
  const config: Record<string, unknown> = {
    ...given('device_id', answers.device_id),
    ...{ site: answers.site, line: answers.line, station: answers.station },
    ...given('data_dir', answers.data_dir),
    recipe: answers.recipe,
    ...wires,
    ...given('camera', cameraOf(found, answers, remarks)),
    trigger: triggerOf(answers),
    ...given('gate', gateOf(answers)),
    ...(answers.broker === undefined ? {} : { mqtt: { upstream: answers.broker } }),
    ...given('influx', influxOf(answers)),
  }
  return { config, remarks }
}

function given(key: string, value: unknown): Piece {
  return value === undefined ? {} : { [key]: value }
}

function wiresOf({ buses }: Found, remarks: { text: Remark; about: string }[]): Piece {
  for (const { path, problem } of buses) {
    if (problem !== undefined) remarks.push({ text: 'bus-problem', about: `${path}: ${problem}` })
  }
  const used = buses.filter(({ devices }) => devices.some(isOurs))
  const named = used.map((bus, index) => ({ bus, name: busName(bus, index === 0) }))
  for (const { path, devices } of buses) {
    for (const { address, chip } of devices.filter((one) => !isOurs(one))) {
      remarks.push({ text: 'unknown-chip', about: `${path} 0x${address.toString(16)} ${chip ?? '?'}` })
    }
  }
  const heads = Object.fromEntries([...headsOf(named, VL53, 'tof'), ...headsOf(named, SPECTRAL, 'spectral')])
  if (Object.keys(heads).length === 0) {
    remarks.push({ text: 'no-heads', about: buses.map(({ path }) => path).join(', ') || '/dev/i2c-*' })
    return {}
  }
  return {
    buses: Object.fromEntries(named.map(({ name, bus }) => [name, { kind: 'linux', path: bus.path }])),
    heads,
    ...given('environment', climateOf(named, remarks)),
  }
}

type NamedBus = { readonly bus: FoundBus; readonly name: string }

function headsOf(buses: readonly NamedBus[], chip: RegExp, id: string): readonly [string, Piece][] {
  const kind = id === 'tof' ? 'vl53l8ch' : 'as7341'
  const usual = id === 'tof' ? 0x29 : 0x39
  const found = buses.flatMap(({ bus, name }) =>
    bus.devices
      .filter((one) => matches(one, chip))
      .map(({ address }) => ({ kind, bus: name, ...(address === usual ? {} : { address }) })),
  )
  return found.map((head, index) => [index === 0 ? id : `${id}-${index + 1}`, head])
}

function climateOf(
  buses: readonly NamedBus[],
  remarks: { text: Remark; about: string }[],
): Piece | undefined {
  const all = buses.flatMap(({ bus, name }) =>
    bus.devices.flatMap((one) => {
      const kind = CLIMATE.find(([chip]) => matches(one, chip))?.[1]
      return kind === undefined ? [] : [{ kind, bus: name, address: one.address }]
    }),
  )
  for (const { bus, address } of all.slice(1)) {
    remarks.push({ text: 'second-climate', about: `${bus} 0x${address.toString(16)}` })
  }
  return all[0]
}

function isOurs(one: FoundDevice): boolean {
  return [VL53, SPECTRAL, ...CLIMATE.map(([chip]) => chip)].some((chip) => matches(one, chip))
}

function matches({ chip, certain }: FoundDevice, pattern: RegExp): boolean {
  return certain && chip !== undefined && pattern.test(chip)
}

function cameraOf(
  found: Found,
  { camera }: Answers,
  remarks: { text: Remark; about: string }[],
): Piece | undefined {
  if (camera === 'none') return undefined
  if (camera === 'simulated') return { kind: 'simulated', distinct: 20 }
  const first = found.cameras[0]
  if (first === undefined) {
    remarks.push({ text: 'no-camera', about: '/dev/video*' })
    return undefined
  }
  return { kind: 'v4l2', device: first.path }
}

function triggerOf({ trigger }: Answers): Piece {
  if (trigger.kind !== 'light-barrier') return trigger
  return { kind: trigger.kind, line: { line: trigger.line, bias: 'pull-up' } }
}

function gateOf({ gate }: Answers): Piece | undefined {
  if (gate === undefined) return undefined
  const { pass, kick, stop, hold, delay_ms } = gate
  const lines = Object.entries({ pass, kick, stop, hold }).flatMap(([name, line]) =>
    line === undefined ? [] : [[name, { line }] as const],
  )
  return { delay_ms, ...(hold === undefined ? {} : { hold_lane: true }), lines: Object.fromEntries(lines) }
}

function influxOf({ influx }: Answers): Piece | undefined {
  if (influx === undefined) return undefined
  const { version, org, bucket, database, ...where } = influx
  return version === 1
    ? { ...where, version, database }
    : { ...where, version, ...(org === '' ? {} : { org }), bucket }
}
