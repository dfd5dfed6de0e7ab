import { connectAsync, type MqttClient } from 'mqtt'
import { test } from 'tap'
import { z } from 'zod'
import { systemClock } from '../../../drivers/clock.ts'
import { repoFolder } from '../../../provisioning/server/repo-folder.ts'
import { openKey } from '../../../provisioning/server/repo-keys.ts'
import { readOutcomes } from '../../../provisioning/server/rollout-memory.ts'
import { type Outcome, outcomeOf, tally, updateReport } from '../../../provisioning/server/rollout-tally.ts'
import { RolloutWatch, type WatchEvent } from '../../../provisioning/server/rollout-watch.ts'
import { NO_ROLLOUT, rolloutSchema, type Stage, takesPart } from '../../../provisioning/targets.ts'
import { Mosquitto } from '../../fakes/mosquitto.ts'
import { PASSPHRASE, Publisher, TufDevice } from '../../fakes/publisher.ts'

const KEY = 'recipe/cans/1.0.0'
const FROM = '2026-11-22T00:00:00.000Z'
const STAGE: Stage = { percent: 10, state: 'running', failure_limit: 0.1, from: FROM }

function outcome(state: Outcome['state'], seen_at = FROM): Outcome {
  return { device_id: 'd', state, since: FROM, seen_at }
}

function rollout(percent: number) {
  return { ...NO_ROLLOUT, releases: { [KEY]: { ...STAGE, percent } } }
}

test('a device that is in at 10 % is in at 25 %, and each percentage is what it says', (t) => {
  const devices = Array.from({ length: 2000 }, (_, number) => `gateway-${number}`)
  const taking = (percent: number): string[] =>
    devices.filter((device) => takesPart(device, KEY, undefined, rollout(percent)))
  const stages = [0, 1, 10, 25, 50, 99, 100].map((percent) => ({ percent, who: taking(percent) }))
  for (const [place, { percent, who }] of stages.entries()) {
    const next = new Set(stages[place + 1]?.who ?? devices)
    t.ok(
      who.every((device) => next.has(device)),
      `${percent} % is part of the next stage`,
    )
    // Three standard deviations of a binomial share.
    const share = percent / 100
    t.ok(
      Math.abs(who.length / devices.length - share) <= 3 * Math.sqrt((share * (1 - share)) / devices.length),
    )
    t.same(taking(percent), who, 'asked again, the same devices')
  }
  t.end()
})

test('a stage is judged by what was heard since it began', (t) => {
  const before = '2026-11-21T23:59:59.000Z'
  const some = {
    'a/b/1': outcome('committed'),
    'a/b/2': outcome('rolled_back'),
    'a/b/3': outcome('failed', before),
  }
  t.same(tally(STAGE, some, 2), { tried: 2, failed: 1, rate: 0.5, stations: ['a/b/2'], halt: true })
  t.equal(tally(STAGE, some, 3).halt, false, 'too few have tried')
  t.equal(tally({ ...STAGE, failure_limit: 0.5 }, some, 2).halt, false, 'at the limit is not past it')
  t.equal(tally({ ...STAGE, state: 'halted' }, some, 2).halt, false)
  t.same(tally(STAGE, {}, 1), { tried: 0, failed: 0, rate: 0, stations: [], halt: false })
  t.end()
})

test('a report is counted on the release it is about, or on none', (t) => {
  const said = { schema: 'poincon.update/1', device_id: 'd', kind: 'recipe', to: '1.0.0', since: FROM }
  const heard = (
    more: object,
    rollouts = new Map([
      ['beta', rollout(10)],
      ['stable', NO_ROLLOUT],
    ]),
  ) => outcomeOf(updateReport.parse({ ...said, ...more }), rollouts, Date.parse(FROM))
  t.match(heard({ state: 'committed' }), {
    channel: 'beta',
    key: KEY,
    outcome: { state: 'committed', seen_at: FROM },
  })
  for (const state of ['current', 'downloading', 'waiting', 'trial']) t.equal(heard({ state }), undefined)
  t.equal(heard({ state: 'failed', to: '2.0.0' }), undefined, 'not rolled out')
  t.equal(heard({ state: 'failed', channel: 'stable' }), undefined)
  t.equal(heard({ state: 'failed', name: 'jars' }), undefined)
  const twice = new Map([
    ['beta', rollout(10)],
    ['stable', rollout(10)],
  ])
  t.equal(heard({ state: 'failed' }, twice), undefined, 'one of two channels, and it does not say which')
  t.match(heard({ state: 'failed', channel: 'stable' }, twice), { channel: 'stable' })
  t.end()
})

