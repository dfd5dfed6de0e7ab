import { randomUUID } from 'node:crypto'
import { mkdir, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { codeOf } from './slots-pointer.ts'
import { differingVerdict } from './status.ts'
import { runChild, troubleOf } from './update-child.ts'
import type { UpdateEvent, UpdateRecord } from './update-machine.ts'
import type { UpdateTools } from './update-tools.ts'

const MAX_ANSWER = 1024 * 1024
const SHOWN = 100

/** What `self-test --json` prints (`poincon.self-test/1`), as far as an update asks. */
export const selfTestAnswer = z.looseObject({
  schema: z.literal('poincon.self-test/1'),
  version: z.string(),
  passed: z.boolean(),
  checks: z.array(z.looseObject({ name: z.string(), passed: z.boolean(), detail: z.string().default('') })),
  differing: z.array(differingVerdict.loose()).default([]),
})
type SelfTestAnswer = z.infer<typeof selfTestAnswer>

/** Lets the new release test itself with this station's configuration and a copy of its data; the old one works on. */
export async function selfTest(
  update: UpdateRecord,
  { slots, pace, policy, step, dir, configFile, dataDir }: UpdateTools,
  signal: AbortSignal,
): Promise<UpdateEvent> {
  const slot = slots.path(update.to)
  const scratches = join(dir, 'scratch')
  await step('clear scratch', () => emptied(scratches))
  const scratch = join(scratches, randomUUID())
  const config = configFile === undefined ? [] : ['--config', configFile]
  // It gets nothing of this process's environment.
  const data = dataDir === undefined ? [] : ['--data-dir', dataDir]
  try {
    const end = await step('self-test', async () => {
      await mkdir(scratch, { recursive: true, mode: 0o700 })
      return await runChild({
        command: join(slot, 'bin/node'),
        args: [
          ...[join(slot, 'dist/gateway/cli.js'), 'self-test', '--json', ...config, ...data],
          ...['--scratch', scratch],
        ],
        timeoutMs: pace.selfTestMs,
        maxBytes: MAX_ANSWER,
        signal,
      })
    })
    signal.throwIfAborted()
    const answer = selfTestAnswer.safeParse(jsonOf(end.stdout))
    const trouble = troubleOf('its self-test', end, pace.selfTestMs)
    if (answer.success && end.ended === undefined)
      return judged(answer.data, update, policy.verdicts, trouble)
    return {
      type: 'refused',
      why: trouble ?? 'its self-test does not answer as one does',
      final: true,
    }
  } finally {
    await rm(scratch, { recursive: true, force: true }).catch(() => {})
  }
}

function judged(
  answer: SelfTestAnswer,
  update: UpdateRecord,
  policy: 'refuse' | 'tell',
  trouble: string | undefined,
): UpdateEvent {
  const refused = (why: string, final = true): UpdateEvent => ({ type: 'refused', why, final })
  if (answer.version !== update.to)
    return refused(`its self-test says version ${answer.version}: expected ${update.to}`)
  const differs = (name: string): boolean => name === 'verdicts' && answer.differing.length > 0
  // What differs is for the operator's policy to judge, not for the release.
  const failed = answer.checks.filter(({ name, passed }) => !passed && !differs(name))
  const [first] = failed
  if (first !== undefined)
    return refused(
      `self-test: ${failed.map(({ name, detail }) => `${name}: ${detail}`).join('; ')}`,
      // A disk without room, a station that began meanwhile: the release is not to blame.
      failed.some(({ name, detail }) => name !== 'store' || !/cannot be copied|room/.test(detail)),
    )
  const { differing } = answer
  const shown = differing.slice(0, SHOWN).map(({ sequence, before, after }) => ({ sequence, before, after }))
  if (shown.length === 0)
    return trouble === undefined && answer.passed
      ? { type: 'tested', differing: [] }
      : refused(trouble ?? 'its self-test failed')
  if (policy === 'tell') return { type: 'tested', differing: shown }
  const one = shown[0]
  return refused(
    `it judges ${differing.length} stored parts differently, ${one?.sequence} for one: ${one?.before} → ${one?.after}`,
  )
}

async function emptied(folder: string): Promise<void> {
  try {
    for (const name of await readdir(folder)) await rm(join(folder, name), { recursive: true, force: true })
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error
  }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
