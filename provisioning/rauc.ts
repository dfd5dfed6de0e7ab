import { z } from 'zod'
import { codeOf } from './slots-pointer.ts'
import { IntegrityError } from './tuf-errors.ts'
import { runChild, troubleOf } from './update-child.ts'
import type { UpdateTools } from './update-tools.ts'

const ASK_MS = 60_000
/** A system on a slow card. */
const INSTALL_MS = 3_600_000
const MAX_SAID = 4 * 1024 * 1024

const status = z.looseObject({
  compatible: z.string(),
  /** Bootname of the slot that runs, as the kernel's command line has it. */
  booted: z.string(),
  slots: z.array(z.record(z.string(), z.looseObject({ state: z.string(), bootname: z.string().nullish() }))),
})
const bundle = z.looseObject({ compatible: z.string(), version: z.string().default('') })
export type RaucBundle = z.infer<typeof bundle>

/** What runs, as RAUC sees it (https://rauc.readthedocs.io/en/latest/using.html). */
export interface RaucStatus {
  readonly compatible: string
  /** Name of the slot that runs, e.g. `rootfs.0`. */
  readonly booted: string
}

/** Whether there is a RAUC on this machine. */
export async function hasRauc(tools: UpdateTools): Promise<boolean> {
  try {
    await ask(['--version'], tools)
    return true
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return false
    throw error
  }
}

/** @throws Error with what RAUC says: no bundle, or signed by somebody whom this system does not know */
export async function raucInfo(file: string, tools: UpdateTools): Promise<RaucBundle> {
  return bundle.parse(JSON.parse(await ask(['info', '--output-format=json', file], tools)))
}

/** @throws Error where RAUC's service does not answer, or says what no RAUC says */
export async function raucStatus(tools: UpdateTools): Promise<RaucStatus> {
  const said = status.parse(JSON.parse(await ask(['status', '--output-format=json'], tools)))
  const slots = said.slots.flatMap((one) => Object.entries(one))
  const booted = slots.find(([, { state }]) => state === 'booted')?.[0]
  if (booted === undefined) throw new Error('rauc status: expected one slot that is booted')
  return { compatible: said.compatible, booted }
}

/**
 * Writes a bundle into the slots that do not run, and has the next start take them.
 * @throws IntegrityError where RAUC refuses it; Error where it was ended, or died
 */
export async function raucInstall(file: string, tools: UpdateTools, signal: AbortSignal): Promise<void> {
  const onOutput = (text: string): void => {
    for (const [, percent] of text.matchAll(/^\s*(\d{1,3})% /gm)) tools.progress?.(Number(percent) / 100)
  }
  await ask(['install', file], tools, { timeoutMs: INSTALL_MS, onOutput, signal })
}

/** Which slot the next start takes. @param slot its name, `booted` or `other` */
export async function raucMark(mark: 'active' | 'bad', slot: string, tools: UpdateTools): Promise<void> {
  await ask(['status', `mark-${mark}`, slot], tools)
}

async function ask(
  args: readonly string[],
  { rauc }: UpdateTools,
  more: {
    readonly timeoutMs?: number
    readonly onOutput?: (text: string) => void
    readonly signal?: AbortSignal
  } = {},
): Promise<string> {
  const { timeoutMs = ASK_MS, signal = new AbortController().signal, onOutput } = more
  const end = await runChild({
    ...{ command: rauc, args, timeoutMs, maxBytes: MAX_SAID, signal },
    ...(onOutput === undefined ? {} : { onOutput }),
  })
  signal.throwIfAborted()
  const trouble = troubleOf(`rauc ${args[0] ?? ''}`, end, timeoutMs)
  if (trouble !== undefined && args[0] === 'install' && end.ended === undefined && end.code !== null)
    throw new IntegrityError('malformed', trouble)
  if (trouble !== undefined) throw new Error(trouble)
  return end.stdout
}
