import { randomBytes } from 'node:crypto'
import { copyFile, mkdtemp, readFile, writeFile } from 'node:fs/promises'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { basename, join } from 'node:path'
import { type Test, test } from 'tap'
import { systemClock } from '../../drivers/clock.ts'
import type { DeviceFacts } from '../../provisioning/client.ts'
import { HawkbitOffers, type HawkbitOptions } from '../../provisioning/hawkbit.ts'
import { feedbackBody, pollMs } from '../../provisioning/hawkbit-messages.ts'
import type { UpdateStatus } from '../../provisioning/status.ts'
import { CONTROLLER, HawkbitDdi, TOKEN } from '../fakes/hawkbit.ts'
import { Publisher } from '../fakes/publisher.ts'

const SIGNAL = new AbortController().signal
const FILE = 'cans-1.0.0.bin'
const STATEMENT = `${FILE}.statement.json`
const content = randomBytes(200_000)

const publisher = await Publisher.published()

/** Publishes a version of the recipe. @returns what a hawkBit server is given */
async function published(version: string, bytes: Buffer): Promise<Record<string, Uint8Array>> {
  const file = publisher.path(`cans-${version}.bin`)
  await writeFile(file, bytes)
  await publisher.must('add', file, '--channel', 'stable', '--kind', 'recipe')
  await publisher.release('root')
  await publisher.must(
    'statement',
    `recipe/cans/${version}`,
    '--channel',
    'stable',
    '--out',
    publisher.folder,
  )
  return {
    [basename(file)]: bytes,
    [`${basename(file)}.statement.json`]: await readFile(`${file}.statement.json`),
  }
}

const files = await published('1.0.0', content)
const newer = await published('2.0.0', randomBytes(1000))
const rootFile = join(publisher.dir, 'public/metadata/1.root.json')

interface Bench {
  readonly ddi: HawkbitDdi
  readonly folder: string
  /** The same device after a restart, or with another setting. */
  readonly device: (more?: Partial<HawkbitOptions>) => HawkbitOffers
}

async function bench(t: Test): Promise<Bench> {
  const ddi = await HawkbitDdi.start()
  t.teardown(() => ddi.close())
  const folder = await mkdtemp(join(publisher.folder, 'device-'))
  const facts: DeviceFacts = {
    deviceId: CONTROLLER,
    platform: 'linux-arm64',
    release: '1.0.0',
    installed: {},
  }
  const device = (more: Partial<HawkbitOptions> = {}): HawkbitOffers =>
    new HawkbitOffers({
      ...{
        url: new URL(ddi.url),
        tenant: 'DEFAULT',
        controllerId: CONTROLLER,
        folder,
        rootFile,
        channel: 'stable',
      },
      token: () => Promise.resolve({ kind: 'TargetToken', value: TOKEN }),
      device: () => Promise.resolve(facts),
      attributes: () => Promise.resolve({ site: 'gers', platform: 'linux-arm64' }),
      mayCancel: () => true,
      ...{ proxy: () => undefined, clock: systemClock, reserveBytes: 0 },
      ...more,
    })
  return { ddi, folder, device }
}

function status(state: UpdateStatus['state'], more: Partial<UpdateStatus> = {}): UpdateStatus {
  return {
    schema: 'poincon.update/1',
    state,
    kind: 'recipe',
    to: '1.0.0',
    since: '2026-11-22T06:00:00Z',
    ...more,
  }
}

test('from the first poll to the closed action', async (t) => {
  const { ddi, device } = await bench(t)
  ddi.action = { id: '3', files }
  const offers = device()
  t.equal(offers.pollMs, undefined)
  const [offer, ...more] = await offers.check(SIGNAL)
  t.same(more, [])
  t.match(offer, {
    path: `stable/recipe/${FILE}`,
    channel: 'stable',
    length: content.length,
    facts: { version: '1.0.0' },
  })
  t.equal(offers.pollMs, 300_000)
  t.same(ddi.attributes, [{ mode: 'merge', data: { site: 'gers', platform: 'linux-arm64' } }])
  if (offer === undefined) throw new Error('no offer')
  await offers.report(status('downloading'), SIGNAL)
  const { path } = await offers.fetch(offer, { signal: SIGNAL })
  t.ok((await readFile(path)).equals(content))
  await offers.report(status('waiting', { waiting_for: ['parts on the belt'] }), SIGNAL)
  await offers.report(status('waiting', { waiting_for: ['parts on the belt'] }), SIGNAL)
  await offers.report(status('trial'), SIGNAL)
  await offers.report(status('committed'), SIGNAL)
  t.same(
    ddi.feedback.map(({ execution, finished }) => `${execution} ${finished}`),
    ['download none', 'scheduled none', 'proceeding none', 'closed success'],
  )
  t.same(ddi.feedback[1]?.details, ['parts on the belt'], 'said once')
  t.same(await offers.check(SIGNAL), [])
  t.equal(ddi.attributes.length, 1, 'told when asked, and not again')
})

