import { test } from 'tap'
import { SensorError } from '../../../drivers/sensor.ts'
import { type OldRanges, oldFrame } from '../../../gateway/esp32/measurement.ts'
import { readMessage } from '../../../gateway/esp32/protocol.ts'
import { Rate } from '../../../gateway/esp32/rate.ts'
import { type Json, randomFrom, ranges } from './samples.ts'

function kept(raw: Json): OldRanges {
  const message = { type: 'sensor_data', sample_id: 'S-1', device_id: 'D', vl53l8ch: { raw } }
  const heard = readMessage(JSON.stringify(message))
  if (!('kind' in heard) || heard.kind !== 'sample' || heard.sample.ranging === undefined)
    throw new Error(JSON.stringify(heard))
  return heard.sample.ranging
}

function all(value: number, side = 8): number[][] {
  return Array.from({ length: side }, () => Array.from({ length: side }, () => value))
}

test('a frame of an old head: the numbers as they came, and what it cannot know is no number', (t) => {
  const raw = ranges(randomFrom(3))
  const { payload } = kept({ ...raw, distance: all(287.25) })
  const frame = oldFrame(payload, 12)
  t.match(frame, { kind: 'vl53l8ch', zones: 64, targetsPerZone: 1, takenAt: 12 })
  t.equal(frame.raw, payload)
  t.equal(frame.rangeMm[9], 287.25, 'not rounded')
  t.equal(frame.reflectancePercent.length, 64)
  t.ok(Number.isNaN(frame.siliconTemperatureC))
  t.ok(frame.status.every((status) => status === 5))
  t.strictSame(oldFrame(payload, 12), frame, 'bit for bit')
  t.end()
})

test('four by four zones', (t) => {
  const raw = { distance: all(300, 4), reflectance: all(50, 4), amplitude: all(800, 4), ambient: all(90, 4) }
  const { zones, payload } = kept(raw)
  t.equal(zones, 16)
  t.equal(oldFrame(payload, 0).zones, 16)
  t.end()
})

test('the status: as the chip has it, as the old system had it, or none', (t) => {
  const raw = ranges(randomFrom(3))
  const { status: _, ...without } = raw
  const statusOf = (changes: Json): number[] => [...oldFrame(kept({ ...raw, ...changes }).payload, 0).status]
  t.ok(
    statusOf({ status: all(0) }).every((status) => status === 5),
    'where no zone is 5, 0 was the old "valid"',
  )
  const mixed = all(5)
  mixed[0] = [0, 6, 9, 255, 5, 5, 5, 5]
  t.strictSame(statusOf({ status: mixed }).slice(0, 5), [0, 6, 9, 255, 5], 'else it is the chip’s own')
  t.ok(statusOf({ status: all(4) }).every((status) => status === 4))
  t.ok([...oldFrame(kept(without).payload, 0).status].every((status) => status === 5))
  t.end()
})

test('a range at an end of the scale is none, whatever its status says', (t) => {
  const raw = ranges(randomFrom(3))
  for (const nothing of [0, 4000]) {
    const frame = oldFrame(kept({ ...raw, distance: all(nothing) }).payload, 0)
    t.ok(
      frame.status.every((status) => status === 255),
      `${nothing} mm`,
    )
    t.ok(frame.targetsDetected.every((targets) => targets === 0))
  }
  t.end()
})

test('bytes that are no payload', (t) => {
  for (const text of ['', '{', '{"distance":[[1]]}', 'null']) {
    t.throws(() => oldFrame(new TextEncoder().encode(text), 0), SensorError)
  }
  t.throws(() => oldFrame(Uint8Array.of(0xff, 0xfe), 0), {
    message: 'esp32: its ranging payload cannot be read',
  })
  t.end()
})

test('a rate: so many at once, so many a second, none saved up beyond', (t) => {
  const rate = new Rate({ perSecond: 10, burst: 3 }, 0)
  const taken = (now: number, times: number): number =>
    Array.from({ length: times }, () => rate.take(now)).filter((took) => took).length
  t.equal(taken(0, 5), 3)
  t.equal(taken(99, 1), 0)
  t.equal(taken(100, 2), 1)
  t.equal(taken(60_000, 5), 3)
  t.equal(taken(0, 1), 0, 'a clock that goes back gives nothing')
  t.end()
})
