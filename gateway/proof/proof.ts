import type { Clock } from '../../drivers/clock.ts'
import type { Log } from '../log.ts'
import type { Checkpoint } from './checkpoint.ts'
import { type CheckpointPage, type CheckpointQuery, checkpointPage } from './checkpoint-page.ts'
import { type CheckpointDocuments, Checkpoints } from './checkpoints.ts'
import { openDeviceKey } from './device-key.ts'
import { LabelTokens } from './label-token.ts'
import type { ProofOptions } from './options.ts'
import { type ChainStore, chainEnd } from './stored-chain.ts'
import { type TraceSources, Tracing } from './trace.ts'
import type { Trace } from './trace-record.ts'

/** What a station does so that others can check it. */
export interface Proof {
  /** Start it before whatever appends. */
  readonly checkpoints: Checkpoints
  readonly trace: (token: string) => Promise<Trace | undefined>
  /** What was signed, and what it is checked with. */
  readonly signed: (query: CheckpointQuery) => Promise<CheckpointPage>
}

export interface ProofParts {
  readonly config: { readonly data_dir: string; readonly proof: ProofOptions }
  readonly identity: {
    readonly deviceId: string
    readonly site: string
    readonly line: string
    readonly station: string
  }
  readonly store: ChainStore &
    TraceSources['log'] & {
      readonly documents: CheckpointDocuments & TraceSources['documents']
      readonly calibrations: TraceSources['calibrations']
    }
  readonly taken?: (checkpoint: Checkpoint) => void
  readonly clock: Clock
  readonly log: Log
}

const MINUTE_MS = 60_000

/** Checkpoints and labels of one station. A label key that cannot be had is said, and no label leads anywhere. */
export async function proofOf({ config, identity, store, taken, clock, log }: ProofParts): Promise<Proof> {
  const { data_dir: dir, proof: options } = config
  const { deviceId, site, line, station } = identity
  const tokens = await LabelTokens.open(dir).catch((err: unknown) => {
    log.error({ err }, 'labels lead nowhere')
    return { read: () => undefined }
  })
  const tracing = new Tracing({
    tokens,
    station: { device_id: deviceId, site, line, station },
    log: store,
    documents: store.documents,
    calibrations: store.calibrations,
  })
  const checkpoints = new Checkpoints({
    deviceId,
    documents: store.documents,
    key: () => openDeviceKey(dir),
    end: () => chainEnd(store),
    everyInspections: options.checkpoint_inspections,
    everyMs: options.checkpoint_minutes * MINUTE_MS,
    ...(taken === undefined ? {} : { taken }),
    clock,
    log,
  })
  return {
    checkpoints,
    trace: (token) => tracing.trace(token),
    signed: (query) => checkpointPage(store.documents, query, checkpoints.publicKey),
  }
}