test('a download that is cut goes on where it ended', async (t) => {
  const { ddi, device } = await bench(t)
  ddi.action = { id: '3', files }
  const offers = device()
  const [offer] = await offers.check(SIGNAL)
  if (offer === undefined) throw new Error('no offer')
  ddi.fault = (request, response) => {
    if (!isFile(request)) return false
    response.writeHead(200, { 'Content-Length': content.length, ETag: '"1"' })
    response.write(content.subarray(0, 70_000), () => response.destroy())
    return true
  }
  await t.rejects(offers.fetch(offer, { signal: SIGNAL }), { name: 'RepositoryAway', code: 'cut' })
  const ranges: (string | undefined)[] = []
  ddi.fault = (request) => {
    if (isFile(request)) ranges.push(request.headers.range)
    return false
  }
  const { path } = await offers.fetch(offer, { signal: SIGNAL })
  t.ok((await readFile(path)).equals(content))
  t.match(ranges[0], /^bytes=[1-9]\d*-$/)
  t.same(ddi.feedback, [], 'a cut is no failure of the update')
})

function isFile({ url }: IncomingMessage): boolean {
  return url?.endsWith(`/${FILE}`) === true
}

test('other bytes than were signed for are refused, and the action is closed', async (t) => {
  const { ddi, device } = await bench(t)
  ddi.action = { id: '3', files }
  const offers = device()
  const [offer] = await offers.check(SIGNAL)
  if (offer === undefined) throw new Error('no offer')
  ddi.fault = (request, response) => {
    if (isFile(request))
      response.writeHead(200, { 'Content-Length': content.length }).end(randomBytes(content.length))
    return isFile(request)
  }
  await t.rejects(offers.fetch(offer, { signal: SIGNAL }), { name: 'IntegrityError', code: 'mismatch' })
  t.match(ddi.feedback, [
    { id: '3', execution: 'closed', finished: 'failure', details: [/sha256 .*expected/] },
  ])
  await t.rejects(offers.fetch(offer, { signal: SIGNAL }), { code: 'not-offered' })
})

test('what the publisher did not sign is refused, whatever the server says of it', async (t) => {
  const stranger = await Publisher.stranger()
  t.teardown(() => stranger.close())
  await copyFile(publisher.path(FILE), stranger.path(FILE))
  await stranger.must('add', stranger.path(FILE), '--channel', 'stable', '--kind', 'recipe')
  await stranger.release('root')
  await stranger.must('statement', 'recipe/cans/1.0.0', '--channel', 'stable', '--out', stranger.folder)
  const theirs = await readFile(stranger.path(STATEMENT))
  const signed = files[STATEMENT] ?? Buffer.alloc(0)
  const altered = Buffer.from(Buffer.from(signed).toString().replace('"length":200000', '"length":200001'))
  const cases: readonly (readonly [string, Record<string, Uint8Array>, string])[] = [
    ['no statement', { [FILE]: content }, 'signatures'],
    ["a stranger's statement", { [FILE]: content, [STATEMENT]: theirs }, 'signatures'],
    ['an altered statement', { [FILE]: content, [STATEMENT]: altered }, 'signatures'],
    ['a statement of another file', { [FILE]: randomBytes(200_000), [STATEMENT]: signed }, 'mismatch'],
    ['no statement but a text', { [FILE]: content, [STATEMENT]: Buffer.from('trust me') }, 'malformed'],
  ]
  for (const [name, given, code] of cases) {
    const { ddi, device } = await bench(t)
    ddi.action = { id: '9', files: given }
    await t.rejects(device().check(SIGNAL), { name: 'IntegrityError', code }, name)
    t.match(ddi.feedback, [{ execution: 'closed', finished: 'failure', details: [/^refused: /] }], name)
  }
})

test('a list of yesterday does not bring back what was withdrawn; nor is an expired one believed', async (t) => {
  const { ddi, device } = await bench(t)
  ddi.action = { id: '1', files: newer }
  t.equal((await device().check(SIGNAL)).length, 1)
  ddi.action = { id: '2', files }
  await t.rejects(device().check(SIGNAL), { name: 'IntegrityError', code: 'rollback' })
  const other = await bench(t)
  other.ddi.action = { id: '3', files }
  const clock = { ...systemClock, wall: () => Date.now() + 400 * 86_400_000 }
  await t.rejects(other.device({ clock }).check(SIGNAL), { name: 'IntegrityError', code: 'expired' })
})

test('an action is given up until the switch has begun, not after', async (t) => {
  const { ddi, device } = await bench(t)
  ddi.action = { id: '3', files }
  let switching = true
  const offers = device({ mayCancel: () => !switching })
  await offers.check(SIGNAL)
  ddi.cancels = '3'
  t.same(await offers.check(SIGNAL), [])
  t.match(ddi.feedback, [{ path: '/cancelAction/3/feedback', execution: 'rejected', details: [/too late/] }])
  switching = false
  ddi.cancels = '3'
  t.same(await offers.check(SIGNAL), [])
  t.match(ddi.feedback[1], { path: '/cancelAction/3/feedback', execution: 'closed', finished: 'success' })
  await offers.report(status('committed'), SIGNAL)
  t.equal(ddi.feedback.length, 2, 'nothing is said of what was given up')
})

