import { checkGolden } from '../golden.ts'
import type { GoldenTolerances } from '../golden-options.ts'
import { type GoldenLook, goldenLookOf, goldenStatistics } from '../golden-statistics.ts'
import type { Judgement } from '../inspection.ts'
import type { Bench } from './bench.ts'
import { originOf, type Taking } from './origin.ts'
import { CalibrationRefused } from './refused.ts'
import type { GoldenCheckRow, GoldenRow, Stage } from './rows.ts'

/** What a golden part is measured by. */
export interface GoldenBench {
  readonly bench: Bench
  /** One look at what lies under the heads, judged as parts are. */
  readonly look: () => Promise<Judgement>
  /** The recipe that judges. */
  readonly recipe: { readonly id: string; readonly stage: Stage }
  /** Resolves when the part was put down once more; false: nobody did. */
  readonly placed: (placement: number) => Promise<boolean>
}

export interface GoldenTaking extends Taking {
  readonly part: string
  readonly looks: number
  readonly placements: number
}

/** Measures what a golden part is from now on compared with. @throws SensorError, RangeError, CalibrationRefused */
export async function defineGolden(golden: GoldenBench, taking: GoldenTaking): Promise<GoldenRow> {
  const values = goldenStatistics(await placementsOf(golden, taking))
  if (Object.keys(values).length === 0) throw new CalibrationRefused('nothing of the part could be measured')
  const { part, looks, placements } = taking
  const { id: recipe, stage } = golden.recipe
  const origin = originOf(golden.bench, taking)
  return { kind: 'golden', ...origin, part, recipe, stage, looks, placements, values }
}

/**
 * Measures a golden part again. That it is out of tolerance is a result, and no error.
 * @throws SensorError, RangeError; CalibrationRefused where no part lies there
 */
export async function checkGoldenPart(
  golden: GoldenBench,
  taking: GoldenTaking,
  compared: { readonly reference: GoldenRow; readonly tolerances: GoldenTolerances },
): Promise<GoldenCheckRow> {
  const { part, looks, placements } = taking
  const { reference, tolerances } = compared
  const values = goldenStatistics(await placementsOf(golden, taking))
  const result = checkGolden(reference, { values, looks, placements }, tolerances)
  const { id: recipe, stage } = golden.recipe
  const origin = originOf(golden.bench, taking)
  const findings = [...result.findings]
  return {
    kind: 'golden-check',
    ...origin,
    part,
    recipe,
    stage,
    looks,
    reference: reference.id,
    decision: result.decision,
    findings,
  }
}

async function placementsOf(
  { look, placed }: GoldenBench,
  { looks, placements }: GoldenTaking,
): Promise<readonly (readonly GoldenLook[])[]> {
  const all: GoldenLook[][] = []
  for (let placement = 1; placement <= placements; placement += 1) {
    if (!(await placed(placement))) throw new CalibrationRefused('it was not finished')
    const row: GoldenLook[] = []
    while (row.length < looks) {
      const judgement = await look()
      const { verdict } = judgement
      const values = goldenLookOf(judgement)
      if (Object.keys(values).length === 0) {
        const why = verdict.kind === 'ungraded' ? verdict.reasons.join(', ') : 'nothing was measured'
        throw new CalibrationRefused(`the part cannot be measured: ${why}`)
      }
      row.push(values)
    }
    all.push(row)
  }
  return all
}
