import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'tap'
import { lotRecord } from '../../../gateway/lot.ts'
import { freePort } from '../../fakes/server-process.ts'
import { poincon, StationProcess } from '../../fakes/station-process.ts'
import { Subscriber } from '../../fakes/subscriber.ts'

test('a lot from its beginning to its end, on a station that runs', async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'poincon-lot-'))
  t.teardown(() => rm(dir, { recursive: true, force: true }))
  const env = {
    POINCON_DATA_DIR: dir,
    POINCON_MQTT_PORT: String(await freePort()),
    POINCON_SIMULATION_SEED: '3',
  }
  const idle = await poincon(['lot', 'start', 'L1'], { env })
  t.match(idle, { code: 1, stderr: /no gateway runs with .*: start it first/ })

  const station = await StationProcess.start([], { env })
  t.teardown(() => station.kill())
  const begun = await poincon(['lot', 'start', 'L1', '--by', 'Anne'], { env })
  t.match(begun, { code: 0, stdout: /"lot_id":"L1"/ })
  t.match(await poincon(['lot', 'start', 'no spaces'], { env }), {
    code: 1,
    stderr: /lot_id: .*letters, digits/,
  })
  const subscriber = await Subscriber.open(station.broker, 'poincon/#', 4)
  t.teardown(() => subscriber.close())
  await subscriber.until(() => subscriber.sequences.length >= 3)
  // Totals are written every five seconds: each writing costs the flash.
  const shown = async () => {
    const { stdout } = await poincon(['lot', 'show', 'L1', '--json'], { env })
    return lotRecord.parse(JSON.parse(stdout)).totals.parts
  }
  while ((await shown()) < 1) t.comment('not written yet')
  const closed = await poincon(['lot', 'close', '--next', 'L2', '--by', 'Bruno'], { env })
  t.match(closed, { code: 0, stdout: /"lot_id":"L2".*"closed_by":"Bruno"/ })
  const list = await poincon(['lot', 'list'], { env })
  t.match(list.stdout, /^L2 .* open .*\nL1 .* closed 20/)
  t.match((await poincon(['lot', 'show', 'L1'], { env })).stdout, /parts +\d+\n(?:.*\n)*accepted mass +\d/)
  t.match(await poincon(['lot', 'show', 'L9'], { env }), { code: 1, stderr: /lot L9: there is none/ })
})
