import { createWriteStream, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { v5 as uuid } from 'uuid'
import { As7341 } from '../../drivers/as7341/as7341.ts'
import type { Spectrum } from '../../drivers/as7341/counts.ts'
import { SimulatedAs7341 } from '../../drivers/simulated/as7341.ts'
import { SimulatedBus } from '../../drivers/simulated/bus.ts'
import type { VirtualClock } from '../../drivers/simulated/clock.ts'
import { generateFirmware } from '../../drivers/simulated/firmware.ts'
import type { SimulatedLine } from '../../drivers/simulated/line.ts'
import { exposureMiddle } from '../../drivers/simulated/scene-belt.ts'
import { SimulatedVl53l8ch } from '../../drivers/simulated/vl53l8ch.ts'
import type { RangeFrame } from '../../drivers/vl53l8ch/ranges.ts'
import { Vl53l8ch } from '../../drivers/vl53l8ch/vl53l8ch.ts'
import { emptyTrayOf } from '../../gateway/analysis/empty-tray.ts'
import { emptyTrayJson } from '../../gateway/calibration.ts'
import { rawHeadOf, rawLine } from '../../gateway/raw.ts'

/** Of the ranging head, with 64 zones. */
export const RATE_HZ = 15
/** Frames of the empty tray, enough to calibrate with. */
const EMPTY_FRAMES = 32
const PERIOD_MS = 1000
/** Half of what a spectrum takes: its middle falls where the part lies under the head. */
const HALF_SPECTRUM_MS = 65
/** Names of calibrations are made from what they were taken with: RFC 9562, version 5. */
const NAMESPACE = '6ba7b811-9dad-11d1-80b4-00c04fd430c8'

export interface Recording {
  readonly line: SimulatedLine
  /** Of the chips, and of the line's belt. */
  readonly clock: VirtualClock
  readonly count: number
  /** Looks at each part. */
  readonly frames: number
  /** What the calibration is named after. */
  readonly name: string
  /** The truth of the part that is in front of the heads, as a line; called once for each. */
  readonly bring: () => string
}

interface TimedFrame {
  readonly frame: RangeFrame
  /** Travel of the belt in the middle of the exposure, since the part came; 0 for a still one. */
  readonly beltMm: number
}

/** Both chips at their usual places, opened by the real drivers, on a clock that costs no time. */
class Heads {
  readonly clock: VirtualClock
  readonly #line: SimulatedLine
  readonly #tof: Vl53l8ch
  readonly #spectral: As7341
  readonly #seen: { middle: number }

  private constructor(
    { line, clock }: Recording,
    chips: { readonly tof: Vl53l8ch; readonly spectral: As7341; readonly seen: { middle: number } },
  ) {
    this.clock = clock
    this.#line = line
    this.#tof = chips.tof
    this.#spectral = chips.spectral
    this.#seen = chips.seen
  }

  static async open(recording: Recording): Promise<Heads> {
    const { line, clock } = recording
    const [fast, slow] = [new SimulatedBus(clock, 1_000_000), new SimulatedBus(clock, 400_000)]
    const seen = { middle: 0 }
    // The truth about when: the chip looks at the scene once for each frame that is read.
    const scene = {
      look: (zones: 16 | 64, at: number, integrationMs: number) => {
        seen.middle = exposureMiddle(zones, at, integrationMs)
        return line.scene.look(zones, at, integrationMs)
      },
    }
    fast.attach(0x29, new SimulatedVl53l8ch({ clock, scene }))
    slow.attach(0x39, new SimulatedAs7341(clock, line.scene))
    const firmware = generateFirmware(1)
    const exposure = { gain: 4, atime: 29, astep: 599 }
    const tof = await Vl53l8ch.open(fast, clock, { firmware, zones: 64, rateHz: RATE_HZ })
    return new Heads(recording, { tof, spectral: await As7341.open(slow, clock, { exposure }), seen })
  }

  async frames(count: number): Promise<TimedFrame[]> {
    const frames: TimedFrame[] = []
    for (let number = 0; number < count; number += 1) {
      const frame = await (number === 0 ? this.#tof.measure(this.clock.now()) : this.#tof.next())
      frames.push({ frame, beltMm: this.#line.travelMm(this.#seen.middle) })
    }
    return frames
  }

  /** With the part under the head: at once, or when the belt has brought it there. */
  async spectrum(): Promise<Spectrum> {
    const { belt } = this.#line
    const comesInMs = belt === undefined ? 0 : (1000 * -belt.fromMm) / belt.mmPerS - HALF_SPECTRUM_MS
    if (comesInMs > 0) await this.clock.sleep(comesInMs)
    return await this.#spectral.measure(this.clock.now())
  }

  async close(): Promise<void> {
    await this.#tof.close()
    await this.#spectral.close()
  }
}

/** Writes truth.jsonl, raw.jsonl, empty-tray.jsonl and calibration.jsonl. */
export async function record(recording: Recording, folder: string): Promise<void> {
  mkdirSync(folder, { recursive: true })
  const heads = await Heads.open(recording)
  const empty: { frames: RangeFrame[]; spectra: Spectrum[] } = { frames: [], spectra: [] }
  const truths: string[] = []
  const { line, count, frames } = recording
  async function* emptyLines(): AsyncGenerator<string> {
    line.clear()
    for (let number = 1; number <= EMPTY_FRAMES; number += 1) {
      const at = heads.clock.now()
      const [looks, spectrum] = await position(heads, 1)
      empty.frames.push(...looks.map(({ frame }) => frame))
      empty.spectra.push(spectrum)
      yield lineOf({ number, at }, looks, spectrum, heads.clock)
    }
  }
  async function* partLines(): AsyncGenerator<string> {
    for (let number = 1; number <= count; number += 1) {
      truths.push(recording.bring())
      const at = heads.clock.now()
      const [looks, spectrum] = await position(heads, frames)
      yield lineOf({ number, at }, looks, spectrum, heads.clock, line.belt !== undefined)
    }
  }
  await write(join(folder, 'empty-tray.jsonl'), emptyLines())
  const tray = emptyTrayOf(empty.frames, empty.spectra, {
    id: uuid(recording.name, NAMESPACE),
    at: new Date(heads.clock.wall()).toISOString(),
    by: 'scene',
    heads: ['tof', 'spectral'],
  })
  const calibration = JSON.stringify({ schema: 'poincon.calibration/1', ...emptyTrayJson(tray) })
  await write(join(folder, 'calibration.jsonl'), [calibration])
  await write(join(folder, 'raw.jsonl'), partLines())
  await write(join(folder, 'truth.jsonl'), truths)
  await heads.close()
}

/** All looks at what is there, then time until the next. */
async function position(heads: Heads, frames: number): Promise<[TimedFrame[], Spectrum]> {
  const began = heads.clock.now()
  const seen = await Promise.all([heads.frames(frames), heads.spectrum()])
  await heads.clock.sleep(Math.max(0, began + PERIOD_MS - heads.clock.now()))
  return seen
}

function lineOf(
  trigger: { readonly number: number; readonly at: number },
  seen: readonly TimedFrame[],
  spectrum: Spectrum,
  clock: VirtualClock,
  moves = false,
): string {
  const last = seen.at(-1)
  if (last === undefined) throw new Error('no frame')
  const looks = seen.map(({ frame, beltMm }) => ({
    ...(moves ? { belt_mm: Math.round(1000 * beltMm) / 1000 } : {}),
    payload: frame.raw,
  }))
  const tof = { ...rawHeadOf(last.frame), ...(looks.length > 1 || moves ? { looks } : {}) }
  return rawLine({
    schema: 'poincon.raw/1',
    t_us: Math.round((clock.wall() - clock.now() + trigger.at) * 1000),
    trigger: { number: trigger.number, source: 'interval' },
    heads: { tof, spectral: rawHeadOf(spectrum) },
  })
}

function write(path: string, lines: AsyncIterable<string> | Iterable<string>): Promise<void> {
  return pipeline(
    Readable.from(lines),
    async function* (source: AsyncIterable<string>) {
      for await (const text of source) yield `${text}\n`
    },
    createWriteStream(path),
  )
}
