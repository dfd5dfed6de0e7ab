import { z } from 'zod'
import type { Log } from './log.ts'
import { CommandError, type CommandHandler } from './mqtt/commands.ts'
import type { Quarantine } from './quarantine.ts'

const choice = {
  sink: z.string().min(1).max(64).optional().describe('Of this receiver; absent: of all.'),
  ids: z
    .array(z.string().min(1).max(64))
    .min(1)
    .max(1000)
    .optional()
    .describe('Ids of inspections; absent: all that are set aside.'),
  by: z.string().min(1).max(128).default('unnamed').describe('Who asks, for the log.'),
}
const sendPayload = z.strictObject(choice)
const dropPayload = z
  .strictObject(choice)
  .refine(({ sink, ids }) => sink !== undefined || ids !== undefined, {
    path: ['ids'],
    error: 'expected ids or sink: dropping all that any receiver refused is not offered',
  })

/** What each command of the quarantine takes. */
export const quarantinePayloads = { 'quarantine/send': sendPayload, 'quarantine/drop': dropPayload } as const

/** The commands of the quarantine, by name as in the topic. */
export function quarantineCommands(
  quarantine: Pick<Quarantine, 'list' | 'send' | 'drop'>,
  log: Log,
): Readonly<Record<keyof typeof quarantinePayloads, CommandHandler>> {
  const expectSome = (meant: {
    readonly sink?: string | undefined
    readonly ids?: readonly string[] | undefined
  }): void => {
    const found = quarantine.list(meant).map(({ id }) => id)
    const missing = meant.ids?.find((id) => !found.includes(id))
    if (missing !== undefined) throw new CommandError(`ids: ${missing}: it is not set aside`)
  }
  return {
    'quarantine/send': async (payload) => {
      const { by, ...meant } = sendPayload.parse(payload)
      expectSome(meant)
      const resent = await quarantine.send(meant)
      log.info({ ...meant, ...resent, by }, 'quarantine sent')
      return resent
    },
    'quarantine/drop': async (payload) => {
      const { by, ...meant } = dropPayload.parse(payload)
      expectSome(meant)
      const dropped = await quarantine.drop(meant, by)
      log.warn({ ...meant, dropped, by }, 'quarantine dropped')
      return { dropped }
    },
  }
}
