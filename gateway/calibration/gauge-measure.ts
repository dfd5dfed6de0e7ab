import type { GaugeReading } from '../analysis/gauge-anova.ts'
import { goldenLookOf } from '../golden-statistics.ts'
import { CalibrationRefused } from './refused.ts'
import type { GoldenValue } from './rows.ts'
import { judgingBench, type Workbench } from './workbench.ts'

/** A study to be measured on the station itself. */
export interface GaugePlan {
  readonly parts: number
  readonly operators: number
  readonly repeats: number
  readonly quantity: GoldenValue
}

/**
 * Asks for every part in turn, by every operator, as often as wanted: repeats come after all parts, so that nobody
 * remembers what the one before gave (AIAG MSA 4th edition, chapter III section B, conducting the study).
 * @throws CalibrationRefused where a part cannot be measured; SensorError
 */
export async function measureGauge(plan: GaugePlan, workbench: Workbench): Promise<readonly GaugeReading[]> {
  const { parts, operators, repeats, quantity } = plan
  const { open, person, hardware } = workbench
  const bench = await open()
  try {
    const { look } = await judgingBench(workbench, bench)
    // On a simulated belt the parts come round in the same order.
    hardware.line?.repeat(parts)
    const readings: GaugeReading[] = []
    for (let repeat = 1; repeat <= repeats; repeat += 1) {
      for (let operator = 1; operator <= operators; operator += 1) {
        for (let part = 1; part <= parts; part += 1) {
          hardware.line?.next()
          const request = `Operator ${operator}, repeat ${repeat} of ${repeats}: put part ${part} under the heads.`
          if (!(await person.ready(request))) throw new CalibrationRefused('it was not finished')
          const judgement = await look()
          const value = goldenLookOf(judgement)[quantity]
          if (value === undefined) {
            const { verdict } = judgement
            const why =
              verdict.kind === 'ungraded' ? verdict.reasons.join(', ') : 'the recipe does not measure it'
            throw new CalibrationRefused(`part ${part}, operator ${operator}: no ${quantity}: ${why}`)
          }
          readings.push({ part: `${part}`, operator: `${operator}`, value })
        }
      }
    }
    return readings
  } finally {
    await bench.close()
  }
}
