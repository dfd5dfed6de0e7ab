import { execFileSync, spawnSync } from 'node:child_process'
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'tap'

const COMMAND = fileURLToPath(new URL('../../../gateway/commands/sbom.js', import.meta.url))
const CALL = "process.exitCode = await (await import('./dist/gateway/commands/sbom.js')).sbomCommand([])"

test('poincon sbom prints what lies in the slot; elsewhere it says that this is no release', async (t) => {
  const slot = await mkdtemp(join(tmpdir(), 'poincon-sbom-'))
  t.teardown(() => rm(slot, { recursive: true, force: true }))
  await mkdir(join(slot, 'dist', 'gateway', 'commands'), { recursive: true })
  await cp(COMMAND, join(slot, 'dist', 'gateway', 'commands', 'sbom.js'))
  await writeFile(join(slot, 'package.json'), '{"type": "module"}')
  const args = ['--input-type=module', '--eval', CALL]

  const none = spawnSync(process.execPath, args, { cwd: slot, encoding: 'utf8' })
  t.equal(none.status, 1)
  t.match(
    none.stderr,
    /^poincon: this is a checkout, not a release: .*\npoincon: @cyclonedx\/cyclonedx-npm is not installed/,
  )
  await writeFile(join(slot, 'sbom.cdx.json'), '{"bomFormat": "CycloneDX"}\n')
  t.equal(
    execFileSync(process.execPath, args, { cwd: slot, encoding: 'utf8' }),
    '{"bomFormat": "CycloneDX"}\n',
  )
})
