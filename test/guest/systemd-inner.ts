/** In a guest whose first process is systemd (`systemd-init.sh`): the units of this tree, with small releases. */
import { equal } from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { onlyInGuest, runCases } from './cases.ts'
import { SYSTEMD_ROOM, systemdCases } from './systemd-cases.ts'
import { journal, note, shell } from './systemd-machine.ts'

onlyInGuest()
note(`systemd ${shell('systemctl --version').split('\n')[0]}, kernel ${shell('uname -r')}`)
equal(process.getuid?.(), 0)
writeFileSync('/etc/poincon/secrets/plant', 'canary\n', { mode: 0o600 })
await runCases(SYSTEMD_ROOM, systemdCases())
if (process.exitCode === 1) {
  for (const unit of ['poincon', 'poincon-fallback', 'poincon-gate-safe', 'poincon-restart'])
    process.stdout.write(`--- ${unit}\n${journal(unit).slice(-8000)}\n`)
}
