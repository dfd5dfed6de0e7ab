import { spawnSync } from 'node:child_process'
import t, { test } from 'tap'
import { cameraCases } from './camera-cases.ts'
import { reportCases } from './cases.ts'
import { gpioCases } from './gpio-cases.ts'
import { GPIO_CHIP } from './gpio-chip.ts'
import { guestMissing, runInGuest } from './guest.ts'
import { i2cCases } from './i2c-cases.ts'
import { I2cLab } from './i2c-lab.ts'

// A guest takes longer than a test usually may: 30 s where nothing else runs, four minutes where ten others do.
const TIMEOUT_MS = 360_000
t.setTimeout(TIMEOUT_MS)

const gpioMissing = await import('node-libgpiod').then(
  () => undefined,
  () => 'SKIPPED: no node-libgpiod: apt-get install libgpiod-dev, then npm rebuild node-libgpiod',
)
const tools = ['ffmpeg', 'v4l2-ctl'].filter((tool) => spawnSync(tool, ['-version']).error !== undefined)
const cameraMissing =
  tools.length === 0 ? undefined : `SKIPPED: install ffmpeg and v4l-utils (${tools.join(', ')})`

/** What the one guest is asked, and what lacks for it. */
const ROOMS = [
  { room: 'i2c', of: 'I²C', cases: i2cCases(new I2cLab()), missing: undefined },
  { room: 'gpio', of: 'digital lines', cases: gpioCases(), missing: gpioMissing },
  { room: 'camera', of: 'a camera', cases: cameraCases(), missing: cameraMissing },
]

test('a real kernel', { skip: guestMissing() ?? false, timeout: TIMEOUT_MS }, async (t) => {
  const rooms = ROOMS.filter(({ missing }) => missing === undefined)
  const end = await runInGuest({
    ...GPIO_CHIP,
    modules: [...GPIO_CHIP.modules, 'i2c-dev', 'cuse', 'vivid n_devs=1 node_types=0x1'],
    script: 'dist/test/guest/inner.js',
    args: rooms.map(({ room }) => room),
    timeoutMs: TIMEOUT_MS - 5000,
  })
  t.comment(`the guest took ${end.seconds.toFixed(1)} s`)
  for (const { room, of, cases, missing } of ROOMS) {
    await t.test(`${of} of a real kernel`, { skip: missing ?? false }, (t) => {
      reportCases(t, end, room, Object.keys(cases))
      t.end()
    })
  }
  // A case that failed has said so; this is what went wrong beside the cases.
  if (end.exitCode > 1) t.fail(`the script ended with ${end.exitCode}`, { output: end.output })
})
