import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import type { ServerResponse } from 'node:http'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import type { OpenOptions } from '../../provisioning/client.ts'
import { HostileRepository, serve } from '../fakes/hostile-repository.ts'
import { clientOf, clockAt, filesIn, install, memoryFolder } from '../fakes/hostile-repository-client.ts'

const { signal } = new AbortController()
/** Larger than what one read of a socket brings, and no two places alike. */
const RELEASE = Buffer.from(Array.from({ length: 40_000 }, (_, place) => `${place}\n`).join(''))

interface Stand {
  readonly repository: HostileRepository
  readonly folder: string
  /** Where the release is served. */
  readonly served: string
  /** Ranges that were asked of it; '' for all of it. */
  readonly ranges: string[]
}

async function stand(t: Test): Promise<Stand> {
  const repository = await HostileRepository.open()
  t.teardown(() => repository.close())
  const folder = memoryFolder(t)
  install(folder, repository)
  const { path, entry } = repository.release('1.1.0', RELEASE)
  repository.publish()
  const served = repository.served(path, entry.hashes.sha256 ?? '')
  return { repository, folder, served, ranges: [] }
}

type Answer = (response: ServerResponse) => boolean

/** Serves the release as a web server does, but lets `first` answer once instead. */
function watch({ repository, served, ranges }: Stand, first?: Answer): void {
  let todo = first
  repository.handlers.set(served, (request, response) => {
    ranges.push(request.headers.range ?? '')
    const act = todo
    todo = undefined
    if (act?.(response) !== true) serve(RELEASE, request, response)
  })
}

/** Sends so many bytes of the whole, then breaks the connection. */
function cutAt(bytes: number): Answer {
  return (response) => {
    response.writeHead(200, { 'Content-Length': RELEASE.length })
    response.write(RELEASE.subarray(0, bytes), () => response.destroy())
    if (bytes === 0) response.flushHeaders()
    if (bytes === 0) response.destroy()
    return true
  }
}

/** One device that asks and brings, as after a restart of its updater. */
async function bring(
  { repository, folder }: Stand,
  options: Partial<OpenOptions> = {},
  stop = signal,
): Promise<string> {
  const client = clientOf(folder, repository, options)
  const [offer] = await client.check(signal)
  if (offer === undefined) throw new Error('nothing was offered')
  const { path } = await client.fetch(offer, { signal: stop })
  return path
}

for (const bytes of [0, 1, 1000, 65_536, RELEASE.length - 1]) {
  test(`cut after ${bytes} bytes: the next attempt goes on where that ended`, async (t) => {
    const device = await stand(t)
    watch(device, cutAt(bytes))
    await t.rejects(bring(device), { name: 'RepositoryAway' })
    t.ok(readFileSync(await bring(device)).equals(RELEASE))
    const [, asked = ''] = device.ranges
    const from = Number(/^bytes=(\d+)-$/.exec(asked)?.[1] ?? 0)
    t.equal(from, bytes, 'no byte twice')
    t.equal(filesIn(device.folder, 'var/downloads').length, 1, 'nothing but the release is left')
  })
}

test('cut again and again, it still comes to its end', async (t) => {
  const device = await stand(t)
  const { repository, served, ranges } = device
  repository.handlers.set(served, (request, response) => {
    ranges.push(request.headers.range ?? '')
    const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0)
    const span = `bytes ${start}-${RELEASE.length - 1}/${RELEASE.length}`
    response.writeHead(start > 0 ? 206 : 200, {
      'Content-Range': span,
      'Content-Length': RELEASE.length - start,
    })
    const end = start + 50_000
    if (end >= RELEASE.length) response.end(RELEASE.subarray(start))
    else response.write(RELEASE.subarray(start, end), () => response.destroy())
  })
  const attempts = Math.ceil(RELEASE.length / 50_000)
  for (let attempt = 1; attempt < attempts; attempt++) await t.rejects(bring(device), { code: 'cut' })
  t.ok(readFileSync(await bring(device)).equals(RELEASE))
  t.equal(ranges.length, attempts)
})

test('whole already: nothing is asked for; altered on disk meanwhile: brought anew', async (t) => {
  const device = await stand(t)
  watch(device)
  const path = await bring(device)
  await bring(device)
  t.equal(device.ranges.length, 1)
  writeFileSync(path, 'something else')
  t.ok(readFileSync(await bring(device)).equals(RELEASE))
  t.equal(device.ranges.length, 2)
})

test('a part that went bad on disk is brought anew, without being asked', async (t) => {
  const device = await stand(t)
  watch(device, cutAt(100_000))
  await t.rejects(bring(device), { code: 'cut' })
  const [part = ''] = filesIn(device.folder, 'var/downloads').filter((name) => name.endsWith('.part'))
  writeFileSync(join(device.folder, 'var/downloads', part), Buffer.alloc(100_000))
  t.ok(readFileSync(await bring(device)).equals(RELEASE))
  t.same(device.ranges, ['', 'bytes=100000-', ''])
})

