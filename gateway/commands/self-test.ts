import { once } from 'node:events'
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { systemClock } from '../../drivers/clock.ts'
import type { Content } from '../content.ts'
import type { Check, SelfTestReport } from '../self-test/report.ts'
import { selfTest } from '../self-test/self-test.ts'
import { packageVersion } from '../version.ts'

const USAGE = `poincon self-test [--config FILE] [--data-dir DIR] [--scratch DIR] [--parts N] [--json]
                 [--with KIND/NAME/VERSION=FOLDER]

Whether this release can take the place of one that runs on the same configuration and data directory: reads its
configuration, brings a copy of its store forward, loads the networks where there is a camera, judges the last N parts
(default 50) again and names those whose verdict is another, loads its own updater. Touches no bus, listens nowhere,
writes only below DIR of --scratch (default: the system's folder for temporary files) and removes it again.
--with tries only that: a configuration, model, firmware or flow that is not in force yet, as it lies in FOLDER.

Exit codes: 0 it can, also where verdicts differ · 1 it cannot · 2 wrong usage
`
/** Parts that a person waits for on a Raspberry Pi: a minute at most. */
const DEFAULT_PARTS = 50
const MOST_PARTS = 1000

/** `poincon self-test`: asked of the new release while the old one inspects. */
export async function selfTestCommand(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      config: { type: 'string', short: 'c' },
      'data-dir': { type: 'string' },
      scratch: { type: 'string' },
      parts: { type: 'string', default: String(DEFAULT_PARTS) },
      with: { type: 'string' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  const parts = Number(values.parts)
  const sensible = /^\d{1,4}$/.test(values.parts) && parts >= 1 && parts <= MOST_PARTS
  const candidate = candidateOf(values.with)
  if (values.help || !sensible || candidate === 'wrong') {
    const problem = sensible
      ? `--with ${values.with}: expected KIND/NAME/VERSION=FOLDER\n\n`
      : `--parts ${values.parts}: expected a whole number from 1 to ${MOST_PARTS}\n\n`
    process[values.help ? 'stdout' : 'stderr'].write(values.help ? USAGE : problem + USAGE)
    return values.help ? 0 : 2
  }
  const { config: file, 'data-dir': dataDir, scratch } = values
  const report = await selfTest({
    ...{ dataDir, scratch, parts, candidate, version: packageVersion(), clock: systemClock },
    sources: { ...(file === undefined ? {} : { file }), env: process.env, cwd: process.cwd() },
    models: fileURLToPath(new URL('../../../models/', import.meta.url)),
    updater: fileURLToPath(new URL('../../provisioning/main.js', import.meta.url)),
  })
  await print(values.json ? `${JSON.stringify(report)}\n` : textOf(report))
  const code = report.passed ? 0 : 1
  // A check that took too long may still be at work, and would keep the process.
  if (!report.passed) process.exit(code)
  return code
}

function candidateOf(text: string | undefined): Content | undefined | 'wrong' {
  if (text === undefined) return undefined
  const [, kind, name, version, folder] =
    /^([a-z-]+)\/([a-z0-9_-]+)\/([0-9A-Za-z.-]+)=(.+)$/s.exec(text) ?? []
  if (kind === undefined || name === undefined || version === undefined || folder === undefined)
    return 'wrong'
  return { kind, name, version, folder: resolve(folder) }
}

async function print(text: string): Promise<void> {
  if (!process.stdout.write(text)) await once(process.stdout, 'drain')
}

function textOf(report: SelfTestReport): string {
  const { version, passed, checks, differing } = report
  const verdicts = differing.map(
    ({ sequence, before, after }) => `            sequence ${sequence}: ${before} → ${after}`,
  )
  const changes = (report.changes ?? []).map(
    ({ key, before = '–', after = '–', kept }) =>
      `            ${key}: ${before} → ${after}${kept ? ' (kept)' : ''}`,
  )
  const said = passed ? 'can take the place of the release that runs' : 'cannot take its place'
  return `${[`poincon ${version}`, ...checks.map(line), ...verdicts, ...changes, said].join('\n')}\n`
}

function line({ name, passed, detail, ms }: Check): string {
  return `${passed ? 'ok     ' : 'FAILED '} ${name.padEnd(13)} ${detail} (${ms} ms)`
}
