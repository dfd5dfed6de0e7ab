import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { VirtualClock } from '../../../drivers/simulated/clock.ts'
import { type StationState, stationState } from '../../../gateway/api/station-state.ts'
import { ClockDiscipline } from '../../../gateway/clock-discipline.ts'
import { parseConfig } from '../../../gateway/config.ts'
import { PartCounters } from '../../../gateway/health/counters.ts'
import { HealthBoard, type HealthSources } from '../../../gateway/health/health.ts'
import { identityOf } from '../../../gateway/identity.ts'
import { silentLog } from '../../../gateway/log.ts'
import { Setup } from '../../../gateway/setup.ts'
import { describeStation } from '../../../gateway/station-view.ts'
import { openStore } from '../../../gateway/store/open.ts'
import { stationState as fakeState } from '../../fakes/api.ts'

/** How a station with these units is described. */
async function described(t: Test, units: HealthSources['units']): Promise<StationState> {
  const parsed = parseConfig({})
  if (!('config' in parsed)) throw new Error('the default configuration is one')
  const { config } = parsed
  const clock = new VirtualClock()
  const dir = await mkdtemp(join(tmpdir(), 'poincon-view-'))
  const store = await openStore({ dir, deviceId: 'press-4', clock, log: silentLog })
  t.teardown(async () => {
    await store.close()
    await rm(dir, { recursive: true })
  })
  const counters = new PartCounters()
  const sinks = () => store.sinks()
  return describeStation({
    config,
    identity: identityOf(config, 'machine'),
    version: '0.1.0',
    clock,
    discipline: new ClockDiscipline({ clock, log: silentLog }),
    board: new HealthBoard({ version: '0.1.0', clock, units, needed: [], counters, sinks }),
    setup: await Setup.load(store, { recipeId: config.recipe, wallMs: clock.wall() }),
    dryRun: false,
    isReader: () => false,
    heads: [{ id: 'tof', kind: 'vl53l8ch', status: () => ({ state: 'ok' }) }],
    counts: sinks,
    sinkStatus: () => ({ state: 'ok' }),
    lineStopped: () => false,
    counters,
  })
}

test('the equipment that a station has is told in a fixed order, and nothing of what it is besides', async (t) => {
  const state = await described(t, [
    { name: 'store', status: () => ({ state: 'ok' }) },
    { name: 'camera', status: () => ({ state: 'failed', detail: 'camera: no such device' }) },
    { name: 'environment', status: () => ({ state: 'degraded', facts: { temperature_c: 21.4 } }) },
    { name: 'tof', status: () => ({ state: 'ok' }) },
    {
      name: 'calibration',
      status: () => {
        throw new Error('it fell over')
      },
    },
    { name: 'gate', status: () => ({ state: 'ok', facts: { waiting: 2, line_stopped: false } }) },
  ])
  t.same(state.equipment, [
    { name: 'gate', state: 'ok', facts: { waiting: 2, line_stopped: false } },
    { name: 'environment', state: 'degraded', facts: { temperature_c: 21.4 } },
    { name: 'camera', state: 'failed', detail: 'camera: no such device' },
    { name: 'calibration', state: 'failed', detail: 'gives no status: it fell over' },
  ])
  t.same(state.heads, [{ id: 'tof', kind: 'vl53l8ch', state: 'ok' }], 'heads are told apart from it')
  t.same(stationState.parse(JSON.parse(JSON.stringify(state))), state, 'as it is published')
})

test('a station without equipment says so, and one of before is read as before', async (t) => {
  t.same((await described(t, [{ name: 'store' }])).equipment, [])
  t.equal(stationState.parse(fakeState()).equipment, undefined)
})
