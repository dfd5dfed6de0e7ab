import { closeSync, openSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { readBlockLog } from './block-log.ts'

const SECTOR = 512
const FLAGS = { none: 0, flush: 1, flushAndFua: 3, discard: 4, mark: 8 }

/** Words of a log, 64 bits each and little-endian, in a sector (drivers/md/dm-log-writes.c). */
function sector(words: readonly number[], text = ''): Buffer {
  const bytes = Buffer.alloc(SECTOR)
  for (const [place, word] of words.entries()) bytes.writeBigUInt64LE(BigInt(word), place * 8)
  bytes.write(text, words.length * 8)
  return bytes
}

function head(count: number): Buffer {
  const bytes = sector([0, 1, count, SECTOR])
  bytes.writeBigUInt64LE(0x6a736677736872n)
  return bytes
}

function logOf(t: Test, sectors: readonly Buffer[]): number {
  const file = join(t.testdir({}), 'log')
  writeFileSync(file, Buffer.concat(sectors))
  const descriptor = openSync(file, 'r')
  t.teardown(() => closeSync(descriptor))
  return descriptor
}

test('a log: writes with what was written, flushes, marks', (t) => {
  const log = logOf(t, [
    head(4),
    ...[sector([7, 2, FLAGS.none, 0]), Buffer.alloc(2 * SECTOR, 'a')],
    sector([0, 0, FLAGS.flush, 0]),
    sector([0, 0, FLAGS.mark, 5], 'begun'),
    ...[sector([3, 1, FLAGS.flushAndFua, 0]), Buffer.alloc(SECTOR, 'b')],
    Buffer.alloc(SECTOR, 'not written to its end'),
  ])
  t.strictSame(readBlockLog(log), [
    { offset: 7 * SECTOR, length: 2 * SECTOR, at: 2 * SECTOR, flush: false, fua: false },
    { offset: 0, length: 0, at: 5 * SECTOR, flush: true, fua: false },
    { offset: 0, length: 0, at: 6 * SECTOR, flush: false, fua: false, mark: 'begun' },
    { offset: 3 * SECTOR, length: SECTOR, at: 7 * SECTOR, flush: true, fua: true },
  ])
  t.end()
})

test('what is no log, one that was cut off, and what is not followed', (t) => {
  const nothing = logOf(t, [Buffer.alloc(SECTOR)])
  t.throws(() => readBlockLog(nothing), { message: 'no log of dm-log-writes: magic 0, version 0' })
  const short = logOf(t, [head(1)])
  t.throws(() => readBlockLog(short), { message: 'ends at byte 512, before byte 1024' })
  const discard = logOf(t, [head(1), sector([7, 2, FLAGS.discard, 0])])
  t.throws(() => readBlockLog(discard), { message: 'a discard of 2 sectors at 7 is not followed' })
  t.end()
})
