import { CAMERA } from '../camera/image.ts'
import { SensorError } from '../sensor.ts'
import type { CameraControls } from './camera-command.ts'

/** One control, as `v4l2-ctl --list-ctrls` describes it. */
export interface Control {
  readonly name: string
  /** Absent where the driver gives no range (bool). */
  readonly min?: number
  readonly max?: number
  readonly step?: number
}

export interface ControlSetting {
  readonly name: string
  readonly value: number
}

/** Settings in the order in which they are written. */
export interface ControlPlan {
  /** What would overrule the rest: written first, as the rest is refused while they are on. */
  readonly automatics: readonly ControlSetting[]
  readonly values: readonly ControlSetting[]
}

/** Runs a tool of the machine to its end. @returns what it wrote to standard output @throws SensorError */
export type RunTool = (
  file: string,
  args: readonly string[],
  signal: AbortSignal | undefined,
) => Promise<string>

/** The unit of V4L2_CID_EXPOSURE_ABSOLUTE (kernel documentation, camera control reference). */
const EXPOSURE_UNIT_US = 100

/**
 * What each setting is called: the value, and the automatic that must be off with the value that turns it off. Kernels
 * before 5.17 had the second names; `auto_exposure` is a menu in which 1 is manual.
 */
const NAMES = {
  exposureUs: {
    value: ['exposure_time_absolute', 'exposure_absolute'],
    automatic: ['auto_exposure', 'exposure_auto'],
    off: 1,
    scale: EXPOSURE_UNIT_US,
    unit: ' µs',
  },
  gain: { value: ['gain'], automatic: ['gain_automatic', 'autogain'], off: 0, scale: 1, unit: '' },
  focus: {
    value: ['focus_absolute'],
    automatic: ['focus_automatic_continuous', 'focus_auto'],
    off: 0,
    scale: 1,
    unit: '',
  },
  brightness: { value: ['brightness'], automatic: [], off: 0, scale: 1, unit: '' },
} as const

const LINE = /^\s*(\w+) 0x[0-9a-f]{8} \(\w+\)\s*:(.*)$/

/** What `v4l2-ctl --list-ctrls` says of a camera. */
export function parseControls(listing: string): readonly Control[] {
  return listing.split('\n').flatMap((line) => {
    const [, name, rest = ''] = LINE.exec(line) ?? []
    if (name === undefined) return []
    const number = (key: string): number | undefined => {
      const found = new RegExp(`\\b${key}=(-?\\d+)(?!x)`).exec(rest)?.[1]
      return found === undefined ? undefined : Number(found)
    }
    const [min, max, step] = [number('min'), number('max'), number('step')]
    return [
      {
        name,
        ...(min === undefined ? {} : { min }),
        ...(max === undefined ? {} : { max }),
        ...(step === undefined ? {} : { step }),
      },
    ]
  })
}

/**
 * Which controls of this camera to write.
 * @throws SensorError `failed`: the camera has no such control, or not this value; the message says what it has
 */
export function planControls(wanted: CameraControls, present: readonly Control[]): ControlPlan {
  const automatics: ControlSetting[] = []
  const values: ControlSetting[] = []
  const find = (names: readonly string[]): Control | undefined =>
    present.find(({ name }) => names.includes(name))
  for (const key of ['exposureUs', 'gain', 'focus', 'brightness'] as const) {
    const value = wanted[key]
    if (value === undefined) continue
    const names = NAMES[key]
    const control = find(names.value)
    if (control === undefined) throw missing(names.value.join(' or '), present)
    const automatic = find(names.automatic)
    if (automatic !== undefined) automatics.push({ name: automatic.name, value: names.off })
    values.push({ name: control.name, value: fitting(control, value, names.scale, names.unit) })
  }
  for (const [name, value] of Object.entries(wanted.others ?? {})) {
    const control = find([name])
    if (control === undefined) throw missing(name, present)
    values.push({ name, value: fitting(control, value, 1, '') })
  }
  return { automatics, values }
}

/** Whether there is anything to write: cameras that are left as they are need no v4l2-ctl. */
export function wantsControls(wanted: CameraControls | undefined): wanted is CameraControls {
  return wanted !== undefined && Object.values(wanted).some((value) => value !== undefined)
}

/** The nearest value that the control can take. */
function fitting({ name, min, max, step = 1 }: Control, value: number, scale: number, unit: string): number {
  const low = min ?? 0
  const raw = low + Math.round((value / scale - low) / step) * step
  if ((min !== undefined && raw < min) || (max !== undefined && raw > max)) {
    const range = `${(min ?? 0) * scale} to ${max === undefined ? '…' : max * scale}${unit}`
    throw new SensorError(CAMERA, 'failed', `${name}: expected ${range}, got ${value}${unit}`)
  }
  return raw
}

function missing(name: string, present: readonly Control[]): SensorError {
  const known = present.map((control) => control.name).join(', ') || 'none at all'
  return new SensorError(CAMERA, 'failed', `the camera has no control ${name}; it has ${known}`)
}

/**
 * Writes the controls of a camera and reads them back.
 * @throws SensorError `failed`, also where the camera keeps another value than was written; what `run` throws
 */
export async function setControls(
  device: string,
  wanted: CameraControls,
  run: RunTool,
  signal: AbortSignal | undefined,
): Promise<void> {
  const control = (...args: string[]): Promise<string> =>
    run('v4l2-ctl', ['--device', device, ...args], signal)
  const plan = planControls(wanted, parseControls(await control('--list-ctrls')))
  for (const group of [plan.automatics, plan.values]) {
    if (group.length === 0) continue
    await control('--set-ctrl', group.map(({ name, value }) => `${name}=${value}`).join(','))
  }
  const all = [...plan.automatics, ...plan.values]
  if (all.length === 0) return
  const readBack = await control('--get-ctrl', all.map(({ name }) => name).join(','))
  for (const { name, value } of all) {
    const kept = new RegExp(`^${name}: (-?\\d+)`, 'm').exec(readBack)?.[1]
    if (Number(kept) === value) continue
    throw new SensorError(CAMERA, 'failed', `${name} is ${kept ?? 'unknown'}, although ${value} was written`)
  }
}
