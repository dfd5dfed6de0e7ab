/**
 * `node dist/test/guest/life.js RELEASES [--disk FILE] [CASE…]`: the life of a device, from a clean Debian to an update that
 * is taken back, told with times: in a guest with systemd, from the package and the archive that `npm run release` left in
 * a folder. Half an hour on a machine that does nothing else.
 *   --disk FILE  keeps the guest's disk and the plant's repository (FILE.site), or goes on with those of an earlier run
 *   CASE…        only cases whose names hold one of these
 */
import { existsSync, readdirSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { loadavg, tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { GPIO_CHIP } from './gpio-chip.ts'
import { guestMissing, runInGuest } from './guest.ts'
import { debianDisk, diskMissing } from './life-disk.ts'
import { publishLife } from './life-repository.ts'

const HOURS = 3_600_000

/** The one file of a folder that ends so. */
function fileOf(folder: string, ending: string): string {
  const [name, ...more] = readdirSync(folder).filter((one) => one.endsWith(ending))
  if (name === undefined || more.length > 0)
    throw new Error(`${folder}: expected one file that ends with ${ending}: npm run release makes it`)
  return join(folder, name)
}

async function main(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { disk: { type: 'string' } },
  })
  const missing = guestMissing() ?? diskMissing()
  if (missing !== undefined) {
    process.stdout.write(`${missing}\n`)
    return 0
  }
  const [folder = 'release', ...cases] = positionals
  const releases = resolve(folder)
  const dir = await mkdtemp(join(tmpdir(), 'poincon-life-'))
  try {
    const disk = resolve(values.disk ?? join(dir, 'disk'))
    if (!existsSync(disk)) await debianDisk(disk)
    const site = `${disk}.site`
    if (!existsSync(site)) await publishLife(fileOf(releases, '-linux-x64.tar.gz'), site)
    const end = await runInGuest({
      ...GPIO_CHIP,
      script: 'dist/test/guest/life-inner.js',
      args: [fileOf(releases, '_amd64.deb'), site, ...cases],
      firstProcess: 'test/guest/life-init.sh',
      disk,
      memoryMb: 3072,
      timeoutMs: 3 * HOURS,
    })
    process.stdout.write(end.output)
    const load = loadavg().map((one) => one.toFixed(1))
    process.stdout.write(
      `guest: ${Math.round(end.seconds)} s, exit ${end.exitCode}, load ${load.join(' ')}\n`,
    )
    return end.exitCode
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
}

process.exitCode = await main(process.argv.slice(2))
