import { test } from 'tap'
import { sumsReport } from '../../gateway/aggregates/report.ts'
import { oldHeadsReport } from '../../gateway/api/old-heads.ts'
import { stationState } from '../../gateway/api/station-state.ts'
import { storageReport } from '../../gateway/api/storage.ts'
import { checkpointRecord, signatureProblem } from '../../gateway/proof/checkpoint.ts'
import { checkpointPageSchema } from '../../gateway/proof/checkpoint-page.ts'
import { trustedKeys } from '../../gateway/proof/device-key.ts'
import { StationProcess } from '../fakes/station-process.ts'
import { Subscriber } from '../fakes/subscriber.ts'
import { storeDir } from '../gateway/store/opening.ts'

const TOPIC = 'poincon/site/line/station/checkpoint'

test('a station that runs tells what it signed, counted and keeps', async (t) => {
  const env = {
    ...{
      POINCON_DATA_DIR: await storeDir(t),
      POINCON_SIMULATION_SEED: '5',
      POINCON_TRIGGER_PERIOD_MS: '100',
    },
    ...{ POINCON_PROOF_CHECKPOINT_INSPECTIONS: '3', POINCON_ESP32_ENABLED: 'true' },
  }
  const station = await StationProcess.start([], { env })
  t.teardown(() => station.kill())
  const subscriber = await Subscriber.open(station.broker, 'poincon/#', 4)
  t.teardown(() => subscriber.close())
  const ask = async (resource: string): Promise<unknown> =>
    (await fetch(`${station.url}/api/v1/${resource}`)).json()

  const heard = () =>
    subscriber.packets
      .filter(({ topic }) => topic === TOPIC)
      .map(({ payload }) => checkpointRecord.parse(JSON.parse(payload.toString())))
  await subscriber.until(() => heard().some(({ sequence }) => sequence >= 3))
  const { checkpoints, key } = checkpointPageSchema.parse(await ask('checkpoints'))
  const keys = trustedKeys(key?.public_key ?? '', 'the answer')
  for (const one of heard()) {
    t.equal(signatureProblem(one, keys), undefined)
    t.same(checkpoints.find(({ number }) => number === one.number) ?? one, one, 'the same as in the store')
  }
  const later = await Subscriber.open(station.broker, TOPIC, 4)
  t.match(await later.packet(TOPIC), { retain: true })
  await later.close()

  const storage = storageReport.parse(await ask('storage'))
  t.match(storage, { state: 'ok', quarantine: [], set_aside: [], checkpoint: { key_id: key?.key_id } })
  t.match(Object.fromEntries(storage.cursors.map(({ name, role }) => [name, role])), {
    broker: 'sink',
    lots: 'station',
    aggregates: 'station',
  })
  t.same(oldHeadsReport.parse(await ask('old-heads')), { listening: true, turned_away: 0, devices: [] })
  sumsReport.parse(await ask('aggregates?by=hour&each=period'))
  const { equipment = [] } = stationState.parse(await ask('station'))
  t.same(
    equipment.map(({ name }) => name).filter((name) => ['retention', 'esp32'].includes(name)),
    ['retention', 'esp32'],
  )
})
