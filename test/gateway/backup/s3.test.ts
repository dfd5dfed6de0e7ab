import { mkdir, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { type Test, test } from 'tap'
import { readCredentials } from '../../../gateway/backup/credentials.ts'
import { manifestFile } from '../../../gateway/backup/manifest.ts'
import type { S3Options } from '../../../gateway/backup/options.ts'
import { S3Store } from '../../../gateway/backup/s3.ts'
import { errorBody, FakeS3 } from '../../fakes/s3.ts'
import { playground, refusal } from './stations.ts'

const credentials = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'a/secret+key' }
const WALL = Date.UTC(2026, 2, 1, 2, 30)
const forever = new AbortController().signal

interface Stand {
  readonly server: FakeS3
  readonly file: string
  readonly content: Buffer
  store(options?: Partial<S3Options>, secret?: string, wall?: number): S3Store
}

/** A server, and a file to send of `bytes` bytes. */
async function stand(t: Test, bytes: number): Promise<Stand> {
  const { dir } = await playground(t)
  await mkdir(dir, { recursive: true })
  const file = join(dir, 'poincon-a b-20260301T023000000Z.db')
  const content = Buffer.from(Uint8Array.from({ length: bytes }, (_, index) => (index * 7) % 251))
  await writeFile(file, content)
  await writeFile(manifestFile(file), '{"schema":"poincon.backup/1"}')
  const server = await FakeS3.listen({ credentials, region: 'eu-west-3', wall: () => WALL })
  t.teardown(() => server.close())
  const store = (
    options: Partial<S3Options> = {},
    secret = credentials.secretAccessKey,
    wall = WALL,
  ): S3Store => {
    const all: S3Options = {
      kind: 's3',
      endpoint: server.endpoint,
      region: 'eu-west-3',
      bucket: 'backups',
      prefix: 'plant-7/',
      path_style: true,
      credentials_file: 'unused',
      ...options,
    }
    const tuning = { partBytes: 1000, pauseMs: () => 0 }
    return new S3Store(all, { ...credentials, secretAccessKey: secret }, () => wall, tuning)
  }
  return { server, file, content, store }
}

test('a small backup goes in one piece, its manifest behind it', async (t) => {
  const { server, file, content, store } = await stand(t, 900)
  await store().send(file, forever)
  const key = `/backups/plant-7/${basename(file)}`
  t.strictSame(server.objects.get(key), content)
  t.match(server.objects.get(`${key}.json`)?.toString(), 'poincon.backup/1')
  t.strictSame(server.asked, [
    'PUT /backups/plant-7/poincon-a%20b-20260301T023000000Z.db',
    'PUT /backups/plant-7/poincon-a%20b-20260301T023000000Z.db.json',
  ])
})

test('a large one goes in parts', async (t) => {
  const { server, file, content, store } = await stand(t, 4321)
  await store().send(file, forever)
  t.strictSame(server.objects.get(`/backups/plant-7/${basename(file)}`), content)
  t.equal(server.uploads.size, 0)
  t.equal(server.asked.filter((what) => what.includes('partNumber')).length, 5)
})

test('what the server could not do is asked again, part by part', async (t) => {
  const { server, file, content, store } = await stand(t, 2500)
  const answers = ['hang up', { status: 503, body: errorBody('SlowDown', 'slow down') }, undefined] as const
  const turns = new Map<string, number>()
  server.misbehave = (what) => {
    const turn = turns.get(what) ?? 0
    turns.set(what, turn + 1)
    return answers[turn]
  }
  await store().send(file, forever)
  t.strictSame(server.objects.get(`/backups/plant-7/${basename(file)}`), content)
  t.ok([...turns.values()].every((count) => count === 3))
})

test('an upload that does not end is aborted', async (t) => {
  const { server, file, store } = await stand(t, 2500)
  server.misbehave = (what) =>
    what.includes('partNumber=3') ? { status: 500, body: errorBody('InternalError', 'try again') } : undefined
  t.match(await refusal(store().send(file, forever)), {
    fault: 'failed',
    message: /^s3 127\.0\.0\.1:\d+\/backups\/plant-7\/: PUT: HTTP 500: InternalError: try again$/,
  })
  t.equal(server.asked.filter((what) => what.includes('partNumber=3')).length, 4, 'after four attempts')
  t.equal(server.uploads.size, 0, 'nothing of it is stored, and paid for')
  t.equal(server.objects.size, 0, 'nor is there a manifest')
})

test('a server that says 200 and then that it failed', async (t) => {
  const { server, file, store } = await stand(t, 2500)
  server.misbehave = (what) =>
    what.startsWith('POST') && what.includes('uploadId')
      ? { status: 200, body: errorBody('InternalError', 'try again') }
      : undefined
  t.match(await refusal(store().send(file, forever)), { message: /upload was refused: InternalError/ })
})

test('what the server refuses is not asked again, and says why', async (t) => {
  const { server, file, store } = await stand(t, 10)
  const wrong = await refusal(store({}, 'another secret').send(file, forever))
  t.match(wrong, { message: /HTTP 403: SignatureDoesNotMatch/ })
  t.notMatch(wrong?.message, /another secret/)
  const late = store({}, credentials.secretAccessKey, WALL - 16 * 60_000)
  t.match(await refusal(late.send(file, forever)), { message: /RequestTimeTooSkewed/ })
  t.strictSame(server.asked, [])
})

test('nobody listens, or the station stops', async (t) => {
  const { server, file, store } = await stand(t, 10)
  const stopped = AbortSignal.abort(new Error('the station stops'))
  t.match(await refusal(store().send(file, stopped)), { message: 'the station stops' })
  const closed = store({ endpoint: 'http://127.0.0.1:9' })
  t.match(await refusal(closed.send(file, forever)), { fault: 'failed', message: /^s3 127\.0\.0\.1:9/ })
  t.equal(server.objects.size, 0)
})

test('access keys as ~/.aws/credentials has them', async (t) => {
  const file = join(t.testdir({}), 'credentials')
  await writeFile(
    file,
    '[default]\naws_access_key_id = AKID\n aws_secret_access_key=a/b+c=\r\n\n[other]\naws_access_key_id = X\n',
  )
  t.strictSame(await readCredentials(file), { accessKeyId: 'AKID', secretAccessKey: 'a/b+c=' })
  await writeFile(file, 'aws_access_key_id = AKID\n')
  t.match(await refusal(readCredentials(file)), { message: /expected lines aws_access_key_id = … and/ })
  t.match(await refusal(readCredentials(`${file}.none`)), { message: /no access key: ENOENT/ })
})