test('the file is another by now (If-Range): all of it comes, and is held to what was signed', async (t) => {
  const device = await stand(t)
  const { repository, served } = device
  repository.handlers.set(served, (_, response) => {
    response.writeHead(200, { 'Content-Length': RELEASE.length, ETag: '"before"' })
    response.write(Buffer.alloc(1000), () => response.destroy())
  })
  await t.rejects(bring(device), { code: 'cut' })
  repository.handlers.clear()
  t.ok(readFileSync(await bring(device)).equals(RELEASE))
})

test('a server that sends another range than was asked for is not believed', async (t) => {
  const device = await stand(t)
  watch(device, cutAt(1000))
  await t.rejects(bring(device), { code: 'cut' })
  device.repository.handlers.set(device.served, (_, response) => {
    response.writeHead(206, { 'Content-Range': `bytes 0-${RELEASE.length - 1}/${RELEASE.length}` })
    response.end(RELEASE)
  })
  await t.rejects(bring(device), { name: 'RepositoryAway', code: 'answer' })
})

test('a part longer than the whole, and a server without its end (416)', async (t) => {
  const device = await stand(t)
  watch(device, cutAt(1000))
  await t.rejects(bring(device), { code: 'cut' })
  const [part = ''] = filesIn(device.folder, 'var/downloads').filter((name) => name.endsWith('.part'))
  writeFileSync(join(device.folder, 'var/downloads', part), Buffer.alloc(RELEASE.length + 1))
  t.ok(readFileSync(await bring(device)).equals(RELEASE))
  t.same(device.ranges, ['', ''])
})

test('no room: said before anything is asked for', async (t) => {
  const device = await stand(t)
  watch(device)
  const disk = (free: number) => ({
    disk: { reserveBytes: 1_000_000, freeBytes: () => Promise.resolve(free) },
  })
  const enough = RELEASE.length + 1_000_000
  await t.rejects(bring(device, disk(enough - 1)), {
    name: 'StorageError',
    code: 'space',
    message: new RegExp(`${RELEASE.length} bytes to come, 1000000 to stay free`),
  })
  t.same(device.ranges, [])
  await bring(device, disk(enough))
  t.same(device.ranges, [''])
})

test('the real disk is asked for its room', async (t) => {
  const device = await stand(t)
  const disk = { reserveBytes: Number.MAX_SAFE_INTEGER }
  await t.rejects(bring(device, { disk }), { name: 'StorageError', code: 'space' })
})

test('a disk that does not do is no fault of the repository', async (t) => {
  const device = await stand(t)
  mkdirSync(join(device.folder, 'var'), { recursive: true })
  writeFileSync(join(device.folder, 'var/downloads'), 'a file where a folder should be')
  await t.rejects(bring(device), { name: 'StorageError', code: 'disk' })
})

test('a download keeps to its share of the network', async (t) => {
  const device = await stand(t)
  let now = 0
  const clock = {
    ...clockAt(Date.parse('2026-06-01T12:00:00Z')),
    now: () => now,
    sleep: (ms: number) => {
      now += ms
      return Promise.resolve()
    },
  }
  await bring(device, { clock, disk: { reserveBytes: 0, bytesPerSecond: 10_000 } })
  t.ok(Math.abs(now - RELEASE.length / 10) < 2, `${RELEASE.length} bytes at 10,000 bytes/s in ${now} ms`)
})

test('a download that trickles ends, and goes on another time', async (t) => {
  const device = await stand(t)
  let now = 0
  // Each look at the clock is an hour later.
  const clock = { ...clockAt(Date.parse('2026-06-01T12:00:00Z')), now: () => (now += 3_600_000) }
  await t.rejects(bring(device, { clock }), { name: 'RepositoryAway', code: 'slow' })
  watch(device)
  await bring(device)
  t.match(device.ranges, [/^bytes=\d+-$/])
})

test('a download can be given up, and what it has is kept', async (t) => {
  const device = await stand(t)
  const stop = new AbortController()
  watch(device, (response) => {
    response.writeHead(200, { 'Content-Length': RELEASE.length })
    response.write(RELEASE.subarray(0, 70_000))
    return true
  })
  const client = clientOf(device.folder, device.repository)
  const [offer] = await client.check(signal)
  if (offer === undefined) throw new Error('nothing was offered')
  const onProgress = (received: number): void => {
    if (received === 70_000) stop.abort(new Error('the line begins'))
  }
  await t.rejects(client.fetch(offer, { signal: stop.signal, onProgress }), { message: 'the line begins' })
  await bring(device)
  t.same(device.ranges, ['', 'bytes=70000-'])
})

test('what is no longer offered is removed, begun or whole', async (t) => {
  const device = await stand(t)
  const { repository, folder } = device
  watch(device, cutAt(1000))
  await t.rejects(bring(device), { code: 'cut' })
  t.equal(filesIn(folder, 'var/downloads').length, 1)
  writeFileSync(join(folder, 'var/downloads/notes.txt'), 'of somebody else')
  repository.release('1.2.0', Buffer.from('newer'))
  repository.publish()
  const path = await bring(device)
  t.equal(readFileSync(path, 'utf8'), 'newer')
  t.equal(filesIn(folder, 'var/downloads').length, 2, 'the new one, and what is not ours')
  repository.stages.clear()
  repository.publish()
  t.same(await clientOf(folder, repository).check(signal), [])
  t.same(filesIn(folder, 'var/downloads'), ['notes.txt'])
})
