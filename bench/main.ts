/**
 * Runs the benchmarks one after the other, each in a process of its own, so that none measures what another left.
 *   npm run bench [-- NAME…]     e.g. pipeline analysis; default: all but those that fill the disk
 */
import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const folder = fileURLToPath(new URL('.', import.meta.url))
const all = readdirSync(folder)
  .filter((file) => /(\.bench|-truth)\.js$/.test(file))
  .sort()
/** 6 and 31 GB: only for who asks for them. */
const LARGE = ['drain.bench.js', 'growth.bench.js']
const wanted = process.argv.slice(2)
const chosen =
  wanted.length === 0
    ? all.filter((file) => !LARGE.includes(file))
    : all.filter((file) => wanted.includes(file.replace(/(\.bench)?\.js$/, '')))
const unknown = wanted.filter((name) => !chosen.some((file) => file.startsWith(`${name}.`)))
if (unknown.length > 0) {
  process.stderr.write(`no such benchmark: ${unknown.join(', ')}; there are ${all.join(', ')}\n`)
  process.exit(2)
}
for (const file of chosen) {
  process.stdout.write(`\n== ${file}\n`)
  const { status } = spawnSync(process.execPath, [folder + file], { stdio: 'inherit' })
  if (status !== 0) process.exitCode = 1
}
