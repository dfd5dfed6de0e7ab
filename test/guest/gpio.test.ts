import t, { test } from 'tap'
import { reportCases } from './cases.ts'
import { gpioCases } from './gpio-cases.ts'
import { GPIO_CHIP } from './gpio-chip.ts'
import { guestMissing, runInGuest } from './guest.ts'

// A guest boots longer than a test usually takes, and longer still on a busy machine.
const TIMEOUT_MS = 115_000
t.setTimeout(TIMEOUT_MS)

const library = await import('node-libgpiod').then(
  () => undefined,
  () => 'SKIPPED: no node-libgpiod: apt-get install libgpiod-dev, then npm rebuild node-libgpiod',
)

test('digital lines of a real kernel', {
  skip: guestMissing() ?? library ?? false,
  timeout: TIMEOUT_MS,
}, async (t) => {
  const end = await runInGuest({
    ...GPIO_CHIP,
    script: 'dist/test/guest/gpio-inner.js',
    timeoutMs: TIMEOUT_MS - 5000,
  })
  t.comment(`the guest took ${end.seconds.toFixed(1)} s`)
  reportCases(t, end, Object.keys(gpioCases()))
})
