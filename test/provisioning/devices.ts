import { execFile } from 'node:child_process'
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Test } from 'tap'
import type { EnrolOptions } from '../../provisioning/enrol.ts'
import type { EnrolReason } from '../../provisioning/enrol-error.ts'
import { EstStand } from '../fakes/est-stand.ts'
import { ShiftedClock } from '../fakes/shifted-clock.ts'

/** A folder that ends with the test. */
export async function folder(t: Test): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'poincon-device-'))
  t.teardown(() => rm(dir, { recursive: true, force: true }))
  return dir
}

let open: Promise<EstStand> | undefined

/** One honest server for all tests of a file: making an authority is work on purpose. */
export async function sharedStand(t: Test): Promise<EstStand> {
  open ??= EstStand.open()
  const est = await open
  est.behaviours.clear()
  est.asked.length = 0
  t.teardown(() => est.leave())
  await est.listen()
  return est
}

/** What `enrol` is told for a device `cell-1` with a token. */
export function device(
  dir: string,
  authority: { readonly url: string; readonly root: string },
  changes: Partial<EnrolOptions> = {},
): EnrolOptions {
  return {
    dir,
    settings: {
      schema: 'poincon.device-settings/1',
      url: authority.url,
      device_id: 'cell-1',
      key: { kind: 'file' },
    },
    trust: { kind: 'fingerprint', sha256: authority.root },
    proof: { kind: 'token', token: 'a-token' },
    clock: new ShiftedClock(),
    signal: new AbortController().signal,
    userAgent: 'poincon/0.1.0',
    random: () => 0.5,
    ...changes,
  }
}

/** Key and certificate as whoever reads the two files finds them. */
export async function installed(dir: string) {
  const [key, certificate, ca] = await Promise.all(
    ['device.key', 'device.crt', 'ca.crt'].map((name) => readFile(join(dir, name), 'utf8')),
  )
  const own = new X509Certificate(certificate ?? '')
  return { own, ca: ca ?? '', match: own.checkPrivateKey(createPrivateKey(key ?? '')) }
}

export async function openssl(dir: string, ...args: readonly string[]): Promise<string> {
  const { stdout, stderr } = await promisify(execFile)('openssl', [...args], { cwd: dir })
  return `${stdout}${stderr}`
}

/** How an enrolment that failed is recognised. */
export function fails(reason: EnrolReason, message = /./, retryAfterMs?: number) {
  return { name: 'EnrolError', message, reason, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) }
}
