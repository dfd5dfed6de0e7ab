import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { systemClock } from '../../drivers/clock.ts'
import { AggregateBook } from '../aggregates/book.ts'
import type { Config } from '../config.ts'
import { commandConfig } from '../config-file.ts'
import { identityOf } from '../identity.ts'
import { silentLog } from '../log.ts'
import { openStore } from '../store/open.ts'
import { figuresOnWire } from '../store/retention/figures.ts'
import { retentionLimits } from '../store/retention/limits.ts'
import { type StoreSurvey, surveyStore } from '../store/retention/survey.ts'
import type { Store } from '../store/store.ts'

const USAGE = `poincon retention [show] [--json]
poincon retention forget SINK
poincon retention rebuild

show      what is stored, how long room and flash will last, and what each sink has not got; the station may run
forget    gives up a sink that is not configured any more: what it has not got is kept for it no longer
rebuild   counts the sums by hour and day anew, from what is still in the log
forget and rebuild want the station to stand still. Beside a station that runs, name the sink in
store.retention.forget_sinks and start it anew. --config FILE names the station's configuration.
`

/** `poincon retention …`. Exit 0 done, 1 refused or not found, 2 wrong usage. */
export async function retentionCommand(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      config: { type: 'string', short: 'c' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  const [verb = 'show', sink, ...more] = positionals
  if (values.help) {
    process.stdout.write(USAGE)
    return 0
  }
  const { config } = commandConfig(values.config)
  if (more.length === 0) {
    if (verb === 'show' && sink === undefined) return await show(config, values.json)
    if (verb === 'forget' && sink !== undefined)
      return await withStore(config, (store) => forget(store, sink))
    if (verb === 'rebuild' && sink === undefined) return await withStore(config, rebuild)
  }
  process.stderr.write(USAGE)
  return 2
}

async function show(config: Config, json: boolean): Promise<number> {
  const survey = await surveyStore(join(config.data_dir, 'poincon.db'), retentionLimits(config.store))
  process.stdout.write(json ? `${JSON.stringify(onWire(survey))}\n` : asText(survey))
  return 0
}

function onWire({ figures, sinks, anchors, oldDevices }: StoreSurvey): object {
  return {
    ...figuresOnWire(figures),
    sinks: Object.fromEntries(sinks.map(({ name, backlog }) => [name, backlog])),
    anchors: anchors.map(({ base, position, hash, removedAt, broken }) => ({
      ...{ removed: position - base, hash, removed_at: removedAt },
      ...(broken === undefined ? {} : { broken }),
    })),
    old_heads: oldDevices.map(({ deviceId, samples, lastAt }) => ({
      ...{ device_id: deviceId, samples },
      ...(lastAt === undefined ? {} : { last_at: lastAt }),
    })),
  }
}

function asText({ figures, sinks, anchors }: StoreSurvey): string {
  const facts = Object.entries(figuresOnWire(figures)).map(([name, value]) => `${name}: ${value}`)
  const behind = sinks.map(({ name, backlog }) => `sink ${name}: ${backlog} not delivered`)
  const gone = anchors.map(({ base, position, removedAt, broken }) => {
    const held = broken === undefined ? 'every link held' : `broken at ${broken}`
    return `removed up to sequence ${position - base}, last at ${removedAt}: ${held}`
  })
  return `${[...facts, ...behind, ...gone].join('\n')}\n`
}

async function forget(store: Store, sink: string): Promise<number> {
  if (await store.forgetSink(sink)) {
    process.stdout.write(`${sink} is forgotten: nothing is kept for it any more\n`)
    return 0
  }
  const known = store.orphans().map(({ name }) => name)
  process.stderr.write(`${sink}: no such sink; known are ${known.join(', ') || 'none'}\n`)
  return 1
}

async function rebuild(store: Store): Promise<number> {
  const { replaced, kept } = await new AggregateBook(store.aggregates, systemClock).rebuild(store)
  process.stdout.write(`${replaced} sums counted anew, ${kept} kept: their inspections are gone in part\n`)
  return 0
}

async function withStore(config: Config, work: (store: Store) => Promise<number>): Promise<number> {
  const { deviceId } = identityOf(config)
  const store = await openStore({ dir: config.data_dir, deviceId, clock: systemClock, log: silentLog })
  try {
    return await work(store)
  } finally {
    await store.close()
  }
}
