import type { Test } from 'tap'
import { systemClock } from '../../../drivers/clock.ts'
import { silentLog } from '../../../gateway/log.ts'
import { Pump } from '../../../gateway/pump.ts'
import type { BdSeqMemory } from '../../../gateway/sparkplug/bd-seq.ts'
import { SparkplugSink, type SparkplugSinkOptions } from '../../../gateway/sparkplug/sink.ts'
import { MemoryOutbox } from '../../fakes/memory-outbox.ts'

export const TOPIC = (type: string, device = ''): string =>
  `spBv1.0/lyon/${type}/l1-s1${device && `/${device}`}`

/** What a store keeps of `bdSeq`, and all that was ever written. */
export class BdSeqNotes implements BdSeqMemory {
  readonly written: number[] = []

  constructor(...before: readonly number[]) {
    this.written.push(...before)
  }

  read(): Promise<number | undefined> {
    return Promise.resolve(this.written.at(-1))
  }

  write(bdSeq: number): Promise<void> {
    this.written.push(bdSeq)
    return Promise.resolve()
  }
}

/** An edge node and the pump that drives it; both end with the test. */
export function edgeNode(
  t: Test,
  url: string,
  changes: Partial<SparkplugSinkOptions> = {},
  outbox = new MemoryOutbox(),
) {
  const notes = new BdSeqNotes()
  const stopping = new AbortController()
  const sink = new SparkplugSink({
    endpoint: { url, protocolVersion: '3.1.1', clientId: 'gw-1-sparkplug' },
    ids: { group: 'lyon', edgeNode: 'l1-s1', device: 'inspection' },
    bdSeq: notes,
    facts: () => ({ device_id: 'gw-1', software: '0.1.0', recipe: { id: 'standard', revision: 7 } }),
    backlog: () => outbox.backlog('sparkplug'),
    clock: systemClock,
    log: silentLog,
    backoff: { firstMs: 10, longestMs: 50 },
    ...changes,
  })
  const pump = new Pump({
    outbox,
    sink,
    clock: systemClock,
    log: silentLog,
    backlog: () => outbox.backlog('sparkplug'),
    backoff: { firstMs: 10, longestMs: 50 },
    graceMs: 200,
  })
  let stopped: Promise<void> | undefined
  const stop = (): Promise<void> => {
    stopping.abort()
    stopped ??= pump.stop().then(() => sink.stop())
    return stopped
  }
  const start = async (): Promise<void> => {
    await sink.start()
    await pump.start()
  }
  const drained = async (): Promise<void> => {
    while (outbox.backlog('sparkplug') > 0) await systemClock.sleep(5)
  }
  t.teardown(stop)
  return { outbox, sink, pump, notes, start, stop, drained }
}
