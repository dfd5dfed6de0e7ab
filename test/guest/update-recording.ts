import { z } from 'zod'

/** Where the logged disk is mounted, when it is written and when what is left of it is looked at: paths stand in files. */
export const RECORDED = '/run/power'

/** What the recording of updates says of itself. */
export const recordingSchema = z.strictObject({
  /** Of the device's world, on the disk. */
  dir: z.string(),
  port: z.int(),
  /** Each step of the updater, in order: step n is between the marks 2n - 1 and 2n. */
  steps: z.array(z.string()),
  /** SHA-256 of each file of each release. */
  manifests: z.record(z.string(), z.record(z.string(), z.string())),
})
export type Recording = Readonly<z.infer<typeof recordingSchema>>

/** What a note on the disk tells: how far the updater was, and how many parts had been acknowledged. */
export interface Mark {
  readonly mark: number
  readonly parts: number
}

const PARTS = 1000

/** As one number that never falls. Pure. */
export function saidOf({ mark, parts }: Mark): number {
  return mark * PARTS + parts
}

/** Pure. */
export function markOf(said: number): Mark {
  return { mark: Math.floor(said / PARTS), parts: said % PARTS }
}

/** The step that was under way, or had ended last; undefined between two updates and before the first. Pure. */
export function stepAt(
  { steps }: Recording,
  { mark }: Mark,
): { readonly name: string; readonly ended: boolean } {
  const name = steps[Math.ceil(mark / 2) - 1] ?? 'nothing'
  return { name, ended: mark % 2 === 0 }
}
