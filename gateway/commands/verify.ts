import { parseArgs } from 'node:util'
import { loadConfig } from '../config-file.ts'
import { architectureOf } from '../rejudge/architecture.ts'
import { Archive } from '../rejudge/archive.ts'
import { ChainWalk } from '../rejudge/chain-walk.ts'
import { Progress } from '../rejudge/progress.ts'
import { RequestError, type Selection, type Stretch, selectionOf, stretchOf } from '../rejudge/range.ts'
import { Verifier } from '../rejudge/verify.ts'
import { VerifyReport } from '../rejudge/verify-report.ts'
import { packageVersion } from '../version.ts'

const USAGE = `poincon verify [--from T|SEQ] [--to T|SEQ] [--epoch ID] [--json] [--config FILE]

Follows the chain of hashes of the station's log, and derives every verdict anew from its raw data, recipe and
calibration. T is a time (2026-03-01T08:00:00Z), SEQ a sequence of the epoch (default: the newest). Reads only; the
station may run meanwhile.

Exit codes: 0 all that can be verified is as it was stored · 1 something differs, or nothing can be read
            2 wrong usage
`

/** `poincon verify`: whether the log still says what the parts were, and why. */
export async function verifyCommand(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      config: { type: 'string', short: 'c' },
      from: { type: 'string' },
      to: { type: 'string' },
      epoch: { type: 'string' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  if (values.help) {
    process.stdout.write(USAGE)
    return 0
  }
  const { config } = loadConfig({
    ...(values.config === undefined ? {} : { file: values.config }),
    env: process.env,
    cwd: process.cwd(),
  })
  try {
    return await verifyLog(config.data_dir, stretchOf(values), values.json)
  } catch (error) {
    if (!(error instanceof RequestError)) throw error
    process.stderr.write(`${error.message}\n\n${USAGE}`)
    return 2
  }
}

async function verifyLog(dir: string, stretch: Stretch, json: boolean): Promise<number> {
  const archive = await Archive.open(dir)
  try {
    const selection = selectionOf(archive, stretch)
    const report = await verified(archive, selection, (line) => {
      if (json) process.stdout.write(`${JSON.stringify(line)}\n`)
    })
    if (report.inspections === 0) {
      const which = archive.end === 0 ? 'the log is empty' : 'nothing in this stretch of the log'
      process.stderr.write(`${archive.file}: ${which}: there is nothing to verify\n`)
      return 1
    }
    process.stdout.write(json ? `${JSON.stringify(report.summary())}\n` : `${report.toString()}\n`)
    return report.sound ? 0 : 1
  } finally {
    await archive.close()
  }
}

async function verified(
  archive: Archive,
  selection: Selection,
  differing: (line: object) => void,
): Promise<VerifyReport> {
  const chain = new ChainWalk(archive)
  const verifier = new Verifier(archive, {
    software: packageVersion(),
    architecture: architectureOf(process),
  })
  const progress = new Progress({
    what: 'inspections',
    total: Math.max(0, Math.min(selection.end, archive.end) - Math.max(selection.begin, archive.begin) + 1),
    now: () => performance.now(),
    say: (line) => process.stderr.write(`${line}\n`),
  })
  const report = new VerifyReport(chain, () => progress.perSecond)
  report.taken(selection, archive)
  for await (const entry of archive.entries(selection.begin)) {
    if (entry.position > selection.end) break
    if (!selection.includes(entry.payload)) continue
    await chain.follow(entry)
    const line = report.add(entry, await verifier.verify(entry))
    if (line !== undefined) differing(line)
    progress.one()
  }
  return report
}
