import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { test } from 'tap'
import { systemClock } from '../../../drivers/clock.ts'
import { type ChainTip, GENESIS, verifyChain } from '../../../gateway/store/log/chain.ts'
import type { Store } from '../../../gateway/store/store.ts'
import { randomFrom } from './drafts.ts'
import { reopen, storeDir } from './opening.ts'
import { APPEND, countSyncs, straceFault } from './syncs.ts'

const noStrace = straceFault()
const skip = noStrace === undefined ? false : `NOT PROVEN HERE, syncs cannot be counted: ${noStrace}`

test('an append one by one costs a sync, and is told after it', { skip }, async (t) => {
  const { acknowledged, walSyncs, unsynced } = await countSyncs('sequential', 40)
  t.equal(acknowledged, 40)
  t.ok(walSyncs >= 40, `${walSyncs} syncs`)
  t.equal(unsynced, 0, 'no acknowledgement before its sync')
})

test('appends at once share a sync', { skip }, async (t) => {
  const { acknowledged, walSyncs, unsynced } = await countSyncs('concurrent', 200)
  t.equal(acknowledged, 200)
  t.ok(walSyncs < 20, `${walSyncs} syncs`)
  t.equal(unsynced, 0)
})

const ROUNDS = 10
const WIDTH = 20

/** Appends under load in a process that is killed at a random instant. @returns the highest sequence it was told */
async function killedAppender(dir: string, afterMs: number): Promise<number> {
  const child = spawn(process.execPath, [APPEND, dir, 'endless', String(WIDTH)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const lines = createInterface({ input: child.stdout })
  let acknowledged = 0
  lines.on('line', (line) => {
    acknowledged = Math.max(acknowledged, Number(/^ack (\d+)$/.exec(line)?.[1] ?? 0))
  })
  const ended = Promise.all([once(child, 'close'), once(lines, 'close')])
  await once(lines, 'line')
  await systemClock.sleep(afterMs)
  child.kill('SIGKILL')
  await ended
  return acknowledged
}

/** Verifies the log from `tip` on. @returns its end */
async function verifiedEnd(store: Store, tip: ChainTip): Promise<ChainTip> {
  const report = verifyChain(await store.from(tip.sequence + 1, 100_000), tip)
  if (!report.valid) throw new Error(`sequence ${report.sequence}: ${report.reason}`)
  return report.tip
}

test('nothing that was acknowledged is lost by SIGKILL', async (t) => {
  const dir = join(await storeDir(t), 'store')
  const random = randomFrom(2026)
  let tip: ChainTip = { sequence: 0, hash: GENESIS }
  let epoch: string | undefined
  for (let round = 1; round <= ROUNDS; round += 1) {
    const acknowledged = await killedAppender(dir, random() * 150)
    const before = tip.sequence
    const store = await reopen(dir)
    tip = await verifiedEnd(store, tip)
    t.ok(
      acknowledged > before && tip.sequence >= acknowledged,
      `${tip.sequence} stored, ${acknowledged} told`,
    )
    t.ok(tip.sequence - acknowledged <= WIDTH, 'what was never told is what was under way')
    // Each of the appenders may have noted a part that was not stored.
    const left = store.unrecorded.last
    t.ok(
      left === undefined || (left.parts <= WIDTH && !left.atLeast),
      `${left?.parts ?? 0} parts unrecorded, exactly`,
    )
    t.equal(store.epoch.epoch, epoch ?? store.epoch.epoch, 'the epoch goes on')
    epoch = store.epoch.epoch
    for (const sink of ['near', 'far']) await store.registerSink(sink)
    for (const { stored, delivered, backlog, quarantined } of store.sinks()) {
      t.equal(stored, delivered + backlog + quarantined)
      t.equal(stored, tip.sequence)
    }
    await store.close()
  }
})
