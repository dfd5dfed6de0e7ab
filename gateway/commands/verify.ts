import { parseArgs } from 'node:util'
import { commandConfig } from '../config-file.ts'
import type { CheckpointAudit } from '../proof/checkpoint-audit.ts'
import { keyId, publicKeyIn, publicPem } from '../proof/device-key.ts'
import { architectureOf } from '../rejudge/architecture.ts'
import { Archive } from '../rejudge/archive.ts'
import { ChainWalk } from '../rejudge/chain-walk.ts'
import { Progress } from '../rejudge/progress.ts'
import {
  RequestError,
  type Selection,
  STRETCH_OPTIONS,
  type Stretch,
  selectionOf,
  stretchOf,
} from '../rejudge/range.ts'
import { Verifier } from '../rejudge/verify.ts'
import { followed } from '../rejudge/verify-chain.ts'
import { auditOf, checkpointsIn, type Witnesses } from '../rejudge/verify-checkpoints.ts'
import { VerifyReport } from '../rejudge/verify-report.ts'
import { packageVersion } from '../version.ts'

const USAGE = `poincon verify [--from T|SEQ] [--to T|SEQ] [--epoch ID] [--trust FILE…] [--published FILE…] [--json]
               [--config FILE]
poincon verify --key [--config FILE]

Follows the chain of hashes of the station's log, and derives every verdict anew from its raw data, recipe and
calibration; compares the chain with the checkpoints that the device signed. --key prints the public key that they are
checked with: keep it elsewhere, and say --trust FILE; --published FILE names checkpoints that were kept elsewhere.
T is a time (2026-03-01T08:00:00Z), SEQ a sequence of the epoch (default: the newest). Reads only; the
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
      ...STRETCH_OPTIONS,
      key: { type: 'boolean', default: false },
      trust: { type: 'string', multiple: true, default: [] },
      published: { type: 'string', multiple: true, default: [] },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  if (values.help) {
    process.stdout.write(USAGE)
    return 0
  }
  const { config } = commandConfig(values.config)
  try {
    if (values.key) return await printKey(config.data_dir)
    return await verifyLog(config.data_dir, stretchOf(values), values)
  } catch (error) {
    if (!(error instanceof RequestError)) throw error
    process.stderr.write(`${error.message}\n\n${USAGE}`)
    return 2
  }
}

async function printKey(dir: string): Promise<number> {
  const key = await publicKeyIn(dir)
  if (key === undefined) {
    process.stderr.write(`${dir}: no device key: it is made when the station starts (poincon run)\n`)
    return 1
  }
  process.stdout.write(publicPem(key))
  process.stderr.write(`key ${keyId(key)}\n`)
  return 0
}

interface Asked extends Witnesses {
  readonly json: boolean
}

async function verifyLog(dir: string, stretch: Stretch, { json, ...witnesses }: Asked): Promise<number> {
  const before = await checkpointsIn(dir)
  const archive = await Archive.open(dir)
  try {
    const selection = selectionOf(archive, stretch)
    const audit = await auditOf(archive, dir, witnesses, before)
    const report = await verified(archive, audit, selection, (line) => {
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
  audit: CheckpointAudit,
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
  const report = new VerifyReport(chain, audit, () => progress.perSecond)
  report.taken(selection, archive)
  for await (const entry of followed(archive, selection, { chain, audit })) {
    const line = report.add(entry, await verifier.verify(entry))
    if (line !== undefined) differing(line)
    progress.one()
  }
  return report
}
