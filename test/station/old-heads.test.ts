import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { test } from 'tap'
import { z } from 'zod'
import { inspectionMessage } from '../../gateway/message.ts'
import { command } from '../fakes/station-command.ts'
import { poincon, QUIET, StationProcess } from '../fakes/station-process.ts'
import { Subscriber } from '../fakes/subscriber.ts'
import { OldDevice } from '../gateway/esp32/old-device.ts'
import { randomFrom, sample } from '../gateway/esp32/samples.ts'

const page = z.object({ inspections: z.array(inspectionMessage) })

test('an old head beside the station’s own: calibrated, graded, verified', async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'poincon-old-station-'))
  t.teardown(() => rm(dir, { recursive: true, force: true }))
  const env = {
    ...QUIET,
    POINCON_DATA_DIR: dir,
    POINCON_TRIGGER_PERIOD_MS: '500',
    POINCON_ESP32_ENABLED: 'true',
    POINCON_ESP32_BURST: '200',
    POINCON_ESP32_GAIN: '4',
    POINCON_ESP32_INTEGRATION_MS: '100',
  }
  const station = await StationProcess.start([], { env })
  t.teardown(() => station.kill())
  const device = new OldDevice('ESP32_1', '24:0A:C4:00:00:01', { flushMs: 5, reconnectMs: 50 })
  t.teardown(() => device.off())
  device.on(`${station.url.replace('http', 'ws')}/ws/sensors/`)
  await device.until(() => device.replies.some(({ type }) => type === 'hello_ack'))

  const random = randomFrom(1)
  const order = { head: 'esp32:ESP32_1', by: 'Ana' }
  const subscriber = await Subscriber.open(station.broker, 'poincon/#', 4)
  t.teardown(() => subscriber.close())
  const calibrated = command(subscriber, 'poincon/site/line/station', 'calibration/start', order)
  let number = 0
  let done = false
  const taken = calibrated.then((answer) => {
    done = true
    return answer
  })
  // Samples come all the time; which of them find the order on its way is left to chance.
  while (!done) {
    number += 1
    const seen = device.acknowledged.length
    device.say(sample(`empty-${number}`, 'ESP32_1', random, 0))
    await device.until(() => device.acknowledged.length > seen)
  }
  t.match(await taken, { ok: true })
  device.say(sample('S-1', 'ESP32_1', random))
  await device.until(() => device.acknowledged.includes('S-1'))
  t.match(device.replies.at(-1), { type: 'ack', verdict: { kind: 'graded' } })

  const newest = async () =>
    page.parse(JSON.parse((await station.get('/api/v1/inspections?limit=200')).text)).inspections
  const one = (await newest()).find(({ sample_id: id }) => id === 'S-1')
  t.match(one, { dry_run: true, old_head: { device_id: 'ESP32_1' }, verdict: { kind: 'graded' } })
  // Its own parts come every half second: the first of them perhaps only now.
  while (!(await newest()).some(({ old_head: head }) => head === undefined)) await delay(100)
  t.equal((await station.get('/healthz')).status, 200, 'its counters reconcile')
  device.off()
  await station.stop()
  const verified = await poincon(['verify'], { env: { POINCON_DATA_DIR: dir } })
  t.equal(verified.code, 0, verified.stdout + verified.stderr)
})
