import t, { test } from 'tap'
import { reportCases } from './cases.ts'
import { guestMissing, runInGuest } from './guest.ts'
import { SYSTEMD_ROOM, systemdCases } from './systemd-cases.ts'

// A minute and a half where nothing else runs; limits inside grow with what a start takes.
const TIMEOUT_MS = 1_200_000
t.setTimeout(TIMEOUT_MS)

test('the units, under systemd as the first process', {
  skip: guestMissing() ?? false,
  timeout: TIMEOUT_MS,
}, async (t) => {
  const end = await runInGuest({
    script: 'dist/test/guest/systemd-inner.js',
    firstProcess: 'test/guest/systemd-init.sh',
    timeoutMs: TIMEOUT_MS - 5000,
  })
  t.comment(`the guest took ${end.seconds.toFixed(1)} s`)
  reportCases(t, end, SYSTEMD_ROOM, Object.keys(systemdCases()))
  for (const line of end.output.split('\n').filter((one) => /^ *\d+\.\d s /.test(one))) t.comment(line)
  if (end.exitCode !== 0) t.fail(`the script ended with ${end.exitCode}`, { output: end.output })
})
