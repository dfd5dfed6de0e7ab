import { readFile } from 'node:fs/promises'
import { emptyTrayOf } from '../analysis/empty-tray.ts'
import { type EmptyTray, parseCalibration } from '../calibration.ts'
import type { Measurement } from '../inspection.ts'
import { measurementOf, type RawRecord } from '../raw.ts'
import { RequestError } from './range.ts'
import { recordedParts } from './recordings.ts'

/**
 * A calibration from a file: `poincon.calibration/1` as JSON or as a line of JSON Lines, or a recording of the empty
 * tray (`poincon.raw/1`, every record one look at it), which is averaged as the station does.
 * @throws RequestError naming the file and what was expected in it; what the file system throws
 */
export async function trayFromFile(file: string): Promise<EmptyTray> {
  const text = await readFile(file, 'utf8')
  const calibration = calibrationIn(text)
  if (calibration !== undefined) {
    try {
      return parseCalibration(calibration)
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      throw new RequestError(`${file}: not a calibration: ${reason}`, { cause: error })
    }
  }
  return await measured(file)
}

/** The first document that is no raw record. */
function calibrationIn(text: string): unknown {
  for (const piece of [text, text.split('\n', 1)[0] ?? '']) {
    try {
      const value: unknown = JSON.parse(piece)
      return isRaw(value) ? undefined : value
    } catch {
      // Not one document: perhaps lines.
    }
  }
  return undefined
}

function isRaw(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Reflect.get(value, 'schema') === 'poincon.raw/1'
}

async function measured(file: string): Promise<EmptyTray> {
  const looks: Measurement[] = []
  const heads = new Set<string>()
  let at: number | undefined
  for await (const record of recordedParts([file])) {
    at ??= record.t_us
    for (const [id, measurement] of firstHeads(record)) {
      heads.add(id)
      looks.push(measurement)
    }
  }
  const frames = looks.filter((look) => look.kind === 'vl53l8ch')
  const spectra = looks.filter((look) => look.kind === 'as7341')
  if (frames.length === 0)
    throw new RequestError(`${file}: expected a calibration, or frames of the empty tray`)
  return emptyTrayOf(frames, spectra, {
    id: file,
    at: new Date((at ?? 0) / 1000).toISOString(),
    by: file,
    heads: [...heads],
  })
}

/** Of each kind the first, as the station calibrates. */
function firstHeads(record: RawRecord): readonly (readonly [string, Measurement])[] {
  const heads = Object.entries(record.heads)
  return ['vl53l8ch', 'as7341'].flatMap((kind) => {
    const found = heads.find(([, head]) => head.kind === kind)
    return found === undefined ? [] : [[found[0], measurementOf(found[1], 0)] as const]
  })
}
