import { dirname, join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { stringify } from 'yaml'
import { type Config, configSchema } from '../config.ts'
import { commandConfig, withoutSecrets } from '../config-file.ts'
import { identityOf } from '../identity.ts'
import { type Collected, writeBundle } from '../support/bundle.ts'
import { scrubber } from '../support/scrub.ts'
import { secretsOf } from '../support/secrets.ts'
import { type Section, sectionsOf } from '../support/sections.ts'
import { DEVICE_STATUS_FILE } from '../update-device.ts'
import { packageVersion } from '../version.ts'

const USAGE = `poincon support [--out FILE] [--parts N] [--days N] [--list] [--json] [--config FILE]

Packs what somebody needs who was not there, and nothing that is secret: the configuration without its secrets, doctor,
the state of station, store, update and machine, the newest inspections (--parts, default 20; 0 for none) and the log of
the last days (--days, default 3). --list says what would be packed, and packs nothing. The file is readable for you
alone; look into it before you send it: names of site, lots and recipes are in it.

Exit codes: 0 packed, also where parts of it could not be had · 1 nothing was packed · 2 wrong usage
`

/** `poincon support`: one file for whoever helps from afar. */
export async function supportCommand(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
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
  if (values.help) return say(USAGE, 0)
  const wrong =
    positionals.length > 0
      ? USAGE
      : (outside('--parts', values.parts, 200) ?? outside('--days', values.days, 90))
  if (wrong !== undefined) {
    process.stderr.write(wrong)
    return 2
  }
  const { config, file } = commandConfig(values.config)
  const sections = supportSections(config, file, { parts: Number(values.parts), days: Number(values.days) })
  if (values.list) return say(sections.map((one) => `${one.file.padEnd(20)}${one.about}\n`).join(''), 0)
  const device = identityOf(config).deviceId
  const at = new Date().toISOString()
  const out = resolve(values.out ?? `poincon-support-${device}-${at.replace(/[-:]|\.\d+/g, '')}.tar.gz`)
  const secrets = await secretsOf({
    schema: configSchema,
    config,
    folders: [config.data_dir, dirname(DEVICE_STATUS_FILE)],
  })
  const collected = await writeBundle({
    ...{ sections, out, scrub: scrubber(secrets) },
    about: { device_id: device, version: packageVersion(), at },
    progress: (one) => values.json || process.stderr.write(`${lineOf(one)}\n`),
  })
  return say(values.json ? `${JSON.stringify({ file: out, sections: collected })}\n` : `${out}\n`, 0)
}

function supportSections(
  config: Config,
  file: string,
  { parts, days }: { readonly parts: number; readonly days: number },
): readonly Section[] {
  const { host, port } = config.http
  const named = file === 'built-in defaults' ? [] : ['--config', file]
  const all = sectionsOf({
    api: `http://${host.includes(':') ? `[${host}]` : host}:${port}`,
    cli: { node: process.execPath, script: process.argv[1] ?? '', args: named },
    configuration: stringify(withoutSecrets(config)),
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
