import { setImmediate as turn } from 'node:timers/promises'
import { test } from 'tap'
import { VirtualClock } from '../../../drivers/simulated/clock.ts'
import type { Admitted } from '../../../gateway/ingest/admission.ts'
import type { Arrival, Source } from '../../../gateway/ingest/arrival.ts'
import { IngestWorker } from '../../../gateway/ingest/worker.ts'
import { silentLog } from '../../../gateway/log.ts'
import { AUTHOR, history, topicOf } from './history.ts'

const PARTS = history(AUTHOR, 1, 60)

/** What becomes of each inspection, by its place. */
class Belt implements Source {
  readonly trouble = undefined
  readonly done: string[] = []
  #take: (arrival: Arrival) => void = () => {}

  start(take: (arrival: Arrival) => void): Promise<void> {
    this.#take = take
    return Promise.resolve()
  }

  bring(from: number, to: number, padding = 0): void {
    for (let place = from; place < to; place += 1) {
      this.#take({
        topic: topicOf(AUTHOR),
        payload: Buffer.from((PARTS[place]?.payload ?? '').padEnd(padding)),
        acknowledge: () => this.done.push('acknowledged'),
        working: () => this.done.push('working'),
        release: () => this.done.push('released'),
      })
    }
  }

  pause(): Promise<void> {
    return Promise.resolve()
  }

  close(): Promise<void> {
    return Promise.resolve()
  }
}

/** A store that answers when it is told to. */
class SlowStore {
  readonly sizes: number[] = []
  readonly #answers: ((error?: Error) => void)[] = []

  write(batch: readonly Admitted[]): Promise<{ taken: readonly Admitted[]; repeats: number; refused: [] }> {
    this.sizes.push(batch.length)
    return new Promise((resolve, reject) => {
      this.#answers.push((error) =>
        error === undefined ? resolve({ taken: batch, repeats: 0, refused: [] }) : reject(error),
      )
    })
  }

  /** The oldest that waits. */
  async answer(error?: Error): Promise<void> {
    this.#answers.shift()?.(error)
    await settled()
  }
}

async function settled(): Promise<void> {
  for (let turns = 0; turns < 20; turns += 1) await turn()
}

async function working(): Promise<{ belt: Belt; store: SlowStore; worker: IngestWorker }> {
  const [belt, store] = [new Belt(), new SlowStore()]
  const worker = new IngestWorker({
    ...{ source: belt, write: (batch) => store.write(batch), log: silentLog, clock: new VirtualClock() },
    ...{ rules: { maxBytes: 100_000_000, hashes: 'noted' }, batch: 10, gatherMs: 20, random: () => 0.5 },
  })
  await worker.start()
  return { belt, store, worker }
}

test('two full batches are written at once, and a lesser one gathers meanwhile', async (t) => {
  const { belt, store, worker } = await working()
  belt.bring(0, 35)
  await settled()
  t.strictSame(store.sizes, [10, 10], 'the third waits')
  await store.answer()
  t.strictSame(store.sizes, [10, 10, 10])
  t.equal(belt.done.length, 10)
  await store.answer()
  t.strictSame(store.sizes, [10, 10, 10], 'five are no batch while another is written')
  belt.bring(35, 37)
  await store.answer()
  t.strictSame(store.sizes, [10, 10, 10, 7], 'now they are')
  await store.answer()
  t.strictSame(belt.done, Array(37).fill('acknowledged'))
  t.match(worker.counts, { taken: 37, waiting: 0, trouble: undefined })
  await worker.stop(1000)
})

test('a batch has an end in bytes as well', async (t) => {
  const { belt, store, worker } = await working()
  belt.bring(0, 3, 7_000_000)
  await settled()
  t.strictSame(store.sizes, [2], '16 MB')
  await store.answer()
  t.strictSame(store.sizes, [2, 1])
  await store.answer()
  await worker.stop(1000)
})

test('what fails is written again; a stop gives back what was not begun', async (t) => {
  const { belt, store, worker } = await working()
  belt.bring(0, 10)
  await settled()
  await store.answer(new Error('no space left'))
  t.match(worker.counts, { failures: 1, trouble: 'no space left' })
  t.strictSame(belt.done, Array(10).fill('working'))
  t.strictSame(store.sizes, [10, 10], 'the same again')
  belt.bring(10, 12)
  const stopped = worker.stop(60_000)
  await store.answer()
  await stopped
  t.strictSame(belt.done.slice(10), [...Array(2).fill('released'), ...Array(10).fill('acknowledged')])
})