test('stages begin, widen, halt and resume, signed each time', async (t) => {
  const publisher = await Publisher.published()
  t.teardown(() => publisher.close())
  await publisher.recipe('1.0.0')
  const device = await TufDevice.installed(publisher)
  const seen = async (): Promise<Stage | undefined> =>
    rolloutSchema.parse(JSON.parse((await device.read('rollout/beta.json')) ?? '')).releases[KEY]
  const change = ['rollout', KEY, '--channel', 'beta', '--online-key', publisher.path('online.key')]
  publisher.wallMs = () => Date.parse('2026-11-22T06:00:00Z')

  await publisher.must(...change, '--percent', '10', '--site', 'gers', '--failure-limit', '0.2')
  const first = {
    percent: 10,
    sites: ['gers'],
    state: 'running',
    failure_limit: 0.2,
    from: '2026-11-22T06:00:00.000Z',
  }
  t.same(await seen(), first)
  publisher.wallMs = () => Date.parse('2026-11-22T07:00:00Z')
  await publisher.must(...change, '--failure-limit', '0.3')
  t.same(await seen(), { ...first, failure_limit: 0.3 }, 'the stage is still the same')
  await publisher.must(...change, '--percent', '25', '--all-sites')
  const { sites: _, ...everywhere } = {
    ...first,
    percent: 25,
    failure_limit: 0.3,
    from: '2026-11-22T07:00:00.000Z',
  }
  t.same(await seen(), everywhere)
  await publisher.must(...change, '--halt')
  t.same(await seen(), { ...everywhere, state: 'halted' })
  t.equal(await publisher.run(...change, '--percent', '50'), 1)
  t.match(publisher.warned, /recipe\/cans\/1\.0\.0: halted: look for the cause, then --resume/)
  publisher.wallMs = () => Date.parse('2026-11-22T08:00:00Z')
  await publisher.must(...change, '--resume')
  t.same(
    await seen(),
    { ...everywhere, from: '2026-11-22T08:00:00.000Z' },
    'what failed before is not counted again',
  )

  for (const [message, ...wrong] of [
    [/--percent 101: /, '--percent', '101'],
    [/--percent 2\.5: /, '--percent', '2.5'],
    [/--percent "many": expected a number/, '--percent', 'many'],
    [/--failure-limit 5: /, '--failure-limit', '5'],
    [/--halt and --resume: expected one of them/, '--halt', '--resume'],
  ] as const) {
    t.equal(await publisher.run(...change, ...wrong), 1)
    t.match(publisher.warned, message)
  }
  await publisher.must(
    'revoke',
    'target',
    KEY,
    '--channel',
    'beta',
    '--online-key',
    publisher.path('online.key'),
  )
  t.equal(await seen(), undefined, 'withdrawn from who has not got it, before the channel is signed')
})

/** Somebody who waits for what the watch says. */
class Heard {
  readonly events: WatchEvent[] = []
  #waiting: (() => void)[] = []

  tell = (event: WatchEvent): void => {
    this.events.push(event)
    for (const look of this.#waiting.splice(0)) look()
  }

  async until(event: WatchEvent['event'], count = 1): Promise<WatchEvent | undefined> {
    const found = (): WatchEvent[] => this.events.filter((one) => one.event === event)
    while (found().length < count) await new Promise<void>((resolve) => this.#waiting.push(resolve))
    return found()[count - 1]
  }
}

async function watching(
  publisher: Publisher,
  broker: Mosquitto,
): Promise<{ watch: RolloutWatch; heard: Heard }> {
  const heard = new Heard()
  const watch = new RolloutWatch({
    folder: repoFolder(publisher.dir),
    signers: [await openKey(publisher.path('online.key'), PASSPHRASE)],
    ...{ minimum: 3, clock: systemClock, random: () => 0, tell: heard.tell },
  })
  await watch.start(broker.url, { reconnectPeriod: 20 })
  await heard.until('connected')
  return { watch, heard }
}

async function says(client: MqttClient, station: number, state: string, since = FROM): Promise<void> {
  const report = { schema: 'poincon.update/1', device_id: `gateway-${station}`, kind: 'recipe', to: '1.0.0' }
  const text = JSON.stringify({ ...report, channel: 'beta', state, since })
  await client.publishAsync(`poincon/gers/line-1/station-${station}/update`, text, { qos: 1, retain: true })
}

test('a stage that loses more than it may halts itself, and stays halted until somebody resumes it', async (t) => {
  const [publisher, broker] = [await Publisher.published(), await Mosquitto.start()]
  const client = await connectAsync(broker.url)
  t.teardown(async () => {
    await client.endAsync(true)
    await broker.close()
    await publisher.close()
  })
  await publisher.recipe('1.0.0')
  const device = await TufDevice.installed(publisher)
  const change = ['rollout', KEY, '--channel', 'beta', '--online-key', publisher.path('online.key')]
  await publisher.must(...change, '--percent', '10', '--failure-limit', '0.3')
  const state = async (): Promise<string | undefined> =>
    rolloutSchema.parse(JSON.parse((await device.read('rollout/beta.json')) ?? '')).releases[KEY]?.state

  const first = await watching(publisher, broker)
  await client.publishAsync('poincon/gers/line-1/station-9/update', 'no JSON', { qos: 1 })
  await says(client, 1, 'committed')
  await says(client, 2, 'trial')
  await says(client, 2, 'rolled_back')
  await first.heard.until('outcome', 2)
  t.equal(await state(), 'running', 'one of two, but fewer than three have tried')
  await first.watch.close()

  const second = await watching(publisher, broker)
  await says(client, 3, 'committed')
  const halted = await second.heard.until('halted')
  t.match(halted, { channel: 'beta', key: KEY, tried: 3, failed: 1, stations: ['gers/line-1/station-2'] })
  t.equal(
    second.heard.events.filter(({ event }) => event === 'outcome').length,
    1,
    'retained ones are remembered',
  )
  t.equal(await state(), 'halted', 'signed: a device believes it')
  await second.watch.close()

  const third = await watching(publisher, broker)
  await says(client, 4, 'committed')
  await third.heard.until('outcome')
  t.equal(await state(), 'halted', 'better news do not resume it')
  await publisher.must(...change, '--resume')
  await says(client, 5, 'committed')
  await third.heard.until('outcome', 2)
  t.equal(await state(), 'running')
  const { rollouts } = z
    .object({ rollouts: z.array(z.looseObject({ tried: z.number() })) })
    .parse(await publisher.json('rollout', KEY))
  t.match(rollouts, [{ key: KEY, tried: 1, failed: 0 }], 'a new stage counts anew')
  await third.watch.close()
  t.equal(Object.keys((await readOutcomes(repoFolder(publisher.dir))).beta?.[KEY] ?? {}).length, 5)
})
