import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const USAGE = `poincon sbom

Prints the bill of materials of this release (CycloneDX 1.6, JSON): every package in it, Node.js and what it carries, the
libraries within packages, and the models. In a checkout, which is no release, that of its packages as installed; a line
on standard error says so.

Exit codes: 0 it was printed · 1 it cannot be told · 2 wrong usage
`

/** The slot, or the checkout: two folders above `dist/gateway`. */
const ROOT = fileURLToPath(new URL('../../..', import.meta.url))

const GENERATOR = join(ROOT, 'node_modules/@cyclonedx/cyclonedx-npm/bin/cyclonedx-npm-cli.js')

const NOT_INSTALLED =
  'poincon: this is a checkout, not a release: Node.js, libraries within packages and models are missing\n'

/** `poincon sbom`: what this release is made of. */
export async function sbomCommand(args: readonly string[]): Promise<number> {
  const options = { help: { type: 'boolean', short: 'h', default: false } } as const
  const { values } = parseArgs({ args: [...args], options })
  if (values.help) {
    process.stdout.write(USAGE)
    return 0
  }
  const told = await readFile(join(ROOT, 'sbom.cdx.json')).catch(() => undefined)
  if (told !== undefined) {
    process.stdout.write(told)
    return 0
  }
  process.stderr.write(NOT_INSTALLED)
  return printCheckout()
}

/** Asks cyclonedx-npm, which a checkout has among its tools and a release has not. */
function printCheckout(): number {
  if (!existsSync(GENERATOR)) {
    process.stderr.write('poincon: @cyclonedx/cyclonedx-npm is not installed: npm install brings it\n')
    return 1
  }
  const flags = ['--ignore-npm-errors', '--omit', 'dev', '--output-reproducible', '--spec-version', '1.6']
  const { status, error, stderr } = spawnSync(process.execPath, [GENERATOR, ...flags], {
    cwd: ROOT,
    stdio: ['ignore', 'inherit', 'pipe'],
  })
  if (status === 0) return 0
  process.stderr.write(`poincon: ${error?.message ?? String(stderr)}\n`)
  return 1
}
