import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { copyFile, readFile, writeFile } from 'node:fs/promises'
import { createServer, type RequestListener, request as relayed, type ServerResponse } from 'node:http'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { type Test, test } from 'tap'
import { systemClock } from '../../drivers/clock.ts'
import type { DeviceFacts } from '../../provisioning/client.ts'
import { feedbackBody, pollMs } from '../../provisioning/hawkbit-messages.ts'
import { CONTROLLER } from '../fakes/hawkbit.ts'
import { Publisher } from '../fakes/publisher.ts'
import {
  bench,
  content,
  FILE,
  files,
  isFile,
  newer,
  only,
  publisher,
  SIGNAL,
  status,
} from './hawkbit-bench.ts'

const STATEMENT = `${FILE}.statement.json`

/** Another server. @returns its address */
async function served(t: Test, answer: RequestListener): Promise<string> {
  const server = createServer(answer)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const address = server.address()
  return `http://127.0.0.1:${address !== null && typeof address === 'object' ? address.port : 0}`
}

test('from the first poll to the closed action', async (t) => {
  const { ddi, device } = await bench(t)
  ddi.action = { id: '3', files }
  const offers = device()
  t.equal(offers.steering.pollMs, undefined)
  const [offer, ...more] = await offers.check(SIGNAL)
  t.same(more, [])
  t.match(offer, {
    path: `stable/recipe/${FILE}`,
    channel: 'stable',
    length: content.length,
    facts: { version: '1.0.0' },
  })
  t.equal(offers.steering.pollMs, 300_000)
  t.same(ddi.attributes, [{ mode: 'merge', data: { site: 'gers', platform: 'linux-arm64' } }])
  if (offer === undefined) throw new Error('no offer')
  offers.steering.report(status('downloading'))
  const { path } = await offers.fetch(offer, { signal: SIGNAL })
  t.ok((await readFile(path)).equals(content))
  offers.steering.report(status('waiting', { waiting_for: ['parts on the belt'] }))
  offers.steering.report(status('waiting', { waiting_for: ['parts on the belt'] }))
  offers.steering.report(status('trial'))
  offers.steering.report(status('committed'))
  await offers.steering.settled()
  t.same(
    ddi.feedback.map(({ execution, finished }) => `${execution} ${finished}`),
    ['download none', 'scheduled none', 'proceeding none', 'closed success'],
  )
  t.same(ddi.feedback[1]?.details, ['waiting', 'parts on the belt'], 'said once')
  t.equal(ddi.attributes.length, 1, 'told when asked, and not again')
  t.same([...ddi.closed], [['3', 'success']])
  t.same(await offers.check(SIGNAL), [])
  t.equal(ddi.attributes.length, 2, 'after an update the server asks anew')
})

