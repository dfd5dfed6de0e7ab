import { test } from 'tap'
import { Pages } from '../../../gateway/store/log/pages.ts'
import type { LogEntry } from '../../../gateway/store/log/tail.ts'

const EPOCHS = [
  { epoch: '01980000-0000-7000-8000-000000000001', base: 0 },
  { epoch: '01980000-0000-7000-8000-000000000002', base: 70 },
]

/** A log of 100 rows in two epochs, that counts how often a row is read. */
class Rows {
  readonly reads = new Map<number, number>()
  readonly gone = new Set<number>()
  broken: Error | undefined

  async after(position: number, end: number, limit: number): Promise<LogEntry[]> {
    await Promise.resolve()
    if (this.broken !== undefined) throw this.broken
    const { epoch, base } = EPOCHS.findLast((one) => one.base <= position) ?? { epoch: '', base: 0 }
    const last = Math.min(end, base === 0 ? 70 : 100, position + limit)
    const found: LogEntry[] = []
    for (let at = position + 1; at <= last; at += 1) {
      if (this.gone.has(at)) continue
      this.reads.set(at, (this.reads.get(at) ?? 0) + 1)
      found.push({ epoch, sequence: at - base, id: `id ${at}`, payload: '{}', position: at })
    }
    return found
  }
}

const positions = (entries: readonly LogEntry[]): number[] => entries.map(({ position }) => position)
const fromTo = (from: number, to: number): number[] =>
  Array.from({ length: to - from + 1 }, (_, place) => from + place)

/** Long enough for whatever is read ahead: these rows wait for nothing but a turn of their own. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 100; turn += 1) await Promise.resolve()
}

test('what a sink that lags reads', async (t) => {
  await t.test(
    'every row once and in order, though each batch begins in the middle of the last',
    async (t) => {
      const rows = new Rows()
      const pages = new Pages(rows)
      const epochs = new Set<string>()
      for (let position = 0; position < 100; ) {
        const batch = await pages.after(position, 100, 20)
        const end = position < 70 ? 70 : 100
        t.strictSame(positions(batch), fromTo(position + 1, Math.min(position + 20, end)))
        t.equal(new Set(batch.map(({ epoch }) => epoch)).size, 1, 'of one epoch')
        for (const { epoch } of batch) epochs.add(epoch)
        position = Math.min(position + 12, end)
      }
      t.equal(epochs.size, 2)
      t.strictSame(
        [...rows.reads.values()],
        Array.from({ length: 100 }, () => 1),
      )
    },
  )

  await t.test('never holds three batches', async (t) => {
    const rows = new Rows()
    const pages = new Pages(rows)
    await pages.after(0, 100, 10)
    await settled()
    t.equal(Math.max(...rows.reads.keys()), 30)
  })

  await t.test('a cursor that was put back or forward is read where it stands', async (t) => {
    const pages = new Pages(new Rows())
    await pages.after(40, 100, 10)
    t.strictSame(positions(await pages.after(5, 100, 10)), fromTo(6, 15))
    t.strictSame(positions(await pages.after(90, 100, 20)), fromTo(91, 100))
    pages.clear()
    t.strictSame(positions(await pages.after(0, 100, 10)), fromTo(1, 10))
  })

  await t.test('rows that came since are found; none beyond the end that was asked for', async (t) => {
    const pages = new Pages(new Rows())
    t.strictSame(positions(await pages.after(0, 15, 10)), fromTo(1, 10))
    t.strictSame(positions(await pages.after(10, 15, 10)), fromTo(11, 15))
    t.strictSame(positions(await pages.after(15, 18, 10)), fromTo(16, 18))
  })

  await t.test('what cannot be read is told to who asks for it, not before', async (t) => {
    const rows = new Rows()
    const pages = new Pages(rows)
    await pages.after(0, 100, 10)
    await settled()
    rows.broken = new Error('disk I/O error')
    for (const position of [10, 20]) t.equal((await pages.after(position, 100, 10)).length, 10)
    await t.rejects(pages.after(30, 100, 10), { message: 'disk I/O error' })
    rows.broken = undefined
    t.strictSame(positions(await pages.after(30, 100, 10)), fromTo(31, 40))
  })

  await t.test('behind a row that is missing nothing is handed out as if it came next', async (t) => {
    const rows = new Rows()
    rows.gone.add(11)
    const pages = new Pages(rows)
    t.strictSame(positions(await pages.after(0, 100, 10)), fromTo(1, 10))
    t.not((await pages.after(10, 100, 10))[0]?.position, 11)
  })
})
