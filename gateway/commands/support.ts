import { dirname, join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { configSchema } from '../config.ts'
import { identityOf } from '../identity.ts'
import { type Collected, writeBundle } from '../support/bundle.ts'
import { scrubber } from '../support/scrub.ts'
import { secretsOf } from '../support/secrets.ts'
import { type Section, sectionsOf } from '../support/sections.ts'
import { type StationFacts, stationFacts } from '../support/station-facts.ts'
import { DEVICE_STATUS_FILE } from '../update-device.ts'
import { packageVersion } from '../version.ts'

const USAGE = `poincon support [--out FILE] [--parts N] [--days N] [--list] [--json] [--config FILE]

Packs what somebody needs who was not there, and nothing that is secret: the configuration without its secrets, doctor,
the state of station, store, update and machine, the newest inspections (--parts, default 20; 0 for none) and the log of
the last days (--days, default 3). --list says what would be packed, and packs nothing. The file is readable for you
alone; look into it before you send it: names of site, lots and recipes are in it. With a wrong configuration what can
be had is packed, with its keys and the values that are surely no secret. manifest.json says what is missing, and of which
secrets nobody could look whether they stand in it.

Exit codes: 0 packed, also where parts of it could not be had · 1 nothing was packed · 2 wrong usage
`

type Values = ReturnType<typeof parsed>['values']

function parsed(args: readonly string[]) {
  return parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      config: { type: 'string', short: 'c' },
      out: { type: 'string', short: 'o' },
      parts: { type: 'string', default: '20' },
      days: { type: 'string', default: '3' },
      list: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
}

/** `poincon support`: one file for whoever helps from afar. */
export async function supportCommand(args: readonly string[]): Promise<number> {
  const { values, positionals } = parsed(args)
  if (values.help) return say(USAGE, 0)
  const wrong =
    positionals.length > 0
      ? USAGE
      : (outside('--parts', values.parts, 200) ?? outside('--days', values.days, 90))
  if (wrong !== undefined) {
    process.stderr.write(wrong)
    return 2
  }
  const facts = stationFacts(values.config)
  const sections = supportSections(facts, { parts: Number(values.parts), days: Number(values.days) })
  if (values.list) return say(sections.map((one) => `${one.file.padEnd(20)}${one.about}\n`).join(''), 0)
  return await pack(facts, sections, values)
}

async function pack(
  facts: StationFacts,
  sections: readonly Section[],
  values: Pick<Values, 'out' | 'json'>,
): Promise<number> {
  const { config } = facts
  const device = identityOf(config).deviceId
  const at = new Date().toISOString()
  const out = resolve(values.out ?? `poincon-support-${device}-${at.replace(/[-:]|\.\d+/g, '')}.tar.gz`)
  const { secrets, unread } = await secretsOf({
    schema: configSchema,
    config: facts.values,
    folders: [config.data_dir, dirname(DEVICE_STATUS_FILE)],
  })
  const scrub = scrubber([...secrets, ...facts.hidden])
  const trouble = {
    ...(facts.error === undefined ? {} : { configuration_error: scrub(facts.error) }),
    ...(unread.length === 0 ? {} : { secrets_not_searched_for: unread }),
  }
  const collected = await writeBundle({
    ...{ sections, out, scrub },
    about: { device_id: device, version: packageVersion(), at, configuration: facts.file, ...trouble },
    progress: (one) => values.json || process.stderr.write(`${lineOf(one)}\n`),
  })
  for (const line of troubleLines(trouble)) process.stderr.write(`poincon support: ${line}\n`)
  return say(
    values.json ? `${JSON.stringify({ file: out, ...trouble, sections: collected })}\n` : `${out}\n`,
    0,
  )
}

function troubleLines({
  configuration_error: error,
  secrets_not_searched_for: unread = [],
}: {
  readonly configuration_error?: string
  readonly secrets_not_searched_for?: readonly string[]
}): readonly string[] {
  return [
    ...(error === undefined
      ? []
      : [`the configuration is wrong, only what may be told of it is packed: ${error}`]),
    ...unread.map((one) => `look for the secret of this file yourself, nobody could read it: ${one}`),
  ]
}

function supportSections(
  { config, file, shown }: StationFacts,
  { parts, days }: { readonly parts: number; readonly days: number },
): readonly Section[] {
  const { host, port } = config.http
  const named = file === 'built-in defaults' ? [] : ['--config', file]
  const all = sectionsOf({
    api: `http://${host.includes(':') ? `[${host}]` : host}:${port}`,
    cli: { node: process.execPath, script: process.argv[1] ?? '', args: named },
    configuration: shown,
    files: new Map([
      [
        'update-status.json',
        { path: join(config.update.dir, 'status.json'), about: 'what the updater does' },
      ],
      ['updates.ndjson', { path: join(config.update.dir, 'updates.ndjson'), about: 'every update so far' }],
      [
        'update-journal.txt',
        { path: join(config.update.dir, 'journal'), about: 'the update in hand, step by step' },
      ],
      ['device.json', { path: DEVICE_STATUS_FILE, about: 'how the device’s certificate stands' }],
    ]),
    ...{ parts, days },
  })
  return parts === 0 ? all.filter((one) => one.file !== 'inspections.json') : all
}

function outside(option: string, text: string, most: number): string | undefined {
  const value = Number(text)
  const fine = /^\d+$/.test(text) && value <= most
  return fine ? undefined : `poincon support: ${option} ${text}: expected 0 to ${most}\n`
}

function lineOf({ file, bytes, missing }: Collected): string {
  return missing === undefined ? `${file}: ${bytes} bytes` : `${file}: not there: ${missing}`
}

function say(text: string, code: number): number {
  process.stdout.write(text)
  return code
}
