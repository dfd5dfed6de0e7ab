import { join } from 'node:path'
import tap, { type Test, test } from 'tap'
import { Contents } from '../../provisioning/content.ts'
import { Journal } from '../../provisioning/journal.ts'
import { recover } from '../../provisioning/recover-release.ts'
import { JOURNAL_FILE, Updater } from '../../provisioning/update.ts'
import { type UpdateRecord, updateRecord } from '../../provisioning/update-machine.ts'
import { LOG_FILE, UpdateLog } from '../../provisioning/update-record.ts'
import { plainStep } from '../../provisioning/update-steps.ts'
import { toolsOf } from './kills/tools.ts'
import { World } from './kills/world.ts'

tap.setTimeout(60_000)

const NEVER = new AbortController().signal
const AT = '2026-11-22T04:00:00.000Z'
const TAKEN: UpdateRecord = {
  ...{ schema: 'poincon.update-journal/1', id: 'release', by: 'schedule', kind: 'release', name: 'poincon' },
  ...{ phase: 'committed', from: '0.9.0', to: '1.0.0', from_schema: 1, began: AT, since: AT, interrupted: 0 },
  target: { path: 'stable/release/x', channel: 'stable', length: 1, hash: 'hash of 1.0.0' },
}

function other(kind: UpdateRecord['kind'], name: string, more: Partial<UpdateRecord> = {}): UpdateRecord {
  const target = { path: `stable/${kind}/x`, channel: 'stable', length: 1, hash: `hash of ${kind} 1.0.0` }
  return { ...TAKEN, id: `${kind} ${name}`, kind, name, from: 'none', to: '1.0.0', target, ...more }
}

/** A device whose gateway does not start, and what it has taken; the last of it is in the journal. */
async function device(t: Test, taken: readonly UpdateRecord[]): Promise<World> {
  const world = await World.make({
    installed: { version: '1.0.0', storeSchema: 1 },
    before: { version: '0.9.0', storeSchema: 1 },
    offered: [],
  })
  t.teardown(() => world.close())
  const log = new UpdateLog(join(world.updateDir, LOG_FILE), plainStep)
  const journal = await Journal.open({
    ...{ file: join(world.updateDir, JOURNAL_FILE), schema: updateRecord, step: plainStep },
    permitted: () => Promise.resolve(),
  })
  for (const one of taken) {
    if (one.phase === 'committed') await log.append(one, 'committed', AT)
    await journal.write('taken', one)
  }
  return world
}

const LAST: readonly (readonly [string, UpdateRecord])[] = [
  ['flows', other('flow', 'station')],
  ['a recipe', other('recipe', 'foie-gras')],
  ['an image', other('os-image', 'system')],
  ['flows that are going back', other('flow', 'station', { phase: 'returning' })],
  ['a recipe on trial', other('recipe', 'foie-gras', { phase: 'trial', before: '3' })],
]

for (const [what, last] of LAST) {
  test(`the release that does not start goes back, though ${what} came after it`, async (t) => {
    const fleet = other('configuration', 'fleet')
    const world = await device(t, [other('configuration', 'site'), TAKEN, fleet, last])
    await world.inForce('configuration', 'site', '1.0.0')
    await world.inForce('configuration', 'fleet', '1.0.0')
    const tools = toolsOf(world, { pace: { readyMs: 10 } })
    t.match(await recover(tools, NEVER), { done: 'returned', update: { kind: 'release', to: '1.0.0' } })
    t.equal(await tools.slots.pointed('current'), '0.9.0')

    const contents = new Contents(tools)
    t.equal(await contents.current({ kind: 'configuration', name: 'site' }), '1.0.0')
    t.equal(
      await contents.current({ kind: 'configuration', name: 'fleet' }),
      undefined,
      'taken under 1.0.0: the release before may not be able to read it',
    )
    const refused = await new UpdateLog(join(world.updateDir, LOG_FILE), plainStep).refused()
    t.same([...refused], ['hash of 1.0.0'], 'the release, and nothing that has its version')
  })
}

test('what only a station can take back does not keep away the release that mends it', async (t) => {
  for (const phase of ['returning', 'undoing'] as const) {
    const world = await device(t, [TAKEN, other('recipe', 'foie-gras', { phase, before: '3', failure: 'x' })])
    const tools = toolsOf(world)
    let [passes, update]: [number, UpdateRecord | undefined] = [0, undefined]
    while (update === undefined && passes < 10) {
      const updater = await Updater.open(tools, world.offers())
      passes += 1
      update = await updater.resume(NEVER).catch(() => undefined)
      await updater.close()
    }
    t.match(update, { phase: 'failed', failure: /^x; not taken back in 5 attempts: / }, phase)
    t.equal(passes, 5)
  }
})

test('who goes back to a release refuses it, not a recipe of that version', async (t) => {
  const back: UpdateRecord = {
    ...{ ...TAKEN, id: 'back', from: '1.0.0', to: '0.9.0' },
    target: { path: 'installed/0.9.0', channel: 'installed', length: 0, hash: '' },
  }
  const world = await device(t, [TAKEN, other('recipe', 'foie-gras'), back])
  const log = new UpdateLog(join(world.updateDir, LOG_FILE), plainStep)
  t.same([...(await log.refused())], ['hash of 1.0.0'])
})
