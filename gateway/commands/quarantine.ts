import { userInfo } from 'node:os'
import { parseArgs } from 'node:util'
import { z } from 'zod'
import { askStation } from '../command-client.ts'
import type { Config } from '../config.ts'
import { commandConfig } from '../config-file.ts'
import { gatewayRuns } from '../doctor/machine.ts'
import { type QuarantineRecord, quarantineKey, summaryOf } from '../quarantine-record.ts'
import { changeQuarantine, readQuarantine } from '../quarantine-shelf.ts'

const USAGE = `poincon quarantine list [--sink NAME] [--json]
poincon quarantine send [ID…] [--sink NAME] [--by NAME]
poincon quarantine drop (ID… | --sink NAME) [--by NAME]

What a receiver refuses for good is set aside, so that it holds up nothing behind it. list shows what and why; send
tries it again (a station that does not run tries it when it starts); drop gives it up for that receiver: it stays in
the log. ID is that of the inspection. --config FILE names the configuration.

Exit codes: 0 done · 1 refused again, still waiting, or not found · 2 wrong usage
`

const resent = z.object({ refused: z.int(), waiting: z.int() })

type Values = ReturnType<typeof parsed>['values']

function parsed(args: readonly string[]) {
  return parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      config: { type: 'string', short: 'c' },
      sink: { type: 'string' },
      by: { type: 'string', default: userInfo().username },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
}

/** `poincon quarantine …`. */
export async function quarantineCommand(args: readonly string[]): Promise<number> {
  const { values, positionals } = parsed(args)
  const [verb, ...ids] = positionals
  if (values.help) {
    process.stdout.write(USAGE)
    return 0
  }
  const known =
    (verb === 'list' && ids.length === 0) ||
    verb === 'send' ||
    (verb === 'drop' && (ids.length > 0 || values.sink !== undefined))
  if (!known) {
    process.stderr.write(USAGE)
    return 2
  }
  const { config } = commandConfig(values.config)
  const meant = (await readQuarantine(config.data_dir))
    .filter(({ sink }) => values.sink === undefined || sink === values.sink)
    .filter(({ id }) => ids.length === 0 || ids.includes(id))
  if (verb === 'list') return list(meant, values)
  const missing = ids.find((id) => !meant.some((record) => record.id === id))
  if (missing !== undefined) {
    process.stderr.write(
      `${missing}: it is not set aside${values.sink === undefined ? '' : ` for ${values.sink}`}\n`,
    )
    return 1
  }
  return verb === 'send' ? send(config, meant, values) : drop(config, meant, values)
}

function list(records: readonly QuarantineRecord[], { json }: Values): number {
  for (const record of records) {
    const { sink, sequence, id, at, attempts, reason, state } = record
    const again = state === 'wanted' ? ', to be sent again' : ''
    const line = `${sink.padEnd(12)} ${String(sequence).padStart(9)}  ${id}  ${at}  ${attempts} times${again}: ${reason}`
    process.stdout.write(`${json ? JSON.stringify(summaryOf(record)) : line}\n`)
  }
  if (records.length === 0 && !json) process.stdout.write('nothing is set aside\n')
  return 0
}

async function send(config: Config, meant: readonly QuarantineRecord[], { by }: Values): Promise<number> {
  if (meant.length === 0) return 0
  if (!(await gatewayRuns(config))) {
    const count = await changeQuarantine(config.data_dir, keysOf(meant), { state: 'wanted' })
    process.stdout.write(`${count} will be sent when the station starts\n`)
    return 0
  }
  const answer = await eachSink(config, 'quarantine/send', { meant, by })
  const open = answer.some((one) => resent.parse(one).refused + resent.parse(one).waiting > 0)
  return open ? 1 : 0
}

async function drop(config: Config, meant: readonly QuarantineRecord[], { by }: Values): Promise<number> {
  if (!(await gatewayRuns(config))) {
    const at = new Date().toISOString()
    const count = await changeQuarantine(config.data_dir, keysOf(meant), { state: 'dropped', at, by })
    process.stdout.write(`${count} dropped\n`)
    return 0
  }
  await eachSink(config, 'quarantine/drop', { meant, by })
  return 0
}

function keysOf(records: readonly QuarantineRecord[]): ReadonlySet<string> {
  return new Set(records.map(quarantineKey))
}

/** Ids in one command: each costs the station a sync, and it has 30 s to answer. */
const AT_ONCE = 200

/** Asks the station for what was found, and for nothing that came meanwhile. */
async function eachSink(
  config: Config,
  command: string,
  { meant, by }: { readonly meant: readonly QuarantineRecord[]; readonly by: string },
): Promise<readonly unknown[]> {
  const answers: unknown[] = []
  for (const sink of new Set(meant.map((record) => record.sink))) {
    const ids = meant.filter((record) => record.sink === sink).map(({ id }) => id)
    for (let from = 0; from < ids.length; from += AT_ONCE) {
      const answer = await askStation(config, command, { sink, ids: ids.slice(from, from + AT_ONCE), by })
      process.stdout.write(`${JSON.stringify({ sink, answer })}\n`)
      answers.push(answer)
    }
  }
  return answers
}
