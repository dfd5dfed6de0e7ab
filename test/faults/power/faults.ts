import type { Outcome, Scale } from '../outcome.ts'
import { blockCuts } from './block-writes.ts'
import { callCuts } from './recorded-calls.ts'

/** Power cuts, as the kernel was asked and as the disk was. */
export async function* powerFaults(scale: Scale): AsyncGenerator<Outcome> {
  yield await callCuts(scale)
  yield await blockCuts(scale)
}
