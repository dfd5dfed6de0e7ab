/**
 * Reading lenses as a station does, in the thread of its own: from a camera's JPEG to what is engraved, each stage beside
 * the goals, what it adds to the process, how large the networks are.
 *   node dist/bench/vision.bench.js [FRAMES] [SEED]
 */
import { stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import sharp from 'sharp'
import { decode } from '../drivers/camera/frame.ts'
import { systemClock } from '../drivers/clock.ts'
import { renderLens } from '../drivers/simulated/lens-render.ts'
import { lensScene } from '../drivers/simulated/lens-scene.ts'
import { Random } from '../drivers/simulated/random.ts'
import { silentLog } from '../gateway/log.ts'
import { modelsIn } from '../gateway/vision/model.ts'
import { VisionThread } from '../gateway/vision/vision-thread.ts'
import { load, percentile } from './figures.ts'

const LENSES = 20
const [FRAMES, SEED] = [Number(process.argv[2] ?? 300), Number(process.argv[3] ?? 1)]
const [GOAL_P50, GOAL_P99, GOAL_MB] = [40, 80, 150]
const [WIDTH, HEIGHT] = [1280, 960]

const models = modelsIn(fileURLToPath(new URL('../../models/', import.meta.url)))
const ever = new AbortController().signal
const megabytes = (): number => process.memoryUsage.rss() / 1e6
const ms = (value: number): string => value.toFixed(1).padStart(8)

async function pictures(): Promise<readonly Uint8Array[]> {
  const made: Uint8Array[] = []
  for (let lens = 0; lens < LENSES; lens++) {
    const { pixels, width, height } = renderLens(lensScene({}, new Random(SEED, lens)))
    const raw = { width, height, channels: 1 } as const
    made.push(await sharp(pixels, { raw }).jpeg({ quality: 90 }).toBuffer())
  }
  return made
}

function decoded(jpeg: Uint8Array) {
  return decode({ kind: 'camera', jpeg, width: WIDTH, height: HEIGHT, takenAt: 0, sequence: 1 })
}

const jpegs = await pictures()
const jpeg = (round: number): Uint8Array => jpegs[round % LENSES] ?? new Uint8Array()
// What a camera costs without anybody who looks is not vision's.
for (let round = 0; round < LENSES; round++) await decoded(jpeg(round))
const before = megabytes()
const vision = new VisionThread({
  ...{ models, providers: ['cpu'], threads: 1, clock: systemClock, log: silentLog, random: Math.random },
  decode: decoded,
})
const beganAt = performance.now()
await vision.start(ever)
const openedMs = performance.now() - beganAt
const openMb = megabytes() - before

const stages = {
  locate: [] as number[],
  symbols: [] as number[],
  texts: [] as number[],
  whole: [] as number[],
}
let seen = 0
const cpuBefore = process.cpuUsage()
for (let frame = 0; frame < FRAMES; frame++) {
  const from = performance.now()
  const { view, timing } = await vision.read(jpeg(frame), ever)
  stages.whole.push(performance.now() - from)
  for (const stage of ['locate', 'symbols', 'texts'] as const) stages[stage].push(timing[stage])
  if (view.kind === 'lens') seen += 1
}
const cpu = process.cpuUsage(cpuBefore)
const addedMb = megabytes() - before
await vision.stop()

console.log(
  `${FRAMES} pictures of ${LENSES} simulated lenses, ${WIDTH} × ${HEIGHT}, ${seen} seen; one thread; ${load()}`,
)
console.log(`${'ms'.padEnd(28)}${'p50'.padStart(8)}${'p99'.padStart(8)}`)
for (const [stage, times] of Object.entries(stages)) {
  const [p50, p99] = [percentile(times, 0.5), percentile(times, 0.99)]
  const beside =
    stage === 'whole'
      ? `   goals ${GOAL_P50}, ${GOAL_P99}: ${(p50 / GOAL_P50).toFixed(2)}×, ${(p99 / GOAL_P99).toFixed(2)}×`
      : ''
  console.log(`${stage.padEnd(28)}${ms(p50)}${ms(p99)}${beside}`)
}
const cpuMs = (cpu.user + cpu.system) / 1000 / FRAMES
console.log(
  `${'processor, all threads'.padEnd(28)}${ms(cpuMs)}           a picture: what neighbours change little`,
)
console.log(`${'the first picture'.padEnd(28)}${ms(stages.whole[0] ?? Number.NaN)}`)
console.log(
  `memory: ${openMb.toFixed(0)} MB when open, ${addedMb.toFixed(0)} MB after ${FRAMES} pictures; ` +
    `goal ${GOAL_MB}: ${(addedMb / GOAL_MB).toFixed(2)}×; open in ${openedMs.toFixed(0)} ms`,
)
for (const folder of [models.embedder, models.lens.locator, models.lens.text]) {
  const { size } = await stat(join(folder, `${basename(folder)}.onnx`))
  console.log(`${basename(folder)}: ${(size / 1e6).toFixed(2)} MB`)
}
