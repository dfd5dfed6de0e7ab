import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'

/** What a file of another process may hold; a hundred differing verdicts fit. */
const MOST_BYTES = 256 * 1024

const line = z.string().max(2000)
/** What this release does not understand of a newer updater is left out, and hides nothing else. */
const lenient = <T extends z.ZodType>(schema: T) => schema.optional().catch(undefined)

/** What the updater says of itself in `status.json`; another release may have written it. */
export const updateStatus = z.object({
  schema: z.literal('poincon.update/1'),
  state: z
    .string()
    .min(1)
    .max(64)
    .describe(
      '`current`, `available`, `downloading`, `waiting`, `testing`, `switching`, `trial`, `committed`, `rolled_back` or `failed`.',
    ),
  kind: z
    .string()
    .min(1)
    .max(64)
    .describe('`release`, `recipe`, `model`, `flow`, `firmware`, `configuration` or `os-image`.'),
  name: lenient(z.string().max(128)).describe('Which one of its kind; `poincon` of a release.'),
  from: lenient(z.string().max(128)).describe('The version that is, or was, there before.'),
  to: lenient(z.string().max(128)).describe('The version that comes.'),
  waiting_for: lenient(z.array(line).max(64)).describe('Why it does not go on, one line each.'),
  progress: lenient(z.number().min(0).max(1)).describe('Of what goes on now.'),
  since: z.iso.datetime({ offset: true }).describe('When this state began.'),
  channel: lenient(z.string().max(128)).describe('Whose releases the device follows.'),
  failure: lenient(line).describe('Why it failed, or was rolled back.'),
  differing: lenient(
    z
      .array(z.object({ sequence: z.int().min(1), before: z.string().max(500), after: z.string().max(500) }))
      .max(1000),
  ).describe('Stored parts that the new release judges otherwise.'),
  changes: lenient(
    z
      .array(
        z.object({
          key: z.string().max(200).describe('Of a configuration or a recipe, from the root.'),
          before: z.string().max(500).optional().describe('Absent: it was not there.'),
          after: z.string().max(500).optional().describe('Absent: it goes.'),
          kept: z.boolean().optional().describe('The device says it itself: it stays.'),
        }),
      )
      .max(1000),
  ).describe('What it changes; secrets are named, not shown.'),
})
export type UpdateStatus = Readonly<z.infer<typeof updateStatus>>

/** States in which the line is the updater's, and what is stored may be put back to what it was. */
const AT_LINE: ReadonlySet<string> = new Set(['switching', 'trial'])
/** An updater that is longer at it than any lease was killed: the next pass of its timer sets that right. */
const LONGEST_MS = 15 * 60_000

/**
 * Which update has the line, by what its updater left: for a command that changes stored things and asks no gateway.
 * @param dir `update.dir` @returns its version; undefined: none, or nobody can tell
 */
export async function updateAtLine(dir: string, wallMs: number): Promise<string | undefined> {
  const status = await readJson(join(dir, 'status.json'), updateStatus).catch(() => undefined)
  if (status === undefined || !AT_LINE.has(status.state)) return undefined
  return Math.abs(wallMs - Date.parse(status.since)) < LONGEST_MS
    ? (status.to ?? 'another release')
    : undefined
}

/** The retained `update` of a station: `poincon.update/1`. */
export const updateMessage = updateStatus.extend({
  device_id: z.string().describe('Which device: a station may get another one.'),
})

/** What the device says of its certificate: `poincon.device/1`, in `status.json` of its own folder. */
export const deviceStatus = z.object({
  schema: z.literal('poincon.device/1'),
  state: z
    .string()
    .min(1)
    .max(64)
    .describe(
      '`none`, `pending`, `valid`, `renewal-failing`, `refused`, `revoked`, `expired`, `decommissioned` or `clock-wrong`.',
    ),
  since: lenient(z.iso.datetime({ offset: true })).describe('Since when it is so.'),
  not_after: lenient(z.iso.datetime({ offset: true })).describe('When the certificate ends.'),
  renew_at: lenient(z.iso.datetime({ offset: true })).describe('When the next one is asked for.'),
  failures: lenient(z.int().min(0)).describe('Attempts in a row that brought no certificate.'),
  failure: lenient(line).describe('Why the last attempt failed.'),
})
export type DeviceStatus = Readonly<z.infer<typeof deviceStatus>>

/** What the updater leaves for the release that it tries. */
export const trialFile = z.object({
  version: z.string().min(1).max(128),
  until: z.iso.datetime({ offset: true }),
})

/**
 * Reads a small file of JSON that another process replaces.
 * @returns undefined where there is none @throws Error naming the file and what is wrong with it
 */
export async function readJson<T extends z.ZodType>(
  file: string,
  schema: T,
): Promise<z.output<T> | undefined> {
  let text: string
  try {
    text = await readBounded(file)
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR'))
      return undefined
    throw new Error(`${file}: ${messageOf(error)}`, { cause: error })
  }
  const parsed = schema.safeParse(jsonOf(text))
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  throw new Error(`${file}: ${issue?.path.join('.') || 'the whole'}: ${issue?.message}`)
}

async function readBounded(file: string): Promise<string> {
  const handle = await open(file)
  try {
    const buffer = Buffer.alloc(MOST_BYTES + 1)
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, 0)
    if (bytesRead > MOST_BYTES) throw new Error(`larger than ${MOST_BYTES} bytes`)
    return buffer.toString('utf8', 0, bytesRead)
  } finally {
    await handle.close()
  }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
