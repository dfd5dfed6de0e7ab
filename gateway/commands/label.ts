import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { z } from 'zod'
import type { Config } from '../config.ts'
import { commandConfig } from '../config-file.ts'
import { lotId, lotRecord } from '../lot.ts'
import { inspectionMessage } from '../message.ts'
import { codePng, type Label, labelSvg, labelText } from '../proof/label.ts'
import { type Labelled, LabelTokens } from '../proof/label-token.ts'
import { replaceFile } from '../replace-file.ts'
import { openReader } from '../store/connections.ts'
import { readEpochs } from '../store/log/epochs.ts'
import { History } from '../store/log/history.ts'
import { DocumentReader } from '../store/registry/documents.ts'

const USAGE = `poincon label lot ID | part ID [--out FILE.svg|FILE.png|FILE.txt] [--url ADDRESS] [--config FILE]

A label with a code that leads to the history of a lot, or of one part (ID of its inspection): GET /t/<token>.
ADDRESS is this station as a phone reaches it (default: proof.label_url of the configuration). Without --out the label
is printed as text; .svg is a label of 90 × 34 mm, .png the code alone.

Exit codes: 0 done · 1 no such lot or part, or the station never started · 2 wrong usage
`

const printed = inspectionMessage.pick({
  timestamp: true,
  lot_id: true,
  recipe: true,
  verdict: true,
  sequence: true,
})

/** `poincon label …`. */
export async function labelCommand(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      config: { type: 'string', short: 'c' },
      out: { type: 'string', short: 'o' },
      url: { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  if (values.help) {
    process.stdout.write(USAGE)
    return 0
  }
  const labelled = labelledBy(positionals)
  const extension = values.out?.match(/\.(svg|png|txt)$/)?.[1]
  if (labelled === undefined || (values.out !== undefined && extension === undefined))
    return refused(USAGE, 2)
  const { config } = commandConfig(values.config)
  const address = values.url ?? config.proof.label_url
  if (address === undefined) {
    const local = `http://${config.http.host}:${config.http.port}`
    process.stderr.write(
      `proof.label_url is not set and --url not given: the code leads to ${local}, on this machine\n`,
    )
  }
  const base = z
    .url({ protocol: /^https?$/ })
    .safeParse(address ?? `http://${config.http.host}:${config.http.port}`)
  if (!base.success) return refused(`--url ${address}: expected http:// or https:// and a name\n`, 2)
  const label = await labelOf(config, labelled, base.data)
  if (typeof label === 'string') return refused(label, 1)
  if (values.out === undefined) process.stdout.write(labelText(label))
  else await replaceFile(values.out, await drawn(label, extension))
  return 0
}

function refused(text: string, code: number): number {
  process.stderr.write(text)
  return code
}

function labelledBy([kind, id, ...more]: readonly string[]): Labelled | undefined {
  if (more.length > 0) return undefined
  if (kind === 'lot' && lotId.safeParse(id).success && id !== undefined) return { kind, id }
  if (kind === 'part' && id !== undefined && z.uuid().safeParse(id).success)
    return { kind, id: id.toLowerCase() }
  return undefined
}

async function drawn(label: Label, extension: string | undefined): Promise<Uint8Array | string> {
  if (extension === 'png') return await codePng(label.url)
  return extension === 'svg' ? labelSvg(label) : labelText(label)
}

/** @returns what is wrong, where there is none to be made */
async function labelOf(config: Config, labelled: Labelled, base: string): Promise<Label | string> {
  const tokens = await LabelTokens.in(config.data_dir)
  if (tokens === undefined)
    return `${config.data_dir}: no label key: it is made when the station starts (poincon run)\n`
  const text = await textOf(config.data_dir, labelled)
  if (text === undefined) return `${labelled.kind} ${labelled.id}: there is none in ${config.data_dir}\n`
  const place = `${config.site} / ${config.line} / ${config.station}`
  return {
    title: text.title,
    lines: [...text.lines, place],
    url: `${base.replace(/\/+$/, '')}/t/${tokens.token(labelled)}`,
  }
}

async function textOf(dir: string, { kind, id }: Labelled): Promise<Omit<Label, 'url'> | undefined> {
  const database = await openReader(join(dir, 'poincon.db'))
  try {
    if (kind === 'lot') {
      const found = await new DocumentReader(database).get('lot', id)
      return found === undefined ? undefined : lotText(lotRecord.parse(found.value))
    }
    const history = await History.over(database, await readEpochs(database))
    const entry = await history.byId(id)
    return entry === undefined ? undefined : partText(printed.parse(JSON.parse(entry.payload)))
  } finally {
    await database.close()
  }
}

function lotText({ id, recipe, started_at, closed_at }: z.infer<typeof lotRecord>): Omit<Label, 'url'> {
  const made = [started_at, closed_at].map((at) => at?.slice(0, 10)).filter((day) => day !== undefined)
  return { title: id, lines: [`${recipe.id} r${recipe.revision}`, [...new Set(made)].join(' – ')] }
}

function partText({
  lot_id,
  recipe,
  verdict,
  timestamp,
  sequence,
}: z.infer<typeof printed>): Omit<Label, 'url'> {
  const grade = verdict.kind === 'graded' ? verdict.grade : '–'
  return {
    title: `${lot_id}  #${sequence}`,
    lines: [`${recipe.id} r${recipe.revision}`, `${grade}  ${timestamp.slice(0, 16).replace('T', ' ')} UTC`],
  }
}
