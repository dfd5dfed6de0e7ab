/** `node dist/test/guest/systemd.js`: the units in a guest with systemd as its first process, told with times. Minutes. */
import { guestMissing, runInGuest } from './guest.ts'

const missing = guestMissing()
if (missing === undefined) {
  const end = await runInGuest({
    script: 'dist/test/guest/systemd-inner.js',
    firstProcess: 'test/guest/systemd-init.sh',
    timeoutMs: 3_000_000,
  })
  process.stdout.write(end.output)
  process.stdout.write(`guest: ${Math.round(end.seconds)} s, exit ${end.exitCode}\n`)
  process.exitCode = end.exitCode
} else {
  process.stdout.write(`${missing}\n`)
}
