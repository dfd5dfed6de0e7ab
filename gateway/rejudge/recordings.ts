import { createReadStream } from 'node:fs'
import { open, readFile } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { type EmptyTray, parseCalibration } from '../calibration.ts'
import { type RawRecord, rawRecord } from '../raw.ts'
import { ReplayError, readRecording } from '../replay/formats.ts'

/** A recording whose form holds the whole file in memory may be so long, bytes. */
const LONGEST_WHOLE = 256 * 2 ** 20
const CALIBRATION = '"poincon.calibration/1"'
const LINES = /"schema"\s*:\s*"poincon\.(raw|calibration)\/1"/

/**
 * The parts of recordings, in order: `poincon.raw/1` line by line, whatever its length; every other form that
 * `run --replay` reads as a whole.
 * @throws ReplayError naming file, line and what was expected; what the file system throws
 */
export async function* recordedParts(files: readonly string[]): AsyncGenerator<RawRecord> {
  for (const file of files) {
    if (await isLines(file)) yield* rawLines(file)
    else yield* (await whole(file)).records
  }
}

/** Calibrations that recordings hold, by id: a record may name one that stands behind it. */
export async function recordedTrays(files: readonly string[]): Promise<Map<string, EmptyTray>> {
  const trays: EmptyTray[] = []
  for (const file of files) {
    if (!(await isLines(file))) {
      trays.push(...(await whole(file)).trays)
      continue
    }
    for await (const [line, number] of linesOf(file)) {
      if (line.includes(CALIBRATION)) trays.push(trayIn(json(line, file, number), file, number))
    }
  }
  return new Map(trays.map((tray) => [tray.id, tray]))
}

async function isLines(file: string): Promise<boolean> {
  const handle = await open(file)
  try {
    // The schema is a line's first member in all that we write, but need not be in what others do.
    const { bytesRead, buffer } = await handle.read(Buffer.alloc(65_536), 0, 65_536, 0)
    const head = buffer.toString('utf8', 0, bytesRead)
    if (head.trim() === '') throw new ReplayError(`${file}:1: the file is empty: expected a recording`)
    return LINES.test(head)
  } finally {
    await handle.close()
  }
}

async function whole(file: string): Promise<ReturnType<typeof readRecording>> {
  const handle = await open(file)
  const { size } = await handle.stat().finally(() => handle.close())
  if (size > LONGEST_WHOLE) {
    throw new ReplayError(`${file}: ${size} bytes: only poincon.raw/1 may be longer than ${LONGEST_WHOLE}`)
  }
  return readRecording(file, await readFile(file, 'utf8'))
}

async function* rawLines(file: string): AsyncGenerator<RawRecord> {
  for await (const [line, number] of linesOf(file)) {
    if (line.includes(CALIBRATION)) continue
    const parsed = rawRecord.safeParse(json(line, file, number), { reportInput: true })
    if (parsed.success) {
      yield parsed.data
      continue
    }
    const [issue] = parsed.error.issues
    const value = JSON.stringify(issue?.input)?.slice(0, 80)
    throw new ReplayError(`${file}:${number}: ${issue?.path.join('.')}: ${value}: ${issue?.message}`)
  }
}

async function* linesOf(file: string): AsyncGenerator<readonly [line: string, number: number]> {
  let number = 0
  for await (const line of createInterface({ input: createReadStream(file), crlfDelay: Infinity })) {
    number += 1
    if (line.trim() !== '') yield [line, number]
  }
}

function json(line: string, file: string, number: number): unknown {
  try {
    return JSON.parse(line)
  } catch (error) {
    throw new ReplayError(`${file}:${number}: not JSON: ${line.slice(0, 40)}`, { cause: error })
  }
}

function trayIn(value: unknown, file: string, number: number): EmptyTray {
  try {
    return parseCalibration(value)
  } catch (error) {
    throw new ReplayError(`${file}:${number}: not a calibration`, { cause: error })
  }
}
