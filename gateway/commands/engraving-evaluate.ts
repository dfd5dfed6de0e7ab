import { labelledPictures } from '../labelled-pictures.ts'
import { standingOf } from '../vision/decision.ts'
import { type Answer, type Evaluation, evaluate } from '../vision/evaluation.ts'
import type { Prototype } from '../vision/gallery.ts'
import type { Head } from '../vision/head.ts'
import { folderGallery, isEmpty, readable, type Tools } from './engraving-tools.ts'

export interface EvaluationAsked {
  /** Folders of pictures by symbol. */
  readonly gallery: string
  readonly queries: string
  /** Of symbols that the gallery has not. */
  readonly unknown: string | undefined
  /** A file that `train` has written: measured beside the prototypes alone. */
  readonly head: string | undefined
  readonly json: boolean
}

/** `poincon engraving evaluate`. @throws HeadError */
export async function evaluation(asked: EvaluationAsked, tools: Tools): Promise<number> {
  const { streams } = tools
  const { prototypes, head } = await folderGallery(asked.gallery, tools, asked.head)
  if (isEmpty(prototypes, streams)) return 1
  const alone = await measured(asked, { prototypes, head: undefined }, tools)
  const learnt = head === undefined ? undefined : await measured(asked, { prototypes, head }, tools)
  const symbols = new Set(prototypes.map(({ symbol }) => symbol)).size
  const outcome = {
    gallery: { symbols, prototypes: prototypes.length },
    ...alone,
    ...(learnt === undefined ? {} : { head: { symbols: head?.rows.size, ...learnt } }),
  }
  if (asked.json) streams.output.write(`${JSON.stringify(outcome)}\n`)
  else {
    streams.output.write(evaluationText(alone))
    if (learnt !== undefined) {
      streams.output.write(`with what was learnt of ${head?.rows.size} symbols\n${evaluationText(learnt)}`)
    }
  }
  return alone.queries === 0 ? 1 : 0
}

interface Tried {
  readonly prototypes: readonly Prototype[]
  readonly head: Head | undefined
}

async function measured(
  { queries, unknown }: EvaluationAsked,
  { prototypes, head }: Tried,
  tools: Tools,
): Promise<Evaluation> {
  tools.reading.reader.use(prototypes, head)
  const answers = await answersIn(queries, prototypes.length, tools)
  const strange = unknown === undefined ? [] : await answersIn(unknown, prototypes.length, tools)
  return evaluate(
    answers,
    strange.map(({ standing }) => standing),
  )
}

/** @param most candidates: all that there may be */
async function answersIn(
  folder: string,
  most: number,
  { reading: { reader, rule }, streams }: Tools,
): Promise<readonly Answer[]> {
  const answers: Answer[] = []
  for (const { symbol: truth, file } of await labelledPictures(folder)) {
    const found = await readable(file, streams)
    if (found === undefined) continue
    const { candidates } = await reader.match(found.picture, most)
    answers.push({ truth, candidates, standing: standingOf(candidates, rule) })
  }
  return answers
}

function evaluationText({ queries, top1, top3, confusions, unknown }: Evaluation): string {
  const lines = [`${queries} queries: top-1 ${percent(top1)}, top-3 ${percent(top3)}`]
  if (unknown !== undefined) {
    const { auroc, rejectedAt95, threshold } = unknown
    lines.push(
      `${unknown.queries} unknown: AUROC ${auroc.toFixed(4)}, ${percent(rejectedAt95)} turned away where 95 % of the known pass (${threshold.toFixed(3)})`,
    )
  }
  lines.push(
    ...confusions
      .slice(0, 20)
      .map(({ truth, answer, count }) => `${String(count).padStart(6)}  ${truth} taken for ${answer}`),
  )
  return `${lines.join('\n')}\n`
}

function percent(share: number): string {
  return `${(100 * share).toFixed(2)} %`
}
