import { generateKeyPairSync } from 'node:crypto'
import { test } from 'tap'
import { scrubber } from '../../../gateway/support/scrub.ts'

const SECRET = 'pâté "42"/x='

test('a known secret goes, however it is written', (t) => {
  const scrub = scrubber([SECRET, 'abc'])
  const written = [
    SECRET,
    JSON.stringify({ password: SECRET }),
    `https://x/?token=${encodeURIComponent(SECRET)}`,
    Buffer.from(SECRET).toString('base64'),
    Buffer.from(SECRET).toString('hex'),
  ]
  for (const text of written) {
    t.match(scrub(`before ${text} after`), /^before .*\(secret\).* after$/)
    t.notMatch(scrub(text), text)
  }
  t.equal(scrub('abc stays: a word is no secret'), 'abc stays: a word is no secret')
  t.end()
})

test('a secret inside another leaves nothing of it', (t) => {
  t.equal(scrubber(['hunter2', 'hunter2-longer'])('hunter2-longer hunter2'), '(secret) (secret)')
  t.end()
})

test('what looks like a secret goes without being known', (t) => {
  const scrub = scrubber([])
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  t.equal(scrub(`a\n${pem}b`), 'a\n(secret)\nb')
  t.equal(scrub(JSON.stringify({ pem })), '{"pem":"(secret)\\n"}')
  t.equal(scrub(`cut ${pem.slice(0, 90)}`), 'cut (secret)')
  t.equal(scrub('mqtts://press-4:hunter2@broker:8883/x'), 'mqtts://broker:8883/x')
  t.equal(scrub('authorization: Basic cHJlc3MtNDpodW50ZXIy'), 'authorization: Basic (secret)')
  t.equal(scrub('desk $scrypt$ln=15,r=8,p=1$c2FsdHNhbHQ$aGFzaGhhc2g end'), 'desk (secret) end')
  t.end()
})

test('certificates, hashes of inspections and addresses stay', (t) => {
  const text =
    '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\nsha256:00ff me@example.org https://x/@y'
  t.equal(scrubber([])(text), text)
  t.end()
})
