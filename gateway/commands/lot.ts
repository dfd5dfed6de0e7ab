import { userInfo } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { askStation } from '../command-client.ts'
import type { Config } from '../config.ts'
import { commandConfig } from '../config-file.ts'
import { gatewayRuns } from '../doctor/machine.ts'
import { type LotRecord, lotRecord } from '../lot.ts'
import { openReader } from '../store/connections.ts'
import { DocumentReader } from '../store/registry/documents.ts'

const USAGE = `poincon lot list [--limit N] [--json]
poincon lot show ID [--json]
poincon lot start ID [--by NAME]
poincon lot close [--next ID] [--by NAME]

A lot is what was made together; its totals are counted from the log. start and close ask the station that
runs with this configuration (--config FILE); list and show read its data directory, whether it runs or not.
`
const MOST = 10_000

type Values = ReturnType<typeof parsed>['values']

function parsed(args: readonly string[]) {
  return parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      config: { type: 'string', short: 'c' },
      by: { type: 'string', default: userInfo().username },
      next: { type: 'string' },
      limit: { type: 'string', default: '20' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
}

/** `poincon lot …`. Exit 0 done, 1 refused or not found, 2 wrong usage. */
export function lotCommand(args: readonly string[]): Promise<number> {
  const { values, positionals } = parsed(args)
  const [verb, id, ...more] = positionals
  if (values.help) {
    process.stdout.write(USAGE)
    return Promise.resolve(0)
  }
  const limit = Number(values.limit)
  if (!(Number.isInteger(limit) && limit >= 1 && limit <= MOST)) {
    return wrongUsage(`poincon lot: --limit ${values.limit}: expected 1 to ${MOST}\n`)
  }
  const { config } = commandConfig(values.config)
  if (more.length > 0) return wrongUsage(USAGE)
  if (verb === 'list' && id === undefined) return list(config, limit, values)
  if (verb === 'show' && id !== undefined) return show(config, id, values)
  if (verb === 'start' && id !== undefined) return ask(config, 'lot/start', { lot_id: id, by: values.by })
  if (verb === 'close' && id === undefined) {
    const { next, by } = values
    return ask(config, 'lot/close', { by, ...(next === undefined ? {} : { next }) })
  }
  return wrongUsage(USAGE)
}

function wrongUsage(text: string): Promise<number> {
  process.stderr.write(text)
  return Promise.resolve(2)
}

async function ask(config: Config, command: string, payload: object): Promise<number> {
  if (!(await gatewayRuns(config))) {
    process.stderr.write(`no gateway runs with ${config.data_dir}: start it first (poincon run)\n`)
    return 1
  }
  const answer = await askStation(config, command, payload)
  process.stdout.write(`${JSON.stringify(answer)}\n`)
  return 0
}

async function list(config: Config, limit: number, { json }: Values): Promise<number> {
  const lots = await reading(config, (documents) => documents.newest('lot', limit))
  for (const { value } of lots) {
    const lot = lotRecord.parse(value)
    process.stdout.write(json ? `${JSON.stringify(lot)}\n` : `${oneLine(lot)}\n`)
  }
  if (lots.length === 0 && !json) process.stdout.write('no lots yet\n')
  return 0
}

async function show(config: Config, id: string, { json }: Values): Promise<number> {
  const found = await reading(config, (documents) => documents.get('lot', id))
  if (found === undefined) {
    process.stderr.write(`lot ${id}: there is none in ${config.data_dir}\n`)
    return 1
  }
  const lot = lotRecord.parse(found.value)
  process.stdout.write(json ? `${JSON.stringify(lot)}\n` : wholeLot(lot))
  return 0
}

async function reading<T>(
  { data_dir: dir }: Config,
  read: (documents: DocumentReader) => Promise<T>,
): Promise<T> {
  const database = await openReader(join(dir, 'poincon.db'))
  try {
    return await read(new DocumentReader(database))
  } finally {
    await database.close()
  }
}

function oneLine({ id, started_at: from, closed_at: to, totals: { parts, actions } }: LotRecord): string {
  const state = to === undefined ? 'open' : `closed ${to}`
  return `${id.padEnd(24)} ${from}  ${state.padEnd(31)} ${parts} parts, ${actions.accept} accepted, ${actions.reject} rejected, ${actions.hold} held`
}

function wholeLot(lot: LotRecord): string {
  const { totals, recipe } = lot
  const share = (count: number): string =>
    totals.parts === 0 ? '' : `  ${((100 * count) / totals.parts).toFixed(1)} %`
  const rows = [
    ['lot', lot.id],
    ['recipe', `${recipe.id} revision ${recipe.revision}`],
    ['started', `${lot.started_at} by ${lot.started_by}`],
    ['closed', lot.closed_at === undefined ? 'no' : `${lot.closed_at} by ${lot.closed_by ?? 'unnamed'}`],
    ['parts', String(totals.parts)],
    ...Object.entries(totals.actions).map(([action, count]) => [action, `${count}${share(count)}`]),
    ...Object.entries(totals.grades).map(([grade, count]) => [`grade ${grade}`, `${count}${share(count)}`]),
    ['ungraded', `${totals.ungraded}${share(totals.ungraded)}`],
    ['overridden', String(totals.overridden)],
    ['accepted mass', `${(totals.mass_g / 1000).toFixed(3)} kg of ${totals.mass_parts} parts`],
    ...Object.entries(totals.reasons)
      .sort(([, a], [, b]) => b - a)
      .map(([reason, count]) => [`because ${reason}`, String(count)]),
  ]
  return rows.map(([name = '', value = '']) => `${name.padEnd(28)} ${value}\n`).join('')
}