test('an end that the server did not hear is told after a restart', async (t) => {
  const { ddi, device } = await bench(t)
  ddi.action = { id: '3', files }
  const before = device()
  await before.check(SIGNAL)
  ddi.fault = (_, response) => Boolean(response.destroy())
  await before.report(status('rolled_back', { failure: 'head tof-1 is absent' }), SIGNAL)
  t.same(ddi.feedback, [])
  ddi.fault = () => false
  t.same(await device().check(SIGNAL), [])
  t.match(ddi.feedback, [
    { id: '3', execution: 'closed', finished: 'failure', details: ['rolled_back', 'head tof-1 is absent'] },
  ])
})

test('an action for what is there already ends well; for another board, badly', async (t) => {
  const { ddi, device } = await bench(t)
  ddi.action = { id: '3', files }
  const installed = { 'recipe/cans': '1.0.0' }
  const facts: DeviceFacts = { deviceId: CONTROLLER, platform: 'linux-x64', release: '1.0.0', installed }
  t.same(await device({ device: () => Promise.resolve(facts) }).check(SIGNAL), [])
  t.match(ddi.feedback, [{ execution: 'closed', finished: 'success', details: ['in use already'] }])
  ddi.action = { id: '4', files }
  t.same(await device({ channel: 'beta' }).check(SIGNAL), [])
  t.match(ddi.feedback[1], {
    id: '4',
    finished: 'failure',
    details: [/nothing for channel beta, linux-arm64, .*cans-1\.0\.0/],
  })
})

test('nothing is offered outside its maintenance window', async (t) => {
  const { ddi, device } = await bench(t)
  ddi.action = { id: '3', files, update: 'skip' }
  t.same(await device().check(SIGNAL), [])
  t.same(ddi.feedback, [])
})

test('a server that refuses, is slow, or talks nonsense', async (t) => {
  const { ddi, device } = await bench(t)
  const wrong = device({ token: () => Promise.resolve({ kind: 'GatewayToken', value: 'old' }) })
  await t.rejects(wrong.check(SIGNAL), {
    name: 'RepositoryAway',
    message: /401: the token of gateway-7 is refused/,
  })
  const faults: readonly (readonly [string, (response: ServerResponse) => unknown])[] = [
    ['answer', (response) => response.writeHead(500).end()],
    ['answer', (response) => response.end('<html>')],
    ['answer', (response) => response.end('{"config":{"polling":5}}')],
    ['answer', (response) => response.end(' '.repeat(600_000))],
    ['unreachable', (response) => response.destroy()],
    ['slow', () => {}],
    [
      'answer',
      (response) => response.end('{"_links":{"deploymentBase":{"href":"http://elsewhere.example/1"}}}'),
    ],
  ]
  for (const [code, answer] of faults) {
    ddi.fault = (_, response) => {
      answer(response)
      return true
    }
    await t.rejects(
      device({ limits: { metadataMs: 100 } }).check(SIGNAL),
      { name: 'RepositoryAway', code },
      answer.toString(),
    )
  }
})

test('asked to come back later, it does', async (t) => {
  const { ddi, device } = await bench(t)
  let now = 0
  const offers = device({ clock: { ...systemClock, now: () => now } })
  ddi.fault = (_, response) => Boolean(response.writeHead(429, { 'Retry-After': '120' }).end())
  await t.rejects(offers.check(SIGNAL), { name: 'RepositoryAway' })
  t.equal(offers.pollMs, 120_000)
  ddi.fault = () => false
  now = 119_000
  await t.rejects(offers.check(SIGNAL), { message: /left alone for another 1 s/ })
  t.equal(ddi.asked.length, 1)
  now = 120_000
  t.same(await offers.check(SIGNAL), [])
})

test('the pause between polls, and the body of a feedback', (t) => {
  t.equal(pollMs('00:05:00'), 300_000)
  t.equal(pollMs('48:00:00'), 86_400_000, 'at most a day')
  t.equal(pollMs('00:00:00'), 10_000, 'never without pause')
  for (const wrong of [undefined, '', '5', '00:61:00', '-1:00:00']) t.equal(pollMs(wrong), undefined)
  const details = Array.from({ length: 60 }, () => 'x'.repeat(600))
  const said = { execution: 'closed', finished: 'failure', details } as const
  t.match(feedbackBody('7', said, Date.parse('2026-11-22T06:00:00Z')), {
    ...{ id: '7', time: '20261122T060000' },
    status: {
      execution: 'closed',
      result: { finished: 'failure' },
      details: { length: 50, 0: 'x'.repeat(512) },
    },
  })
  t.end()
})

test('the publisher goes home', async (t) => {
  await publisher.close()
  t.end()
})
