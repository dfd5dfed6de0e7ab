import { z } from 'zod'

/** Where an update stands. */
export const UPDATE_STATES = [
  'current',
  'available',
  'downloading',
  'waiting',
  'testing',
  'switching',
  'trial',
  'committed',
  'rolled_back',
  'failed',
] as const
export type UpdateState = (typeof UPDATE_STATES)[number]

/** What can be updated. */
export const UPDATE_KINDS = [
  'release',
  'recipe',
  'model',
  'flow',
  'firmware',
  'configuration',
  'os-image',
] as const
export type UpdateKind = (typeof UPDATE_KINDS)[number]

/** A stored part that the new release judges differently. */
export const differingVerdict = z.object({
  sequence: z.int().min(1),
  before: z.string().max(500),
  after: z.string().max(500),
})
export type DifferingVerdict = Readonly<z.infer<typeof differingVerdict>>

/** One thing that an update changes, in words: a key of the configuration, a field of a recipe. */
export const change = z.object({
  key: z.string().max(200),
  /** As it is; absent: it is not there. Secrets are named, not shown. */
  before: z.string().max(500).optional(),
  after: z.string().max(500).optional(),
  /** The device says so itself, and what comes does not change it. */
  kept: z.literal(true).optional(),
})
export type Change = Readonly<z.infer<typeof change>>
/** More of them are not listed. */
export const MOST_CHANGES = 100

/** `poincon.update/1`: `status.json` of the updater, and with `device_id` the payload of the retained topic `…/update`. */
export const updateStatus = z.object({
  schema: z.literal('poincon.update/1'),
  state: z.enum(UPDATE_STATES),
  kind: z.enum(UPDATE_KINDS),
  /** Which one of its kind: the recipe's name, `poincon` of a release. */
  name: z.string().max(128).optional(),
  /** The version that was there before. */
  from: z.string().max(128).optional(),
  to: z.string().max(128).optional(),
  /** Why it does not go on, one sentence each; only while `waiting`. */
  waiting_for: z.array(z.string().max(500)).max(20).optional(),
  /** Of what goes on now. */
  progress: z.number().min(0).max(1).optional(),
  /** When this state began. */
  since: z.iso.datetime(),
  channel: z.string().max(128).optional(),
  /** Why it was rolled back, or failed. */
  failure: z.string().max(2000).optional(),
  differing: z.array(differingVerdict).max(100).optional(),
  /** What it changes, of a configuration or a recipe. */
  changes: z.array(change).max(MOST_CHANGES).optional(),
})
export type UpdateStatus = Readonly<z.infer<typeof updateStatus>>

/** Name of the file in `update.dir`. */
export const STATUS_FILE = 'status.json'
