import { createPrivateKey, X509Certificate } from 'node:crypto'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { renewAtMs, validity } from '../../provisioning/certificate.ts'
import { type DeviceFiles, deviceFiles } from '../../provisioning/device-files.ts'
import { readStatus } from '../../provisioning/device-status.ts'
import { enrol } from '../../provisioning/enrol.ts'
import { renew } from '../../provisioning/enrol-renew.ts'
import { EstStand } from '../fakes/est-stand.ts'
import { freePort } from '../fakes/server-process.ts'
import { ShiftedClock } from '../fakes/shifted-clock.ts'
import { device, fails, folder, installed, sharedStand } from './devices.ts'

const DAY_MS = 86_400_000
const signal = new AbortController().signal

/** An authority, and a device that it gave a certificate of 90 days. */
async function enrolled(t: Test, options?: Parameters<typeof EstStand.open>[0]) {
  const est = options === undefined ? await sharedStand(t) : await EstStand.open(options)
  if (options !== undefined) t.teardown(() => est.close())
  const dir = await folder(t)
  await enrol(device(dir, est))
  const clock = new ShiftedClock()
  const look = (changes = {}) =>
    renew({ dir, clock, signal, userAgent: 'poincon/0.1.0', random: () => 0.5, ...changes })
  return { est, dir, clock, look }
}

test('a certificate is renewed from two thirds of its life on', async (t) => {
  const { est, dir, clock, look } = await enrolled(t)
  const first = (await installed(dir)).own
  const { fromMs, toMs } = validity(first)
  const share = (renewAtMs(first) - fromMs) / (toMs - fromMs)
  t.ok(
    share >= 2 / 3 && share < 2 / 3 + 1 / 20,
    'and up to a twentieth of its life later, so that not all come at once',
  )

  clock.shiftMs = renewAtMs(first) - Date.now() - 60_000
  t.match(await look(), { state: 'valid', serial: first.serialNumber }, 'not before')
  t.equal(
    est.asked.some(({ operation }) => operation === 'simplereenroll'),
    false,
  )

  clock.shiftMs += 120_000
  const status = await look()
  const { own, match } = await installed(dir)
  t.match(status, { state: 'valid', serial: own.serialNumber, failures: 0 })
  t.not(own.serialNumber, first.serialNumber)
  t.equal(match, true)
  t.equal(own.publicKey.equals(first.publicKey), false, 'with a key of its own')
  t.strictSame(
    est.asked.at(-1),
    { operation: 'simplereenroll', client: 'CN=cell-1' },
    'by the certificate that held',
  )
  t.equal((await readdir(join(dir, 'pairs'))).length, 2, 'the one before is kept beside')
  await look({ force: true })
  t.equal((await readdir(join(dir, 'pairs'))).length, 2, 'and no older one')
})

test('an authority that does not answer is asked again, less and less often', async (t) => {
  const { est, dir, clock, look } = await enrolled(t)
  const first = (await installed(dir)).own
  clock.shiftMs = renewAtMs(first) - Date.now() + 1000
  await est.leave()
  const waits: number[] = []
  for (let failures = 1; failures <= 9; failures += 1) {
    const status = await look()
    t.match(status, { state: 'renewal-failing', failures, serial: first.serialNumber })
    const asked = await look()
    t.match(asked, { state: 'renewal-failing', failures }, 'not before its time')
    const waitMs = Date.parse(status.next_attempt_at ?? '') - Date.parse(status.checked_at)
    waits.push(Math.round(waitMs / 1000))
    clock.shiftMs += waitMs + 1000
  }
  t.strictSame(waits, [225, 450, 900, 1800, 3600, 7200, 14_400, 16_200, 16_200], 's, up to six hours')
  t.equal((await installed(dir)).own.serialNumber, first.serialNumber, 'the one that holds stays')
  await est.listen()
  t.match(await look(), { state: 'valid', failures: 0 })
  const after = await readStatus(dir)
  t.equal(after?.failure, undefined)

  clock.shiftMs = renewAtMs((await installed(dir)).own) - Date.now() + 1000
  est.behaviours.set('simplereenroll', ({ response }) =>
    response.writeHead(202, { 'retry-after': '600' }).end(),
  )
  const pending = await look()
  t.match(pending, { state: 'pending', failure: /not decided yet/ })
  t.equal(Date.parse(pending.next_attempt_at ?? '') - Date.parse(pending.checked_at), 600_000)
  est.behaviours.set('simplereenroll', ({ response }) => response.writeHead(403).end('no'))
  t.match(await look({ force: true }), { state: 'refused', failure: /403: no/ })
})

test('a certificate that ended, and a clock that says so', async (t) => {
  const { est, dir, clock, look } = await enrolled(t)
  clock.shiftMs = 100 * DAY_MS
  t.match(await look(), { state: 'clock-wrong', failure: /the server 2/ }, 'the server’s clock is asked')
  await est.leave()
  clock.shiftMs = 101 * DAY_MS
  t.match(
    await look(),
    { state: 'expired', failure: /enrol the device again/ },
    'nobody is there to say otherwise',
  )
  clock.shiftMs = -DAY_MS
  t.match(await look(), { state: 'clock-wrong', failure: /before the certificate began/ })
  clock.shiftMs = 0
  t.match(await look(), { state: 'valid' }, 'set right, all is well')
  await writeFile(join(dir, 'status.json'), 'torn')
  t.match(await look(), { state: 'valid' }, 'a status that cannot be read is written anew')
})

