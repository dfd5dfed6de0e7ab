import { execFile } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { type Test, test } from 'tap'
import { systemClock } from '../../../drivers/clock.ts'
import { fleetCommand } from '../../../gateway/commands/fleet.ts'
import { fingerprint, parsePem, toPem, wrapped } from '../../../provisioning/certificate.ts'
import { certificateRequest } from '../../../provisioning/certificate-request.ts'
import { enrol } from '../../../provisioning/enrol.ts'
import { renew } from '../../../provisioning/enrol-renew.ts'
import { EstClient } from '../../../provisioning/est.ts'
import { newKey, readKey } from '../../../provisioning/key-store.ts'
import { Authority, type AuthorityOptions } from '../../../provisioning/server/authority.ts'
import type { EstEvent } from '../../../provisioning/server/est.ts'
import { checkRequest } from '../../../provisioning/server/est-request.ts'
import { Fleet, type FleetOptions, openFleet } from '../../../provisioning/server/fleet.ts'
import { AdmissionError } from '../../../provisioning/server/tokens.ts'
import { device, fails, folder, installed, openssl } from '../devices.ts'

const PASSPHRASE = 'correct horse battery staple'
const HOUR_MS = 3_600_000
const signal = new AbortController().signal
const anywhere = { host: '127.0.0.1', port: 0 }

/** A fleet's server, and the commands beside it on the same folder. */
async function plant(t: Test, changes: Partial<FleetOptions> = {}) {
  const dir = await folder(t)
  const events: EstEvent[] = []
  const fleet = new Fleet({
    ...{ dir, passphrase: PASSPHRASE, listen: anywhere, lists: anywhere, hosts: ['localhost', '127.0.0.1'] },
    ...{ clock: systemClock, note: (event) => events.push(event), ...changes },
  })
  await fleet.start()
  t.teardown(() => fleet.stop())
  const [root] = parsePem(fleet.root, 'root')
  if (root === undefined) throw new Error('no root')
  const say = async (...args: readonly string[]) => {
    const said = { stdout: '', stderr: '' }
    const to = (where: 'stdout' | 'stderr') => ({
      write: (text: string | Uint8Array) => {
        said[where] += String(text)
        return true
      },
    })
    const code = await fleetCommand([...args, '--dir', dir], { output: to('stdout'), errors: to('stderr') })
    return { code, ...said }
  }
  const token = async (...args: readonly string[]) => (await say('token', ...args)).stdout.trim()
  const authority = { url: fleet.url, root: fingerprint(root) }
  const client = (identity = {}) =>
    new EstClient({
      url: fleet.url,
      ca: fleet.root,
      clock: systemClock,
      signal,
      userAgent: 'poincon/0.1.0',
      identity,
    })
  return { dir, fleet, say, token, events, authority, client }
}

function withToken(dir: string, authority: { url: string; root: string }, token: string, who = {}) {
  const options = device(dir, authority, { proof: { kind: 'token', token } })
  return { ...options, settings: { ...options.settings, ...who } }
}