test('a download that is cut goes on where it ended', async (t) => {
  const { ddi, device } = await bench(t)
  ddi.action = { id: '3', files }
  const offers = device()
  const offer = await only(offers)
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

test('other bytes than were signed for are refused, and the action is closed', async (t) => {
  const { ddi, device } = await bench(t)
  ddi.action = { id: '3', files }
  const offers = device()
  const offer = await only(offers)
  ddi.fault = (request, response) => {
    if (isFile(request))
      response.writeHead(200, { 'Content-Length': content.length }).end(randomBytes(content.length))
    return isFile(request)
  }
  await t.rejects(offers.fetch(offer, { signal: SIGNAL }), { name: 'IntegrityError', code: 'mismatch' })
  await offers.steering.settled()
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
    const offers = device()
    await t.rejects(offers.check(SIGNAL), { name: 'IntegrityError', code }, name)
    await offers.steering.settled()
    t.match(ddi.feedback, [{ execution: 'closed', finished: 'failure', details: [/^refused: /] }], name)
  }
})

test('nothing of this machine goes to the server: no file that it names, no word of one', async (t) => {
  const { ddi, device, folder } = await bench(t)
  const secret = join(folder, 'mqtt-password')
  await writeFile(secret, 'Tr0ub4dor\n')
  ddi.action = { id: '3', files }
  const { href } = pathToFileURL(secret)
  ddi.fault = ({ url }, response) => {
    if (url?.includes('/deploymentBase/') !== true) return false
    const artifacts = [
      { filename: FILE, size: 1, _links: { download: { href: `${ddi.url}/a` } } },
      { filename: STATEMENT, size: 1, _links: { download: { href } } },
    ]
    const chunks = [{ name: 'x', version: '1', artifacts }]
    response.end(JSON.stringify({ id: '3', deployment: { download: 'forced', update: 'forced', chunks } }))
    return true
  }
  await t.rejects(device().check(SIGNAL), { name: 'RepositoryAway', code: 'answer' })
  t.same(ddi.feedback, [])

  ddi.fault = () => false
  ddi.action = { id: '4', files: { ...files, [STATEMENT]: Buffer.from('Tr0ub4dor\n') } }
  const offers = device()
  await t.rejects(offers.check(SIGNAL), { code: 'malformed', message: 'statement: no JSON' })
  await offers.steering.settled()
  t.match(ddi.feedback, [{ id: '4', finished: 'failure', details: ['refused: statement: no JSON'] }])
})

test('a list of yesterday does not bring back what was withdrawn; nor is an expired one believed', async (t) => {
  const { ddi, device, folder } = await bench(t)
  ddi.action = { id: '1', files: newer }
  t.equal((await device().check(SIGNAL)).length, 1)
  t.match(await readFile(join(folder, 'hawkbit.json'), 'utf8'), '"stable":')
  ddi.action = { id: '2', files }
  await t.rejects(device().check(SIGNAL), { name: 'IntegrityError', code: 'rollback' })
  const other = await bench(t)
  other.ddi.action = { id: '3', files }
  const clock = { ...systemClock, wall: () => Date.now() + 400 * 86_400_000 }
  const unset = other.device({ clock, clockIsSet: () => false })
  await t.rejects(unset.check(SIGNAL), { name: 'RepositoryAway', code: 'clock' }, 'not yet')
  t.same(other.ddi.feedback, [])
  const late = other.device({ clock })
  await t.rejects(late.check(SIGNAL), { name: 'IntegrityError', code: 'expired' })
  await late.steering.settled()
  other.ddi.action = { id: '4', files }
  const built = other.device({ builtAt: clock.wall() })
  await t.rejects(built.check(SIGNAL), { code: 'expired' }, 'a clock that was set back')
})

test('an action for what is there already ends well; for another board, badly', async (t) => {
  const { ddi, device } = await bench(t)
  ddi.action = { id: '3', files }
  const installed = { 'recipe/cans': '1.0.0' }
  const facts: DeviceFacts = { deviceId: CONTROLLER, platform: 'linux-x64', release: '1.0.0', installed }
  const has = device({ device: () => Promise.resolve(facts) })
  t.same(await has.check(SIGNAL), [])
  await has.steering.settled()
  t.match(ddi.feedback, [{ execution: 'closed', finished: 'success', details: ['in use already'] }])
  ddi.action = { id: '4', files }
  const other = device({ channel: 'beta' })
  t.same(await other.check(SIGNAL), [])
  await other.steering.settled()
  t.match(ddi.feedback[1], {
    id: '4',
    finished: 'failure',
    details: [/nothing for channel beta, linux-arm64, .*cans-1\.0\.0/],
  })
})

test('the token is shown to the server alone, not to where a download is redirected', async (t) => {
  const { ddi, device } = await bench(t)
  const shown: (string | undefined)[] = []
  const url = await served(t, ({ headers }, response) => {
    shown.push(headers.authorization)
    response.end(content)
  })
  ddi.action = { id: '3', files }
  const offers = device()
  const offer = await only(offers)
  ddi.fault = (request, response) => {
    if (!isFile(request)) return false
    t.match(request.headers.authorization, /^TargetToken /)
    response.writeHead(302, { Location: url }).end()
    return true
  }
  await offers.fetch(offer, { signal: SIGNAL })
  t.same(shown, [undefined])
})

test('through the proxy of a plant, also what is told', async (t) => {
  const { ddi, device } = await bench(t)
  const asked: (string | undefined)[] = []
  const proxy = await served(t, (request, response) => {
    asked.push(request.method)
    const { method, headers } = request
    const onward = relayed(request.url ?? '', { method, headers }, (found) => {
      response.writeHead(found.statusCode ?? 502, found.headers)
      found.pipe(response)
    })
    request.pipe(onward)
  })
  ddi.action = { id: '3', files }
  const offers = device({ proxy: () => new URL(proxy) })
  t.equal((await offers.check(SIGNAL)).length, 1)
  offers.steering.report(status('committed'))
  await offers.steering.settled()
  t.same(asked, ['GET', 'PUT', 'GET', 'GET', 'POST'])
  t.same([...ddi.closed], [['3', 'success']])
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
  t.equal(offers.steering.pollMs, 120_000)
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
    timestamp: Date.parse('2026-11-22T06:00:00Z'),
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