test('a certificate that was taken back', async (t) => {
  const port = await freePort()
  const listUrl = `http://127.0.0.1:${port}/crl.der`
  const { est, dir, clock, look } = await enrolled(t, { listUrl })
  const { own } = await installed(dir)
  let list: Uint8Array = Buffer.from('none')
  const lists = createServer((_request, response) => response.end(list))
  await new Promise<void>((resolve) => lists.listen(port, '127.0.0.1', resolve))
  t.teardown(() => lists.close())
  const revoked = [{ serial: own.serialNumber.toLowerCase(), revoked_ms: Date.now(), reason: 1 }]

  t.match(await look(), { state: 'valid' }, 'a list that is none says nothing')
  list = (await est.authority.list([], 1, Date.now())).der
  t.match(await look(), { state: 'valid' })
  const stranger = await sharedStand(t)
  list = (await stranger.authority.list(revoked, 2, Date.now())).der
  t.match(await look(), { state: 'valid' }, 'nor does a list that another authority signed')
  list = (await est.authority.list(revoked, 2, Date.now())).der
  t.match(await look(), { state: 'revoked', failure: 'its authority has taken it back' })
  clock.shiftMs = 70 * DAY_MS
  await new Promise((resolve) => lists.close(resolve))
  t.match(await look({ force: true }), { state: 'revoked' }, 'known from then on, also when the list is away')
  t.notOk(
    est.asked.some(({ operation }) => operation === 'simplereenroll'),
    'and no other is asked for with it',
  )
  clock.shiftMs = 0
  t.match(await enrol(device(dir, est)), { state: 'valid' }, 'a new token is a new beginning')
})

test('a crash between any two writes leaves one whole pair', async (t) => {
  const { est, dir, clock, look } = await enrolled(t)
  clock.shiftMs = 70 * DAY_MS
  const seen = new Set([(await installed(dir)).own.serialNumber])
  let writes = 0
  for (let point = 1; point <= 40; point += 1) {
    const crashing = crashAt(point)
    const finished = await look({ files: crashing.files, force: true }).then(
      () => true,
      (error: unknown) => {
        if (!(error instanceof Crash)) throw error
        return false
      },
    )
    const { own, match } = await installed(dir)
    t.equal(match, true, `crash at write ${point}: key and certificate belong together`)
    seen.add(own.serialNumber)
    writes = crashing.calls()
    if (finished) break
  }
  t.ok(writes > 6 && writes < 40, `all of ${writes} writes were the last one once`)
  t.ok(seen.size > 2, 'some crashes came after the step, some before it')
  t.match(await look({ force: true }), { state: 'valid' })
  t.equal((await readdir(join(dir, 'pairs'))).length, 2, 'what crashes left is cleared away')
  t.ok(est.asked.length > 0)
})

test('a crash in the first enrolment leaves nothing, or all', async (t) => {
  const { est } = await enrolled(t)
  const dir = await folder(t)
  for (let point = 1; point <= 40; point += 1) {
    const crashing = crashAt(point)
    const outcome = await enrol(device(dir, est, { files: crashing.files })).catch((error: unknown) => error)
    const files = await Promise.all(
      ['device.key', 'device.crt'].map((name) => readFile(join(dir, name), 'utf8').catch(() => undefined)),
    )
    const [key, certificate] = files
    if (key !== undefined && certificate !== undefined) {
      const own = new X509Certificate(certificate)
      t.equal(own.checkPrivateKey(createPrivateKey(key)), true, `crash at write ${point}`)
    }
    if (!(outcome instanceof Crash)) break
  }
  t.equal((await installed(dir)).match, true)
})

test('one at a time', async (t) => {
  const { dir, look } = await enrolled(t)
  await writeFile(join(dir, 'lock'), '1')
  await t.rejects(look(), fails('away', /process 1 is at it/))
  await writeFile(join(dir, 'lock'), '999999999')
  t.match(await look(), { state: 'valid' }, 'a lock whose process is gone is none')
  const nothing = await folder(t)
  const status = await renew({ dir: nothing, clock: new ShiftedClock(), signal, userAgent: 'poincon/0.1.0' })
  t.match(status, { state: 'none', failures: 0 })
})

class Crash extends Error {}

/** The real thing, until call `point`: there, and at every later one, the process is as good as dead. */
function crashAt(point: number): { readonly files: DeviceFiles; readonly calls: () => number } {
  let calls = 0
  const step = async (act: () => Promise<void>): Promise<void> => {
    calls += 1
    if (calls >= point) throw new Crash(`at write ${calls}`)
    await act()
  }
  const files: DeviceFiles = {
    write: (path, content, mode) => step(() => deviceFiles.write(path, content, mode)),
    folder: (path) => step(() => deviceFiles.folder(path)),
    link: (path, target) => step(() => deviceFiles.link(path, target)),
    remove: (path) => step(() => deviceFiles.remove(path)),
  }
  return { files, calls: () => calls }
}