test('a plant without an authority', async (t) => {
  const { dir, fleet, say, token, authority, events, client } = await plant(t)

  await t.test('lets a device in once, by a token, and keeps book', async (t) => {
    const secret = await token('cell-1', '--serial', 'SN-7', '--station', 'lyon/l1/s1')
    const home = await folder(t)
    await enrol(withToken(home, authority, secret, { serial: 'SN-7' }))
    const { own } = await installed(home)
    t.equal(own.subject, 'CN=cell-1\nserialNumber=SN-7')
    t.strictSame(own.keyUsage, ['1.3.6.1.5.5.7.3.2'], 'for clients of TLS only')
    t.equal(own.ca, false)
    const days = (Date.parse(own.validTo) - Date.now()) / 86_400_000
    t.ok(days > 89 && days <= 90)
    t.match(
      await openssl(
        home,
        'verify',
        '-purpose',
        'sslclient',
        '-CAfile',
        'ca.crt',
        '-untrusted',
        'device.crt',
        'device.crt',
      ),
      /OK/,
    )
    t.match(
      (await say('list')).stdout,
      /^cell-1 {2}SN-7 {2}lyon\/l1\/s1 {2}enrolled {2}until \d{4}.* 0\.1\.0 {2}seen /,
    )
    t.match(JSON.parse((await say('show', 'cell-1', '--json')).stdout), {
      device_id: 'cell-1',
      certificates: [{ serial: own.serialNumber.toLowerCase(), revoked_ms: null }],
    })
    t.match(events, [{ event: 'enrolled', device_id: 'cell-1' }])
    await t.rejects(
      enrol(withToken(await folder(t), authority, secret, { serial: 'SN-7' })),
      fails('refused', /was used/),
    )
    const status = await renew({
      dir: home,
      clock: systemClock,
      signal,
      userAgent: 'poincon/0.2.0',
      force: true,
    })
    t.match(status, { state: 'valid' })
    t.match((await say('list')).stdout, / 0\.2\.0 /)
  })

  await t.test('refuses a token that is not for this device, serial number or time', async (t) => {
    const secret = await token('cell-2', '--serial', 'SN-8')
    const attempt = async (given: string, who: object) =>
      enrol(withToken(await folder(t), authority, given, who))
    const two = { device_id: 'cell-2', serial: 'SN-8' }
    await t.rejects(
      attempt(secret, { ...two, serial: 'SN-9' }),
      fails('refused', /is for serial number SN-8, the request names SN-9/),
    )
    await t.rejects(attempt(secret, { device_id: 'cell-2' }), fails('refused', /names none/))
    await t.rejects(
      attempt(secret, { ...two, device_id: 'cell-3' }),
      fails('refused', /not one for this device/),
    )
    await t.rejects(attempt('guessed', two), fails('refused', /not one for this device/))
    t.match(await attempt(secret, two), { state: 'valid' }, 'refusals do not use it up')

    const { tokens, database } = await openFleet(dir)
    const late = await tokens.make({ deviceId: 'cell-4', lifeMs: HOUR_MS }, Date.now() - 2 * HOUR_MS)
    await database.close()
    await t.rejects(attempt(late.token ?? '', { device_id: 'cell-4' }), fails('refused', /has expired/))
  })

  await t.test('gives one certificate for one token, however many ask at once', async (t) => {
    const secret = await token('cell-5')
    const five = { device_id: 'cell-5' }
    const dirs = await Promise.all([folder(t), folder(t), folder(t), folder(t)])
    const settled = await Promise.allSettled(
      dirs.map((home) => enrol(withToken(home, authority, secret, five))),
    )
    t.equal(settled.filter(({ status }) => status === 'fulfilled').length, 1)
    const { certificates } = JSON.parse((await say('show', 'cell-5', '--json')).stdout)
    t.equal(certificates.length, 1)
  })

  await t.test('gives the same certificate again when the answer got lost', async (t) => {
    const secret = await token('cell-6')
    const request = await certificateRequest({ deviceId: 'cell-6' }, newKey('prime256v1'))
    const basic = { user: 'cell-6', password: secret }
    const [first] = await client().enrol(request, basic)
    const [second] = await client().enrol(request, basic)
    t.equal(second?.serialNumber, first?.serialNumber)
    const other = await certificateRequest({ deviceId: 'cell-6' }, newKey('prime256v1'))
    await t.rejects(client().enrol(other, basic), fails('refused', /was used/), 'for the same key only')
  })

  await t.test('signs no request that is not what it should be', async (t) => {
    const basic = { user: 'cell-7', password: await token('cell-7') }
    const key = newKey('prime256v1')
    const asked = await certificateRequest({ deviceId: 'cell-7' }, key)
    const forged = await certificateRequest(
      { deviceId: 'cell-7' },
      { ...newKey('prime256v1'), publicKey: key.publicKey },
    )
    await t.rejects(client().enrol(forged, basic), fails('refused', /not signed with the key/))
    await t.rejects(client().enrol(asked.subarray(0, 80), basic), fails('refused', /no PKCS#10/))
    const small = await certificateRequest(
      { deviceId: 'cell-7' },
      {
        ...key,
        publicKey: generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey.export({
          type: 'spki',
          format: 'der',
        }),
      },
    )
    await t.rejects(client().enrol(small, basic), fails('refused', /P-256, P-384, or RSA/))
    await t.rejects(client().enrol(new Uint8Array(20_000), basic), fails('refused', /longer than/))
    await t.rejects(client().enrol(asked), fails('refused', /a token is wanted/))
    await t.rejects(client().reenrol(asked), fails('refused', /certificate that holds must be shown/))
    await t.rejects(checkRequest(wrapped(await certificateRequest({ deviceId: 'Cell_7' }, key))), {
      message: /names no device/,
    })
    t.match((await client().enrol(asked, basic)).length, 2)
  })

  await t.test('takes a device out: no renewal, and a list that openssl believes', async (t) => {
    const secret = await token('cell-8')
    const home = await folder(t)
    await enrol(withToken(home, authority, secret, { device_id: 'cell-8' }))
    const { own } = await installed(home)
    const [key, cert] = [
      await readFile(join(home, 'device.key'), 'utf8'),
      await readFile(join(home, 'device.crt'), 'utf8'),
    ]
    const as = async (deviceId: string) =>
      client({ key, cert }).reenrol(await certificateRequest({ deviceId }, readKey(key)))
    await t.rejects(as('cell-1'), fails('refused', /does not name the device/))
    t.match(await say('revoke', 'cell-8', '--reason', 'keyCompromise'), {
      code: 0,
      stdout: 'cell-8: 1 taken back\n',
    })
    await t.rejects(as('cell-8'), fails('refused', /was revoked/))
    t.match(await renew({ dir: home, clock: systemClock, signal, userAgent: 'poincon/0.1.0' }), {
      state: 'revoked',
    })

    const at = (fleet.listsUrl ?? '').replace('crl.der', 'crl.pem')
    await writeFile(
      join(home, 'crl.der'),
      Buffer.from(await (await fetch(fleet.listsUrl ?? '')).arrayBuffer()),
    )
    await writeFile(join(home, 'crl.pem'), await (await fetch(at)).text())
    const chain = toPem(parsePem(cert, 'chain').slice(1)) + (await readFile(join(home, 'ca.crt'), 'utf8'))
    await writeFile(join(home, 'chain.pem'), chain)
    const shown = await openssl(
      home,
      'crl',
      '-inform',
      'DER',
      '-in',
      'crl.der',
      '-CAfile',
      'chain.pem',
      '-noout',
      '-text',
    )
    t.match(shown, /verify OK/)
    t.match(shown, `Serial Number: ${own.serialNumber}`)
    t.match(shown, /Key Compromise/)
    const check = ['verify', '-crl_check_all', '-CRLfile', 'crl.pem', '-CAfile', 'chain.pem', 'device.crt']
    await t.rejects(openssl(home, ...check), /certificate revoked/)
    t.match(await say('token', 'cell-8'), { code: 1, stderr: /is revoked: choose another device id/ })
    t.match(await say('revoke', 'cell-99'), { code: 1, stderr: /no such device/ })
  })

  await t.test('replaces a device: the same station, another name; the old one is taken out', async (t) => {
    const [old, next] = [await folder(t), await folder(t)]
    await enrol(
      withToken(old, authority, await token('cell-9', '--station', 'lyon/l2/s4'), { device_id: 'cell-9' }),
    )
    const { stdout } = await say('replace', 'cell-9', '--with', 'cell-10')
    t.match(
      JSON.parse((await say('show', 'cell-9', '--json')).stdout),
      { state: 'enrolled' },
      'works until the new one has come',
    )
    await enrol(withToken(next, authority, stdout.trim(), { device_id: 'cell-10' }))
    t.match(JSON.parse((await say('show', 'cell-9', '--json')).stdout), {
      state: 'replaced',
      replaced_by: 'cell-10',
      certificates: [{ reason: 5 }],
    })
    t.match(JSON.parse((await say('show', 'cell-10', '--json')).stdout), {
      state: 'enrolled',
      station: 'lyon/l2/s4',
    })
    t.match(await say('replace', 'cell-9', '--with', 'cell-9'), {
      code: 1,
      stderr: /cannot replace itself|is replaced/,
    })
    t.match(await say('replace', 'cell-77', '--with', 'cell-78'), { code: 1, stderr: /no such device/ })
  })

  await t.test('has no secret in clear on its disk', async (t) => {
    const secret = await token('cell-11')
    for (const file of await readdir(dir, { recursive: true, withFileTypes: true })) {
      if (!file.isFile()) continue
      const content = await readFile(join(file.parentPath, file.name))
      for (const hidden of [secret, PASSPHRASE, 'PRIVATE KEY']) {
        t.equal(content.includes(hidden), false, `${file.name}: ${hidden}`)
      }
    }
    const options: AuthorityOptions = {
      dir: join(dir, 'authority'),
      name: 'x',
      passphrase: 'another one altogether',
    }
    await t.rejects(Authority.open(options, Date.now()), { message: /another passphrase/ })
    const short: AuthorityOptions = { ...options, dir: join(dir, 'short'), passphrase: 'short' }
    await t.rejects(Authority.open(short, Date.now()), RangeError)
  })

  await t.test('says how it is called', async (t) => {
    t.match(await say('token'), { code: 2, stderr: /^poincon fleet serve/ })
    t.match(await say('token', 'Not_An_Id'), { code: 2, stderr: /expected up to 64 of a-z/ })
    t.match(await say('token', 'cell-12', '--hours', '0'), { code: 2, stderr: /--hours 0: expected 1 to/ })
    t.match(await say('token', 'cell-12', '--factory'), { code: 1, stderr: /serial number/ })
    t.match(await say('revoke', 'cell-1', '--reason', 'anger'), {
      code: 2,
      stderr: /expected unspecified, keyCompromise/,
    })
    t.match(await say('serve'), { code: 2, stderr: /--host/ })
    t.match(await say('crl'), { code: 2, stderr: /--passphrase-file/ })
    const nowhere = await folder(t)
    await writeFile(join(nowhere, 'passphrase'), PASSPHRASE)
    const given = ['crl', '--passphrase-file', join(nowhere, 'passphrase'), '--dir', nowhere]
    const silent = { output: { write: () => true }, errors: { write: () => true } }
    t.equal(await fleetCommand(given, silent), 2, 'a list makes no authority')
  })
})

test('a device with its maker’s certificate', async (t) => {
  const maker = await folder(t)
  const make = async (...args: readonly string[]) => openssl(maker, ...args)
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  await make(
    'req',
    '-x509',
    ...key,
    '-days',
    '1',
    '-subj',
    '/CN=Maker',
    '-keyout',
    'ca.key',
    '-out',
    'ca.crt',
  )
  for (const serial of ['SN-1', 'SN-2']) {
    await make(
      'req',
      ...key,
      '-subj',
      `/CN=head/serialNumber=${serial}`,
      '-keyout',
      `${serial}.key`,
      '-out',
      `${serial}.csr`,
    )
    await make(
      'x509',
      '-req',
      '-in',
      `${serial}.csr`,
      '-CA',
      'ca.crt',
      '-CAkey',
      'ca.key',
      '-days',
      '1',
      '-out',
      `${serial}.crt`,
    )
  }
  const { say, authority } = await plant(t, { factoryCa: await readFile(join(maker, 'ca.crt'), 'utf8') })
  const attempt = async (serial: string) => {
    const identity = {
      cert: await readFile(join(maker, `${serial}.crt`)),
      key: await readFile(join(maker, `${serial}.key`)),
    }
    const options = device(await folder(t), authority, { proof: { kind: 'factory', identity } })
    return await enrol({ ...options, settings: { ...options.settings, serial } })
  }
  await t.rejects(attempt('SN-1'), fails('refused', /not one for this device/), 'is expected by nobody yet')
  t.match(await say('token', 'cell-1', '--serial', 'SN-1', '--factory'), { code: 0, stdout: '' })
  await t.rejects(attempt('SN-2'), fails('refused', /not one for this device/))
  t.match(await attempt('SN-1'), { state: 'valid', device_id: 'cell-1' })
  await t.rejects(attempt('SN-1'), fails('refused', /was used/))
})

test('the authority is the same after a restart; its list reaches a file, and grows', async (t) => {
  const dir = await folder(t)
  const options = {
    dir,
    passphrase: PASSPHRASE,
    listen: anywhere,
    hosts: ['localhost'],
    clock: systemClock,
    note: () => {},
  }
  const listFile = join(dir, 'crl.pem')
  const first = new Fleet(options)
  await first.start()
  const { root } = first
  await first.stop()
  const second = new Fleet({ ...options, listFile })
  await second.start()
  t.equal(second.root, root)
  await second.stop()
  t.match(await readFile(listFile, 'utf8'), /BEGIN X509 CRL/)
  const passphrase = join(dir, 'passphrase')
  await writeFile(passphrase, `${PASSPHRASE}\n`)
  const run = async (...args: readonly string[]) => {
    const none = { write: () => true }
    return await fleetCommand([...args, '--dir', dir], { output: none, errors: none })
  }
  t.equal(await run('crl', '--passphrase-file', passphrase, '--out', join(dir, 'next.pem')), 0)
  const number = async (file: string) => {
    const { stdout } = await promisify(execFile)('openssl', ['crl', '-in', file, '-noout', '-crlnumber'])
    return Number.parseInt(stdout.trim().split('=0x').at(-1) ?? '', 16)
  }
  t.equal(await number(join(dir, 'next.pem')), (await number(listFile)) + 1)
  const { tokens, database } = await openFleet(dir)
  await t.rejects(tokens.make({ deviceId: 'a', replaces: 'b', lifeMs: 1 }, 0), AdmissionError)
  await database.close()
})
