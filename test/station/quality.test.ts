import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'tap'
import { alertMessage } from '../../gateway/alerts/message.ts'
import { qualityReport } from '../../gateway/api/quality.ts'
import { inspectionMessage } from '../../gateway/message.ts'
import { overrideSchema } from '../../gateway/override.ts'
import { command } from '../fakes/station-command.ts'
import { StationProcess } from '../fakes/station-process.ts'
import { Subscriber } from '../fakes/subscriber.ts'

const BASE = 'poincon/site/line/station'

test('a part that is rejected: an alert, somebody who knows, two persons who decide otherwise, another look', async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'poincon-quality-'))
  t.teardown(() => rm(dir, { recursive: true, force: true }))
  const station = await StationProcess.start([], {
    env: {
      POINCON_DATA_DIR: dir,
      POINCON_TRIGGER_PERIOD_MS: '500',
      POINCON_SIMULATION_PROFILE: 'foiegras_defectueux',
      POINCON_SIMULATION_EMPTY_RATE: '0',
    },
  })
  t.teardown(() => station.kill())
  const subscriber = await Subscriber.open(station.broker, `${BASE}/#`, 4)
  t.teardown(() => subscriber.close())

  const packet = await subscriber.packet(`${BASE}/alert`, (text) => text.includes('"rule":"grade_reject"'))
  const raised = alertMessage.parse(JSON.parse(packet.payload.toString()))
  const { id = '' } = raised
  t.match(raised, { change: 'raised', severity: 'critical', state: 'open', station: 'station' })

  const known = await command(subscriber, BASE, 'alert/acknowledge', { id, by: 'Anne' })
  t.match(known, { ok: true, result: { id, state: 'acknowledged' } })
  const told = await subscriber.packet(`${BASE}/alert`, (text) => text.includes('"change":"acknowledged"'))
  t.match(JSON.parse(told.payload.toString()), { id, acknowledged_by: 'Anne' })
  const gone = await command(subscriber, BASE, 'alert/acknowledge', {
    id: id.replace(/.$/, (c) => (c === '0' ? '1' : '0')),
    by: 'Anne',
  })
  t.match(gone, { ok: false })

  const quality = qualityReport.parse(JSON.parse((await station.get('/api/v1/quality')).text))
  const shown = quality.alerts.find((alert) => alert.id === id)
  t.match(shown, { kind: 'threshold', acknowledged_by: 'Anne' })
  t.ok(quality.kpi.lot.reject.count >= 1)

  const first = await subscriber.packet(`${BASE}/inspection`, (text) => text.includes('"grade":"REJECT"'))
  const inspection = inspectionMessage.parse(JSON.parse(first.payload.toString()))
  const wish = {
    inspection_id: inspection.id,
    by: 'Anne',
    confirmed_by: 'Bruno',
    reason: 'a label lay on the part',
    grade: 'C',
    action: 'hold',
  }
  const alone = await command(subscriber, BASE, 'verdict/override', { ...wish, confirmed_by: 'anne' })
  t.match(alone, { ok: false, error: { detail: /confirmed_by: .*four eyes/ } })
  const decided = await command(subscriber, BASE, 'verdict/override', wish)
  t.match(overrideSchema.parse(decided.result), {
    inspection: { id: inspection.id },
    verdict: { grade: 'C', action: 'hold' },
  })

  const unknown = await command(subscriber, BASE, 'inspect', { reinspects: id })
  t.match(unknown, { ok: false, error: { detail: /reinspects: .*: there is no such inspection/ } })
  const again = await command(subscriber, BASE, 'inspect', {
    reinspects: inspection.id,
    sample_id: inspection.sample_id,
  })
  t.match(inspectionMessage.parse(again.result), {
    reinspection_of: inspection.id,
    sample_id: inspection.sample_id,
  })
  const relearnt = await command(subscriber, BASE, 'chart/relearn', { chart: 'score', by: 'Anne' })
  t.match(relearnt, { ok: true, result: { charts: ['score'], recipe: 'foiegras_standard_barquette' } })
  const none = await command(subscriber, BASE, 'chart/relearn', { chart: 'colour' })
  t.match(none, { ok: false, error: { detail: /chart: "colour": expected one that learns its limits/ } })
  t.equal(await station.stop(), 0, station.output)
})
