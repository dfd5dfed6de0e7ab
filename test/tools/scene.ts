// Draws parts of the simulated line and says what is true of them; with --out also what the real drivers read of
// them from the simulated chips: truth.jsonl, raw.jsonl and empty-tray.jsonl (poincon.raw/1), line n of raw for
// line n of truth.
//   npm run build && node dist/test/tools/scene.js --seed 1 --recipe foiegras_standard_barquette --count 100 --out DIR
import { createWriteStream, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { parseArgs } from 'node:util'
import { As7341 } from '../../drivers/as7341/as7341.ts'
import { SimulatedAs7341 } from '../../drivers/simulated/as7341.ts'
import { SimulatedBus } from '../../drivers/simulated/bus.ts'
import { VirtualClock } from '../../drivers/simulated/clock.ts'
import { generateFirmware } from '../../drivers/simulated/firmware.ts'
import { SimulatedLine } from '../../drivers/simulated/line.ts'
import { PROFILES, type ProfileName } from '../../drivers/simulated/profiles.ts'
import { SimulatedVl53l8ch } from '../../drivers/simulated/vl53l8ch.ts'
import { Vl53l8ch } from '../../drivers/vl53l8ch/vl53l8ch.ts'
import type { Measurement } from '../../gateway/inspection.ts'
import { rawHeadOf, rawLine } from '../../gateway/raw.ts'

const RECIPES = Object.keys(PROFILES) as ProfileName[]
const USAGE = `usage: scene.js [--seed N] [--recipe ${RECIPES.join('|')}] [--count K] [--out DIR]`
/** Frames of the empty tray, enough to calibrate with. */
const EMPTY_FRAMES = 32
const PERIOD_MS = 1000

interface Heads {
  readonly clock: VirtualClock
  readonly tof: Vl53l8ch
  readonly spectral: As7341
}

/** Both chips at their usual places, opened by the real drivers, on a clock that costs no time. */
async function openHeads(line: SimulatedLine): Promise<Heads> {
  const clock = new VirtualClock()
  const fast = new SimulatedBus(clock, 1_000_000)
  const slow = new SimulatedBus(clock, 400_000)
  fast.attach(0x29, new SimulatedVl53l8ch({ clock, scene: line.scene }))
  slow.attach(0x39, new SimulatedAs7341(clock, line.scene))
  const firmware = generateFirmware(1)
  const exposure = { gain: 4, atime: 29, astep: 599 }
  return {
    clock,
    tof: await Vl53l8ch.open(fast, clock, { firmware, zones: 64, rateHz: 15 }),
    spectral: await As7341.open(slow, clock, { exposure }),
  }
}

async function measure({ clock, tof, spectral }: Heads, number: number): Promise<string> {
  const at = clock.now()
  const [frame, spectrum] = await Promise.all([tof.measure(at), spectral.measure(at)])
  const heads: [string, Measurement][] = [
    ['tof', frame],
    ['spectral', spectrum],
  ]
  return rawLine({
    schema: 'poincon.raw/1',
    t_us: Math.round((clock.wall() - clock.now() + at) * 1000),
    trigger: { number, source: 'interval' },
    heads: Object.fromEntries(heads.map(([id, measurement]) => [id, rawHeadOf(measurement)])),
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

async function record(line: SimulatedLine, count: number, folder: string): Promise<void> {
  mkdirSync(folder, { recursive: true })
  const heads = await openHeads(line)
  const truths: string[] = []
  async function* frames(positions: number, next: () => void): AsyncGenerator<string> {
    for (let number = 1; number <= positions; number += 1) {
      next()
      const began = heads.clock.now()
      yield await measure(heads, number)
      await heads.clock.sleep(began + PERIOD_MS - heads.clock.now())
    }
  }
  await write(
    join(folder, 'empty-tray.jsonl'),
    frames(EMPTY_FRAMES, () => line.clear()),
  )
  await write(
    join(folder, 'raw.jsonl'),
    frames(count, () => truths.push(JSON.stringify(line.next()))),
  )
  await write(join(folder, 'truth.jsonl'), truths)
  await heads.tof.close()
  await heads.spectral.close()
}

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    recipe: { type: 'string', default: 'foiegras_standard_barquette' },
    count: { type: 'string', default: '10' },
    out: { type: 'string' },
  },
})
const seed = Number(values.seed)
const count = Number(values.count)
const profile = RECIPES.find((name) => name === values.recipe)
if (profile === undefined || !Number.isSafeInteger(seed) || !Number.isSafeInteger(count) || count < 0) {
  console.error(USAGE)
  process.exitCode = 2
} else {
  const line = new SimulatedLine({ seed, profile })
  if (values.out === undefined) {
    for (let i = 0; i < count; i += 1) console.log(JSON.stringify(line.next()))
  } else {
    await record(line, count, values.out)
  }
}
