// Draws parts of the simulated line and says what is true of them (poincon.truth/1); with --out also what the real
// drivers read of them from the simulated chips: truth.jsonl, raw.jsonl and empty-tray.jsonl (poincon.raw/1), and
// calibration.jsonl (poincon.calibration/1, from that tray); line n of raw for line n of truth.
//   npm run build && node dist/test/tools/scene.js --seed 1 --recipe foiegras_standard_barquette --count 100 --out DIR
// A moving part (--belt, or a recipe that moves) lies at from_mm + belt_mm of the look + x_mm of its truth along x.
import { orderOf, run, USAGE } from './scene-order.ts'

function understood(args: readonly string[]): ReturnType<typeof orderOf> | undefined {
  try {
    return orderOf(args)
  } catch (error) {
    if (!(error instanceof RangeError || error instanceof TypeError)) throw error
    console.error(`${error.message}\n${USAGE}`)
    return undefined
  }
}

const order = understood(process.argv.slice(2))
if (order === undefined) process.exitCode = 2
else await run(order)
