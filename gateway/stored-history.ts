import type { LineCommandParts } from './line-commands.ts'
import type { Store } from './store/store.ts'

/** The log as `cmd/replay` reads it. */
export function historyOf(
  store: Pick<Store, 'epoch' | 'epochs' | 'latest' | 'from'>,
): LineCommandParts['history'] {
  return {
    get epoch() {
      return store.epoch.epoch
    },
    last: async (name) => {
      if (name === store.epoch.epoch) return (await store.latest(1))[0]?.sequence ?? 0
      const index = store.epochs.findIndex(({ epoch }) => epoch === name)
      const [epoch, next] = [store.epochs[index], store.epochs[index + 1]]
      return epoch === undefined || next === undefined ? undefined : next.base - epoch.base
    },
    from: async (name, sequence, limit) => {
      const epoch = store.epochs.find((one) => one.epoch === name)
      return epoch === undefined ? [] : await store.from(sequence, limit, epoch)
    },
  }
}
