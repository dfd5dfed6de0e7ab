import { appendFileSync, readFileSync, writeFileSync } from 'node:fs'
import { z } from 'zod'
import { Updater } from '../../../provisioning/update.ts'
import { LockedError } from '../../../provisioning/update-lock.ts'
import type { Step } from '../../../provisioning/update-steps.ts'
import { toolsOf } from './tools.ts'
import { FolderOffers } from './world.ts'

/*
 * One pass of the updater in a process of its own, which dies where it is told to: `node updater.js JSON`. Every effect
 * and every write of the journal goes through one hook, which counts them: nobody enumerates them by hand.
 */

/** What happens at the n-th step, from 1. */
export const cut = z.object({
  at: z.int().min(1),
  when: z.enum(['before', 'after']),
  /** `updater`, `gateway`: SIGKILL of that process; `power`: of both; `full`: the disk takes nothing at this step. */
  what: z.enum(['updater', 'gateway', 'power', 'full']),
})
export type Cut = z.infer<typeof cut>

export const job = z.object({
  slotsDir: z.string(),
  updateDir: z.string(),
  configFile: z.string(),
  restartFile: z.string(),
  repository: z.string(),
  port: z.int(),
  pidFile: z.string(),
  /** Each step is written down there as it begins. */
  trace: z.string(),
  cut: cut.optional(),
})
export type Job = z.infer<typeof job>

function hook({ trace, cut: where, pidFile }: Job): Step {
  let count = 0
  const strike = (): void => {
    if (where?.what === 'gateway' || where?.what === 'power') killGateway(pidFile)
    if (where?.what !== 'gateway') process.kill(process.pid, 'SIGKILL')
  }
  return async (name, effect) => {
    count += 1
    const here = where?.at === count
    appendFileSync(trace, `${name}\n`)
    if (here && where.what === 'full')
      throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' })
    if (here && where.when === 'before') strike()
    const result = await effect()
    if (here && where.when === 'after') strike()
    return result
  }
}

function killGateway(pidFile: string): void {
  // The supervisor sees the file, and takes the power for gone.
  try {
    process.kill(Number(readFileSync(pidFile, 'utf8')), 'SIGKILL')
  } catch {
    // It does not run.
  }
}

async function main(text: string): Promise<void> {
  const given = job.parse(JSON.parse(text))
  writeFileSync(given.trace, '')
  const tools = toolsOf(given, { step: hook(given) })
  const updater = await Updater.open(
    tools,
    new FolderOffers(given.repository, `${given.updateDir}/downloads`),
  )
  try {
    const update = await updater.run({ by: 'schedule' }, AbortSignal.timeout(60_000))
    process.stdout.write(JSON.stringify({ phase: update?.phase ?? 'nothing', failure: update?.failure }))
  } finally {
    await updater.close()
  }
}

try {
  await main(process.argv[2] ?? '')
} catch (error) {
  process.stderr.write(String(error))
  process.exitCode = error instanceof LockedError ? 3 : 1
}
