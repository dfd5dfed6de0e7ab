import { parseArgs } from 'node:util'
import { tolerantSettings, updateTools } from './main.ts'
import { recover } from './recover-release.ts'
import { LockedError } from './update-lock.ts'
import { messageOf } from './update-tools.ts'

/*
 * `node dist/provisioning/recover.js [--config FILE]`: what runs when the gateway has failed to start three times. It is
 * the code of the release before that one, and needs neither network nor a correct configuration.
 * Exit codes: 0 a release was put back, or an updater is at it · 1 nothing could be put back.
 */
async function main(): Promise<number> {
  const { values } = parseArgs({ options: { config: { type: 'string', short: 'c' } } })
  const tools = updateTools(tolerantSettings(values.config, process.env))
  const end = new AbortController()
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => end.abort())
  try {
    const recovery = await recover(tools, end.signal)
    if (recovery.done === 'nothing') tools.say(`no release was put back: ${recovery.why}`)
    return recovery.done === 'nothing' || recovery.update.phase === 'failed' ? 1 : 0
  } catch (error) {
    tools.say(messageOf(error))
    return error instanceof LockedError ? 0 : 1
  }
}

process.exitCode = await main()
