import type { EquipmentName, Passage } from './equipment-texts.ts'
import type { Format } from './format.ts'
import { roomText } from './storage.ts'
import type { Condition, Equipment } from './wire.ts'

/** One unit as a person at the line reads it. */
export interface EquipmentEntry {
  readonly name: string
  readonly condition: Condition
  /** The condition in a word. */
  readonly word: string
  /** What it measures, in small print. */
  readonly reading: string
  /** Where it is the gate: what became of the parts, with its word, always in the same order. */
  readonly passages: readonly { readonly passage: Passage; readonly label: string; readonly parts: string }[]
  /** What its trouble means for the line; undefined where it has none. */
  readonly meaning: string | undefined
}

const PASSAGES = ['accepted', 'rejected', 'held', 'late', 'waiting'] as const
/** A picture younger than this is of now. */
const NOW_MS = 1000

export function describeEquipment(unit: Equipment, format: Format): EquipmentEntry {
  const { names, meanings } = format.texts.equipment
  const known = isKnown(unit.name, names) ? unit.name : undefined
  return {
    name: known === undefined ? unit.name : names[known],
    condition: stands(unit) ? 'degraded' : unit.state,
    word: wordOf(unit, format),
    reading: readingOf(unit, format),
    passages: unit.name === 'gate' ? passagesOf(unit, format) : [],
    meaning: known === undefined || unit.state === 'ok' ? undefined : meanings[known][unit.state],
  }
}

/** A gateway of another release may have units that this page has no words for. */
function isKnown(name: string, names: Readonly<Record<EquipmentName, string>>): name is EquipmentName {
  return Object.hasOwn(names, name)
}

/** A gate that works, on a line that does not. */
function stands({ state, facts }: Equipment): boolean {
  return state === 'ok' && facts?.line_stopped === true
}

function wordOf(unit: Equipment, { texts }: Format): string {
  const { name, state } = unit
  const { lineStopped, calibrated, notCalibrated } = texts.equipment
  if (stands(unit)) return lineStopped
  if (name === 'calibration' && state !== 'degraded') return state === 'ok' ? calibrated : notCalibrated
  return texts.conditions[state]
}

/** What does not work as it should measures nothing: its last numbers would pass for present ones. */
function readingOf(unit: Equipment, format: Format): string {
  const { texts, whole, short, day, duration } = format
  if (unit.state !== 'ok') return ''
  const { beltSpeed, climate, pictures, old, roomFor, connected } = texts.equipment
  const number = (name: string): number | undefined => numberIn(unit, name)
  switch (unit.name) {
    case 'encoder': {
      const speed = number('mm_per_s')
      return speed === undefined ? '' : beltSpeed(whole(speed))
    }
    case 'environment': {
      const [temperature, humidity] = [number('temperature_c'), number('humidity_percent')]
      if (temperature === undefined || humidity === undefined) return ''
      return climate(short(temperature), whole(humidity))
    }
    case 'camera': {
      const [fps, age] = [number('fps'), number('age_ms')]
      if (fps === undefined || age === undefined) return ''
      return `${pictures(short(fps))} · ${old(age < NOW_MS ? '< 1 s' : duration(age))}`
    }
    case 'calibration': {
      const at = unit.facts?.at
      return typeof at === 'string' && !Number.isNaN(Date.parse(at)) ? day(at) : ''
    }
    case 'retention': {
      const hours = number('hours_left')
      return hours === undefined ? '' : roomFor(roomText(hours, format))
    }
    case 'esp32': {
      const devices = number('devices')
      return devices === undefined ? '' : connected(whole(devices))
    }
    default:
      return ''
  }
}

function passagesOf(unit: Equipment, { texts, whole }: Format): EquipmentEntry['passages'] {
  return PASSAGES.flatMap((passage) => {
    const parts = numberIn(unit, passage)
    const label = texts.equipment.passages[passage]
    return parts === undefined ? [] : [{ passage, label, parts: whole(parts) }]
  })
}

function numberIn({ facts }: Equipment, name: string): number | undefined {
  const fact = facts?.[name]
  return typeof fact === 'number' ? fact : undefined
}
