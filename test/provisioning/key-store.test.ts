import { execFile } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { existsSync } from 'node:fs'
import { cp, mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { test } from 'tap'
import { DeviceFolder } from '../../provisioning/device.ts'
import { deviceFiles } from '../../provisioning/device-files.ts'
import { readStatus } from '../../provisioning/device-status.ts'
import { wipe, wipePlan } from '../../provisioning/device-wipe.ts'
import { enrol } from '../../provisioning/enrol.ts'
import { renew } from '../../provisioning/enrol-renew.ts'
import { pkcs11Key } from '../../provisioning/key-store-pkcs11.ts'
import { installed as isInstalled } from '../fakes/server-process.ts'
import { ShiftedClock } from '../fakes/shifted-clock.ts'
import { device, fails, folder, sharedStand } from './devices.ts'

const MODULE = '/usr/lib/softhsm/libsofthsm2.so'
const ENGINE = '/usr/lib/x86_64-linux-gnu/engines-3/pkcs11.so'
const signal = new AbortController().signal
const without =
  existsSync(MODULE) && isInstalled('pkcs11-tool') && isInstalled('softhsm2-util')
    ? false
    : 'SKIPPED: softhsm2 and opensc are not installed'

test('a key in a PKCS#11 token', { skip: without }, async (t) => {
  const hsm = await folder(t)
  await mkdir(join(hsm, 'tokens'))
  process.env.SOFTHSM2_CONF = join(hsm, 'softhsm2.conf')
  process.env.PKCS11_MODULE_PATH = MODULE
  await writeFile(join(hsm, 'softhsm2.conf'), `directories.tokendir = ${join(hsm, 'tokens')}\n`)
  const init = ['--init-token', '--free', '--label', 'poincon', '--pin', '4711', '--so-pin', '47110815']
  await promisify(execFile)('softhsm2-util', init)
  const pin = join(hsm, 'pin')
  await writeFile(pin, '4711\n', { mode: 0o600 })
  const key = {
    kind: 'pkcs11',
    module: MODULE,
    token: 'poincon',
    object: 'poincon-device',
    pin_file: pin,
  } as const
  const est = await sharedStand(t)
  const home = await folder(t)
  const withKey = (settings: object) => {
    const options = device(home, est)
    return { ...options, settings: { ...options.settings, ...settings } }
  }

  await t.test('signs the request and never comes out', async (t) => {
    t.match(await enrol(withKey({ key })), { state: 'valid', key: 'pkcs11' })
    t.strictSame((await readdir(home)).includes('device.key'), false)
    const own = new X509Certificate(await readFile(join(home, 'device.crt')))
    const found = await pkcs11Key(key, 'find')
    t.ok(own.publicKey.equals(found.public))
    t.equal((await pkcs11Key(key, 'make')).public.equals(found.public), true, 'one is made once')
  })

  await t.test('without an engine it cannot speak TLS, and the renewal says so', async (t) => {
    const clock = new ShiftedClock(70 * 86_400_000)
    const status = await renew({ dir: home, clock, signal, userAgent: 'poincon/0.1.0' })
    t.match(status, { state: 'renewal-failing', failure: /no engine is named/ })
  })

  const noEngine = existsSync(ENGINE) ? false : 'SKIPPED: libengine-pkcs11-openssl is not installed'
  await t.test('with OpenSSL’s engine it renews its own certificate', { skip: noEngine }, async (t) => {
    const spoken = { ...key, engine: ENGINE }
    await t.rejects(
      enrol(withKey({ key: spoken })),
      fails('invalid', /no line end/),
      'which would be a wrong PIN',
    )
    await writeFile(pin, '4711')
    await enrol(withKey({ key: spoken }))
    est.asked.length = 0
    const clock = new ShiftedClock(70 * 86_400_000)
    t.match(await renew({ dir: home, clock, signal, userAgent: 'poincon/0.1.0' }), {
      state: 'valid',
      failures: 0,
    })
    t.strictSame(est.asked.at(-1), { operation: 'simplereenroll', client: 'CN=cell-1' })
  })

  await t.test('a wrong PIN is named, and not repeated in the message', async (t) => {
    await writeFile(pin, '0815\n')
    await t.rejects(pkcs11Key(key, 'find'), fails('invalid', /token poincon: pkcs11-tool --read-object: /))
    const said = await pkcs11Key(key, 'find').catch((error: unknown) => String(error))
    t.notMatch(said, /0815/)
    await writeFile(pin, '4711\n')
  })

  await t.test('goes with a wipe', async (t) => {
    const plan = await wipePlan(home, [])
    t.match(plan.token, { token: 'poincon' })
    t.strictSame(await wipe(plan), [])
    await t.rejects(pkcs11Key(key, 'find'), fails('invalid'))
    t.strictSame(await readdir(home), [])
  })
})

test('a wipe says what it removes, removes that, and nothing of the system', async (t) => {
  const est = await sharedStand(t)
  const [home, data] = [await folder(t), await folder(t)]
  await enrol(device(home, est))
  await writeFile(join(data, 'inspections.db'), 'kept until now')
  const plan = await wipePlan(home, [data])
  t.strictSame(
    plan.paths.map((path) => path.replace(home, 'home').replace(data, 'data')),
    [
      'home/status.json',
      'data/inspections.db',
      'home/device.key',
      'home/ca.crt',
      'home/device.json',
      'home/current',
      'home/device.crt',
      'home/pairs',
    ],
    'what a device speaks with comes last',
  )
  t.strictSame(await wipe(plan), [])
  t.strictSame([await readdir(home), await readdir(data)], [[], []])
  t.equal(await readStatus(home), undefined)
  t.strictSame((await wipePlan(join(home, 'gone'), [])).paths, [])
  for (const never of ['/', '/etc', '/var/lib', '/usr/../tmp']) {
    await t.rejects(wipePlan(home, [never]), fails('invalid', /a folder of the system is not wiped/))
  }
})

test('a wipe that is cut off, wherever, leaves no key that nobody finds any more', async (t) => {
  const est = await sharedStand(t)
  const usable = async (home: string): Promise<boolean> => {
    const folder = new DeviceFolder(home)
    return (await folder.pair(await folder.settings()).catch(() => undefined)) !== undefined
  }
  const enrolled = await folder(t)
  await enrol(device(enrolled, est))
  await enrol(device(enrolled, est))
  await writeFile(join(enrolled, 'incoming.key'), 'asked for, not answered')
  for (let cut = 0, whole = false; !whole && cut < 30; cut += 1) {
    const home = await folder(t)
    await cp(enrolled, home, { recursive: true, verbatimSymlinks: true })
    let removals = 0
    const files = {
      ...deviceFiles,
      remove: async (path: string) => {
        if (removals === cut) throw new Error('the power went')
        removals += 1
        await deviceFiles.remove(path)
      },
    }
    const plan = await wipePlan(home, [])
    if (cut === 0) t.equal(plan.keys.length, 3, 'the one in use, the one before, the one asked for')
    // All that comes after the cut fails as well.
    whole = (await wipe(plan, files)).length === 0
    const keys = plan.keys.filter((path) => existsSync(path))
    t.ok(keys.length === 0 || (await usable(home)), `after ${cut} removals: ${keys.length} keys`)
  }

  const stays = join('pairs', 'stuck', 'device.key')
  await mkdir(join(enrolled, 'pairs/stuck'))
  await writeFile(join(enrolled, stays), 'a key of before')
  const files = {
    ...deviceFiles,
    remove: async (path: string) => {
      if (path.endsWith(stays)) throw new Error('read-only')
      await deviceFiles.remove(path)
    },
  }
  const left = await wipe(await wipePlan(enrolled, []), files)
  t.match(left[0], /stuck\/device\.key: read-only$/)
  t.ok(await usable(enrolled), 'with a key left it can be told again')
  t.strictSame(await wipe(await wipePlan(enrolled, [])), [])
  t.strictSame(await readdir(enrolled), [])
})
