import { randomUUID } from 'node:crypto'
import { mkdir, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { Contents } from './content.ts'
import { codeOf } from './slots-pointer.ts'
import { change, differingVerdict, MOST_CHANGES } from './status.ts'
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
  /** Of content that was tried: what it changes. */
  changes: z.array(change).default([]),
})
type SelfTestAnswer = z.infer<typeof selfTestAnswer>

/** Lets the new release test itself with this station's configuration and a copy of its data; the old one works on. */
export async function selfTest(
  update: UpdateRecord,
  tools: UpdateTools,
  signal: AbortSignal,
): Promise<UpdateEvent> {
  const { answer, trouble } = await asked(update.to, [], tools, signal)
  if (answer !== undefined) return judged(answer, update, tools.policy.verdicts, trouble)
  return refused(trouble ?? 'its self-test does not answer as one does')
}

/** Lets the release that runs try content beside what is in force: the same reading, the same checks as at its start. */
export async function contentTest(
  update: UpdateRecord,
  tools: UpdateTools,
  signal: AbortSignal,
): Promise<UpdateEvent> {
  const { slots, policy } = tools
  const release = await slots.pointed('current')
  if (release === undefined) throw new Error(`${slots.folder}/current leads to no release`)
  const { kind, name, to } = update
  const candidate = `${kind}/${name}/${to}=${new Contents(tools).path(update, to)}`
  const { answer, trouble } = await asked(release, ['--with', candidate], tools, signal)
  if (answer === undefined)
    return refused(trouble ?? `the self-test of ${release} does not answer as one does`)
  const failed = whyFailed(answer, () => false)
  if (failed !== undefined) return failed
  if (trouble !== undefined || !answer.passed) return refused(trouble ?? 'the self-test failed')
  const ask = kind === 'configuration' && policy.configurationConsent === 'operator'
  return {
    ...{ type: 'tested', differing: [], changes: answer.changes.slice(0, MOST_CHANGES) },
    ...(ask ? { ask: 'it changes how the station is configured' } : {}),
  }
}

/** Runs the self-test of an installed release. @returns what it says, and why it did not end as it should */
async function asked(
  release: string,
  more: readonly string[],
  { slots, pace, step, dir, configFile, dataDir }: UpdateTools,
  signal: AbortSignal,
): Promise<{ readonly answer?: SelfTestAnswer; readonly trouble?: string }> {
  const slot = slots.path(release)
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
          ...['--scratch', scratch, ...more],
        ],
        timeoutMs: pace.selfTestMs,
        maxBytes: MAX_ANSWER,
        signal,
      })
    })
    signal.throwIfAborted()
    const answer = selfTestAnswer.safeParse(jsonOf(end.stdout))
    const trouble = troubleOf('its self-test', end, pace.selfTestMs)
    return {
      ...(answer.success && end.ended === undefined ? { answer: answer.data } : {}),
      ...(trouble === undefined ? {} : { trouble }),
    }
  } finally {
    await rm(scratch, { recursive: true, force: true }).catch(() => {})
  }
}

function refused(why: string, final = true): UpdateEvent {
  return { type: 'refused', why, final }
}

/** @param excused a check that somebody else judges */
function whyFailed({ checks }: SelfTestAnswer, excused: (name: string) => boolean): UpdateEvent | undefined {
  const failed = checks.filter(({ name, passed }) => !passed && !excused(name))
  if (failed.length === 0) return undefined
  return refused(
    `self-test: ${failed.map(({ name, detail }) => `${name}: ${detail}`).join('; ')}`,
    // A disk without room, a station that began meanwhile: what is tested is not to blame.
    failed.some(({ name, detail }) => name !== 'store' || !/cannot be copied|room/.test(detail)),
  )
}

function judged(
  answer: SelfTestAnswer,
  update: UpdateRecord,
  policy: 'refuse' | 'tell',
  trouble: string | undefined,
): UpdateEvent {
  if (answer.version !== update.to)
    return refused(`its self-test says version ${answer.version}: expected ${update.to}`)
  // What differs is for the operator's policy to judge, not for the release.
  const failed = whyFailed(answer, (name) => name === 'verdicts' && answer.differing.length > 0)
  if (failed !== undefined) return failed
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
