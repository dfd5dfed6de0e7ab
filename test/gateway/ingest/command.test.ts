import { spawnSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import tap, { test } from 'tap'
import { stringify } from 'yaml'
import { admit } from '../../../gateway/ingest/admission.ts'
import { AUTHOR, history, topicOf } from './history.ts'
import { missing, Postgres } from './servers.ts'

// Eleven processes one after the other, on a machine that does other things as well.
tap.setTimeout(200_000)
const script = fileURLToPath(new URL('./worker-process.js', import.meta.url))

function ingest(...args: string[]): { status: number | null; out: string; err: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, ...args], { encoding: 'utf8' })
  return { status, out: stdout, err: stderr }
}

test('what is wrong with the configuration is said by line, with exit code 78', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'poincon-ingest-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const file = join(folder, 'ingest.yaml')
  await writeFile(file, 'source:\n  kind: mqtt\n  url: mqtt://a:b@broker\n  grope: x\n')
  const wrong = ingest('run', '--config', file)
  t.equal(wrong.status, 78)
  t.match(wrong.err, /ingest\.yaml:3: source\.url: .*expected no user name/)
  t.match(wrong.err, /ingest\.yaml:4: source\.grope: "x": no such key/)
  await writeFile(file, 'source:\n  kind: mqtt\n  url: mqtt://broker\n')
  t.match(ingest('run', '--config', file), { status: 78, err: /name: missing/ }, 'a session needs a name')
  t.equal(ingest('status', '--config', join(folder, 'none.yaml')).status, 78)
  t.equal(ingest('accept', '--device', 'gw-1').status, 2)
  t.equal(ingest('rum').status, 2)
})

const skip = missing('postgresql')
test('status and accept', { skip: skip ?? false }, async (t) => {
  const postgres = await Postgres.start()
  t.teardown(() => postgres.close())
  const file = join(postgres.folder, 'ingest.yaml')
  const source = { kind: 'mqtt', url: 'mqtt://127.0.0.1:1' }
  await writeFile(file, stringify({ source, database: postgres.database }))
  t.match(ingest('migrate', '--config', file), { status: 0, out: 'schema poincon: 2 steps, plain\n' })
  const store = await postgres.open()
  const late = history(AUTHOR, 11, 20, { sequence: 10, hash: 'ab'.repeat(32) })
  const rules = { maxBytes: 1e6, hashes: 'required' } as const
  const looked = late.map(({ payload }) => admit(topicOf(AUTHOR), Buffer.from(payload), rules))
  await store.write(
    looked.filter((one) => 'message' in one),
    [],
  )
  await store.close()
  const before = ingest('status', '--json', '--config', file)
  t.equal(before.status, 1, 'a hole')
  t.match(JSON.parse(before.out), { ok: false, logs: [{ device_id: 'gw-1', up_to: 0, beyond: 10 }] })
  const log = ['--device', 'gw-1', '--epoch', AUTHOR.epoch, '--config', file]
  t.match(ingest('accept', ...log, '--from', '500'), { status: 1, err: /the store has no gw-1/ })
  t.match(ingest('accept', ...log, '--from', '11'), { status: 0, out: /up to 20 {2}heard/ })
  const after = ingest('status', '--json', '--config', file)
  t.equal(after.status, 0)
  t.match(JSON.parse(after.out), {
    ok: true,
    quarantined: {},
    logs: [{ from: 11, up_to: 20, count: 10, beyond: 0 }],
  })
})
