import t, { test } from 'tap'
import { reportCases } from './cases.ts'
import { guestMissing, runInGuest } from './guest.ts'
import { busCases } from './i2c-bus-cases.ts'
import { chipCases } from './i2c-chip-cases.ts'
import { kernelCases } from './i2c-kernel-cases.ts'
import { I2cLab } from './i2c-lab.ts'

// A guest boots longer than a test usually takes, and longer still on a busy machine.
const TIMEOUT_MS = 115_000
t.setTimeout(TIMEOUT_MS)

test('I²C through a real kernel', { skip: guestMissing() ?? false, timeout: TIMEOUT_MS }, async (t) => {
  const lab = new I2cLab()
  const end = await runInGuest({
    script: 'dist/test/guest/i2c-inner.js',
    modules: ['i2c-dev', 'cuse'],
    timeoutMs: TIMEOUT_MS - 5000,
  })
  t.comment(`the guest took ${end.seconds.toFixed(1)} s`)
  reportCases(t, end, Object.keys({ ...kernelCases(), ...chipCases(lab), ...busCases(lab) }))
})
