import { systemClock } from '../drivers/clock.ts'
import type { Config } from './config.ts'
import { type ConfirmationStore, ConfirmationWatch } from './confirmation/watch.ts'
import { confirmedTopic } from './confirmed-message.ts'
import type { Log } from './log.ts'
import type { MqttSink } from './mqtt/sink.ts'
import type { Store } from './store/store.ts'

/** The cursor that keeps retention behind what is confirmed. */
export const CONFIRMED_CURSOR = 'upstream-confirmed'

/** The longest wait between two times that the same is sent again, ms. */
const LONGEST_MS = 3_600_000

export interface ConfirmingParts {
  readonly config: Config
  readonly deviceId: string
  readonly store: Store
  /** The plant's broker: confirmations come on its connection, so they are asked for anew with each. */
  readonly upstream: MqttSink
  readonly log: Log
}

/** The watch over what the final store confirms; undefined where it is off. */
export function confirming({
  config,
  deviceId,
  store,
  upstream,
  log,
}: ConfirmingParts): ConfirmationWatch | undefined {
  const { confirmed = 'off', confirmed_within_s = 120 } = config.mqtt.upstream ?? {}
  if (confirmed === 'off') return undefined
  return new ConfirmationWatch({
    topic: confirmedTopic(config),
    store: confirmationStore(store, { deviceId, sink: upstream.name, required: confirmed === 'required' }),
    listen: (topic, receive) =>
      upstream.listen([topic], ({ payload, retain }) => receive(payload, retain ?? false)),
    limits: { stalledMs: confirmed_within_s * 1000, longestMs: LONGEST_MS },
    ...{ clock: systemClock, log },
  })
}

/** The station's log as the watch sees it. */
export function confirmationStore(
  store: Store,
  {
    deviceId,
    sink,
    required,
  }: { readonly deviceId: string; readonly sink: string; readonly required: boolean },
): ConfirmationStore {
  return {
    deviceId,
    epochs: () =>
      store.epochs.map(({ epoch, base }, at) => ({
        epoch,
        base,
        end: store.epochs[at + 1]?.base ?? store.end,
      })),
    hashAt: (epoch, sequence) => hashAt(store, epoch, sequence),
    delivered: () => store.position(sink),
    rewind: (position) => store.rewind(sink, position),
    ...(required
      ? {
          kept: {
            position: () => store.position(CONFIRMED_CURSOR),
            advance: (position) => Promise.resolve(store.advanceTo(CONFIRMED_CURSOR, position)),
            rewind: (position) => store.rewind(CONFIRMED_CURSOR, position),
          },
        }
      : {}),
  }
}

async function hashAt(store: Store, name: string, sequence: number): Promise<string | undefined> {
  const epoch = store.epochs.find((one) => one.epoch === name)
  if (epoch === undefined) return undefined
  const [entry] = await store.from(sequence, 1, epoch)
  // The log's own canonical JSON: `hash` stands in it once, in `provenance`.
  if (entry?.sequence === sequence) return /"hash":"([0-9a-f]{64})"/.exec(entry.payload)?.[1]
  return store.anchors.find(({ base, position }) => base === epoch.base && position === base + sequence)?.hash
}
