import { test } from 'tap'
import { Random } from '../../../drivers/simulated/random.ts'
import type { LogEntry } from '../../guest/block-log.ts'
import { NOTE_AT } from '../../guest/power-disk.ts'
import { instantsOf, survivors } from './block-cuts.ts'

const write = (offset: number, how: Partial<LogEntry> = {}): LogEntry => ({
  ...{ offset, length: 8192, at: 0, flush: false, fua: false },
  ...how,
})
const note = (sequence: number): LogEntry => write(NOTE_AT, { length: 512, at: sequence })
const flush = write(0, { length: 0, flush: true })

test('an instant before each write: what is certain by then, and what was acknowledged', (t) => {
  const entries = [write(0), flush, note(1), write(8192), note(2), note(3), write(0, { flush: true }), flush]
  t.strictSame(
    instantsOf(entries, ({ at }) => at),
    [
      { end: 0, certain: 0, acknowledged: 0 },
      { end: 3, certain: 1, acknowledged: 1 },
      { end: 6, certain: 1, acknowledged: 3 },
      { end: 8, certain: 7, acknowledged: 3 },
    ],
  )
  t.end()
})

test('what a cut leaves of writes that were not flushed', (t) => {
  const pending = [write(0), note(1), write(8192, { fua: true }), write(0), flush]
  const left = (cut: 'kept' | 'partial' | 'dropped', seed = 1): number[][] =>
    survivors(pending, cut, new Random(seed)).map(({ offset, length }) => [offset, length])
  t.strictSame(left('kept'), [
    [0, 8192],
    [8192, 8192],
    [0, 8192],
  ])
  t.strictSame(left('dropped'), [[8192, 8192]], 'but what was written with FUA is there')
  const partial = Array.from({ length: 50 }, (_, seed) => left('partial', seed))
  t.ok(partial.every((pieces) => pieces.some(([offset]) => offset === 8192)))
  t.ok(
    partial.some((pieces) => pieces.some(([, length]) => length === 4096)),
    'some are torn',
  )
  t.ok(
    partial.some((pieces) => pieces.length === 1),
    'some are lost',
  )
  t.ok(
    partial.some((pieces) => pieces.length === 3),
    'some are whole',
  )
  t.end()
})
