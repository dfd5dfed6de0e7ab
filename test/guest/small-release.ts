import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { thisPlatform } from '../../provisioning/main.ts'
import type { ReleaseFaults } from '../fakes/release-gateway.ts'

/** Where the guest has this tree and its Node, for users who see neither homes nor /tmp: see `systemd-init.sh`. */
const TREE = '/opt/lab/tree'
const NODE = '/opt/lab/node'

/**
 * The small gateway of the updater's tests, as a unit wants it: says READY when it answers, and makes a gate safe that it
 * does not have.
 */
const CLI = `
import { execFileSync } from 'node:child_process'
import { releaseMain } from '${TREE}/dist/test/fakes/release-gateway.js'
const verb = process.argv[2]
const ask = () => fetch('http://127.0.0.1:8080/readyz').then(({ ok }) => ok, () => false)
async function sayReady() {
  while (!(await ask())) await new Promise((resolve) => setTimeout(resolve, 200))
  execFileSync('systemd-notify', ['--ready', '--status=inspects'])
}
if (verb === 'panel') console.log('pass simulated/0: inactive')
else {
  if (verb === 'run') void sayReady()
  await releaseMain(new URL('../../', import.meta.url))
}
`

/** Lays out a release that starts in a second where the real one takes twenty, with the recovery of the real one. */
export function layOutSmall(slots: string, version: string, faults: ReleaseFaults = {}): void {
  const folder = join(slots, 'releases', version)
  const facts = {
    ...{ schema: 'poincon.release/1', version, commit: '0'.repeat(40), platform: thisPlatform() },
    ...{ node: process.versions.node, store_schema: 1 },
  }
  for (const name of ['bin', 'dist/gateway', 'dist/provisioning'])
    mkdirSync(join(folder, name), { recursive: true })
  symlinkSync(NODE, join(folder, 'bin/node'))
  writeFileSync(join(folder, 'release.json'), JSON.stringify(facts))
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ type: 'module', version }))
  writeFileSync(join(folder, 'faults.json'), JSON.stringify(faults))
  writeFileSync(join(folder, 'dist/gateway/cli.js'), CLI)
  writeFileSync(
    join(folder, 'dist/provisioning/recover.js'),
    `await import('${TREE}/dist/provisioning/recover.js')\n`,
  )
}
