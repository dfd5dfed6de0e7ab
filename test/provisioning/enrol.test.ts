import { readFile, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:https'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { certsOnly, fingerprint, parseCertsOnly, toPem, wrapped } from '../../provisioning/certificate.ts'
import { der, oid, TAG } from '../../provisioning/certificate-der.ts'
import {
  certificateRequest,
  csrAttributes,
  parseCsrAttributes,
} from '../../provisioning/certificate-request.ts'
import { readStatus } from '../../provisioning/device-status.ts'
import { enrol } from '../../provisioning/enrol.ts'
import { newKey } from '../../provisioning/key-store.ts'
import { type Behaviour, EstStand } from '../fakes/est-stand.ts'
import { freePort } from '../fakes/server-process.ts'
import { ShiftedClock } from '../fakes/shifted-clock.ts'
import { device, fails, folder, installed, openssl, sharedStand } from './devices.ts'

const DAY_MS = 86_400_000

async function stand(t: Test): Promise<EstStand> {
  const opened = await EstStand.open()
  t.teardown(() => opened.close())
  return opened
}

test('a device gets its first certificate', async (t) => {
  const est = await sharedStand(t)
  const dir = await folder(t)
  const status = await enrol(device(dir, est))

  await t.test('which belongs to its key, and leads to the root that was named', async (t) => {
    const { own, match } = await installed(dir)
    t.equal(match, true)
    t.equal(own.subject, 'CN=cell-1')
    t.match(
      await openssl(dir, 'verify', '-CAfile', 'ca.crt', '-untrusted', 'device.crt', 'device.crt'),
      'device.crt: OK',
    )
    t.match(status, {
      schema: 'poincon.device/1',
      state: 'valid',
      device_id: 'cell-1',
      key: 'file',
      failures: 0,
    })
    t.equal(Date.parse(status.not_after ?? ''), Date.parse(own.validTo))
    t.strictSame(await readStatus(dir), status)
  })

  await t.test('whose key its group reads and nobody else', async (t) => {
    const { mode } = await stat(join(dir, 'device.key'))
    t.equal(mode & 0o777, 0o640)
  })

  await t.test('shows the token to the verified server only, with its request', (t) => {
    const basic = `Basic ${Buffer.from('cell-1:a-token').toString('base64')}`
    const shown = est.asked.filter(({ authorization }) => authorization !== undefined)
    t.strictSame(shown, [{ operation: 'simpleenroll', authorization: basic }])
    t.end()
  })
})

test('openssl reads what we write, and we what openssl writes', async (t) => {
  const dir = await folder(t)
  const key = newKey('prime256v1')
  const request = await certificateRequest({ deviceId: 'cell-1', serial: '100000003d1d1c36' }, key)
  await writeFile(join(dir, 'request.der'), request)
  const read = await openssl(
    dir,
    'req',
    '-inform',
    'DER',
    '-in',
    'request.der',
    '-verify',
    '-noout',
    '-subject',
    '-text',
  )
  t.match(read, /verify OK/)
  t.match(read, /subject=CN = cell-1, serialNumber = 100000003d1d1c36/)
  t.match(read, /ASN1 OID: prime256v1/)

  const est = await sharedStand(t)
  const { certificates } = est.authority
  await writeFile(join(dir, 'ours.p7'), Buffer.from(certsOnly(certificates), 'base64'))
  const listed = await openssl(dir, 'pkcs7', '-inform', 'DER', '-in', 'ours.p7', '-print_certs')
  t.match(listed, /subject=CN = Stand root.*subject=CN = Stand issuing/s)
  await writeFile(join(dir, 'chain.pem'), toPem(certificates))
  await openssl(dir, 'crl2pkcs7', '-nocrl', '-certfile', 'chain.pem', '-outform', 'DER', '-out', 'theirs.p7')
  const theirs = parseCertsOnly((await readFile(join(dir, 'theirs.p7'))).toString('base64'))
  t.strictSame(theirs.map(fingerprint).sort(), certificates.map(fingerprint).sort())

  t.strictSame(parseCsrAttributes(csrAttributes()), { curve: 'prime256v1', binding: false })
  const p384 = der(TAG.sequence, oid('1.2.840.10045.2.1'), der(TAG.set, oid('1.3.132.0.34')))
  const wants = der(TAG.sequence, p384, oid('1.2.840.113549.1.9.7'))
  t.strictSame(parseCsrAttributes(wants), { curve: 'secp384r1', binding: true })
  t.throws(() => parseCsrAttributes(Uint8Array.of(0x30, 0x05, 0x06)), RangeError)
})

test('the authority is the one that was named, or nothing is sent', async (t) => {
  const est = await sharedStand(t)
  const dir = await folder(t)
  const other = '0'.repeat(64)
  await t.rejects(enrol(device(dir, { url: est.url, root: other })), fails('untrusted', /it has/))
  const issuing = est.authority.certificates[1].fingerprint256
  await t.rejects(
    enrol(device(dir, { url: est.url, root: issuing })),
    fails('invalid', /expected that of a root/),
  )
  await t.rejects(enrol(device(dir, { url: est.url, root: 'abc' })), fails('invalid', /64 digits/))
  await t.rejects(enrol(device(dir, { url: 'http://localhost', root: other })), fails('invalid', /https/))

  const impostor = await stand(t)
  impostor.behaviours.set('cacerts', ({ response }) => impostor.give(response, est.authority.certificates))
  await t.rejects(enrol(device(dir, { url: impostor.url, root: est.root })), fails('untrusted'))
  const sent = [...est.asked, ...impostor.asked].filter(({ operation }) => operation !== 'cacerts')
  t.strictSame(sent, [], 'the token stayed here')
  t.match(await readStatus(dir), { state: 'none', failure: /localhost/ })
})

test('a server that lies about the certificate gives none', async (t) => {
  const est = await sharedStand(t)
  const foreign = await stand(t)
  const another = await certificateRequest({ deviceId: 'cell-1' }, newKey('prime256v1'))
  const lies: Readonly<Record<string, readonly [Behaviour, RegExp]>> = {
    'for another key': [
      async ({ response }) => est.give(response, [await est.issue(wrapped(another))]),
      /it is for another key/,
    ],
    'in another name': [
      async ({ response, body }) => est.give(response, [await est.issue(body, { deviceId: 'cell-2' })]),
      /names "cell-2", not cell-1/,
    ],
    'of another authority': [
      async ({ response, body }) => est.give(response, [await foreign.issue(body)]),
      /no chain/,
    ],
    'of another authority that comes with it': [
      async ({ response, body }) =>
        est.give(response, [await foreign.issue(body), ...foreign.authority.certificates]),
      /no chain/,
    ],
    'that ended': [
      async ({ response, body }) =>
        est.give(response, [await est.issue(body, {}, Date.now() - 100 * DAY_MS)]),
      /which is not now/,
    ],
    'that has not begun': [
      async ({ response, body }) => est.give(response, [await est.issue(body, {}, Date.now() + DAY_MS)]),
      /which is not now/,
    ],
    'of an authority': [
      ({ response }) => est.give(response, est.authority.certificates),
      /it is for another key/,
    ],
    'that is none': [({ response }) => response.end('bm9uZQ=='), /no PKCS#7/],
    'that is no base64': [({ response }) => response.end('<html>'), /no PKCS#7/],
    'of nothing': [({ response }) => response.end(), /no PKCS#7/],
  }
  const dir = await folder(t)
  for (const [what, [lie, expected]] of Object.entries(lies)) {
    est.behaviours.set('simpleenroll', lie)
    await t.rejects(enrol(device(dir, est)), fails('untrusted', expected), what)
    await t.rejects(installed(dir), { code: 'ENOENT' }, `${what}: nothing is put into place`)
  }
  est.behaviours.delete('simpleenroll')
  t.match(await enrol(device(dir, est)), { state: 'valid' }, 'the honest answer is taken after all of them')
})

test('a server that is away, slow, endless, or says no', async (t) => {
  const est = await sharedStand(t)
  const attempt = async (behaviour: Behaviour | undefined, changes = {}) => {
    if (behaviour === undefined) est.behaviours.delete('simpleenroll')
    else est.behaviours.set('simpleenroll', behaviour)
    return await enrol(device(await folder(t), est, changes))
  }
  const status =
    (code: number, headers = {}): Behaviour =>
    ({ response }) =>
      response.writeHead(code, headers).end('because')

  const nowhere = `https://localhost:${await freePort()}`
  await t.rejects(enrol(device(await folder(t), { url: nowhere, root: est.root })), fails('away'))
  await t.rejects(
    attempt(() => {}, { clock: new ShiftedClock(0, 300) }),
    fails('away', /no whole answer/),
  )
  await t.rejects(
    attempt(
      ({ response }) => {
        const chatter = setInterval(() => response.write('a'), 20)
        response.on('close', () => clearInterval(chatter))
      },
      { clock: new ShiftedClock(0, 400) },
    ),
    fails('away', /no whole answer/),
    'a byte now and then does not keep it going',
  )
  const endless: Behaviour = ({ response }) => {
    const more = (): void => {
      while (response.write('A'.repeat(65_536)));
    }
    response.on('drain', more)
    more()
  }
  await t.rejects(attempt(endless), fails('untrusted', /longer than/))
  await t.rejects(
    attempt(({ response }) => response.destroy()),
    fails('away'),
  )
  await t.rejects(attempt(status(401)), fails('refused', /401: because/))
  await t.rejects(attempt(status(403)), fails('refused'))
  await t.rejects(attempt(status(503, { 'retry-after': '7' })), fails('away', /./, 7000))

  await t.test('asks again for as long as it was told to', async (t) => {
    const clock = new ShiftedClock()
    let times = 0
    const thinks: Behaviour = async ({ response, body }) => {
      times += 1
      if (times === 1) response.writeHead(202, { 'retry-after': '30' }).end()
      else if (times === 2) response.writeHead(503).end()
      else est.give(response, [await est.issue(body)])
    }
    t.match(await attempt(thinks, { clock, patienceMs: 600_000 }), { state: 'valid' })
    t.strictSame(clock.slept, [30_000, 3000], 'as the server said, then by its own backoff')
    times = 0
    await t.rejects(attempt(thinks, { patienceMs: 10_000 }), fails('pending', /./, 30_000))
  })
})

test('redirects are followed at home only', async (t) => {
  const est = await sharedStand(t)
  const caught: (string | undefined)[] = []
  const { cert, key } = await est.authority.serverIdentity(['localhost'], Date.now())
  const thief = createServer({ cert, key }, (request, response) => {
    caught.push(request.url)
    response.end()
  })
  const port = await freePort()
  await new Promise<void>((resolve) => thief.listen(port, '127.0.0.1', resolve))
  t.teardown(() => thief.close())
  const elsewhere = `https://localhost:${port}/.well-known/est/simpleenroll`
  est.behaviours.set('simpleenroll', ({ response }) => response.writeHead(307, { location: elsewhere }).end())
  await t.rejects(enrol(device(await folder(t), est)), fails('untrusted', /not followed/))
  t.strictSame(caught, [])
  est.behaviours.set('simpleenroll', ({ response }) =>
    response.writeHead(307, { location: '/x/simplereenroll' }).end(),
  )
  t.match(await enrol(device(await folder(t), est)), { state: 'valid' })
  est.behaviours.set('simpleenroll', ({ response }) =>
    response.writeHead(307, { location: 'simpleenroll' }).end(),
  )
  await t.rejects(enrol(device(await folder(t), est)), fails('untrusted', /too many/))
})

test('a clock that cannot be right is named before a token is spent', async (t) => {
  const est = await sharedStand(t)
  const dir = await folder(t)
  const before = new ShiftedClock(-56 * 365 * DAY_MS)
  await t.rejects(
    enrol(device(dir, est, { clock: before })),
    fails('clock-wrong', /before any authority began; the server says/),
  )
  t.match(await readStatus(dir), { state: 'clock-wrong', failure: /this clock says 19/ })
  const after = new ShiftedClock(30 * 365 * DAY_MS)
  await t.rejects(enrol(device(dir, est, { clock: after })), fails('clock-wrong', /after every authority/))
  const file = { kind: 'certificates', pem: est.authority.certificates[0].toString() } as const
  await t.rejects(enrol(device(dir, est, { clock: before, trust: file })), fails('clock-wrong'))
  t.notMatch(est.asked, [{ operation: 'simpleenroll' }])

  // As after NTP: the shift is gone while it keeps asking.
  const waking = new ShiftedClock(-DAY_MS)
  const woken = enrol(device(dir, est, { clock: waking, patienceMs: 60_000, again: () => waking.set() }))
  t.match(await woken, { state: 'valid' })
  t.match(await enrol(device(dir, est, { trust: file })), { state: 'valid' })
})

test('what the server wants of a request is heeded', async (t) => {
  const est = await sharedStand(t)
  const curve = der(TAG.sequence, oid('1.2.840.10045.2.1'), der(TAG.set, oid('1.3.132.0.34')))
  const says = (body: Uint8Array) => {
    est.behaviours.set('csrattrs', ({ response }) => response.end(wrapped(body)))
  }
  says(der(TAG.sequence, curve))
  const dir = await folder(t)
  await enrol(device(dir, est))
  t.equal((await installed(dir)).own.publicKey.asymmetricKeyDetails?.namedCurve, 'secp384r1')
  says(der(TAG.sequence, oid('1.2.840.113549.1.9.7')))
  await t.rejects(enrol(device(await folder(t), est)), fails('invalid', /tls-unique/))
})
