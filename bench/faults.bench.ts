/**
 * The faults a head can have, each with the time until it is named and until the head measures again, in ms of a
 * virtual clock: the same scenarios, and the same limits, as the tests.
 *   node dist/bench/faults.bench.js
 */
import { type Observation, observe } from '../test/drivers/faults/observe.ts'
import { SCENARIOS, type Scenario } from '../test/drivers/faults/scenarios.ts'

const COLUMNS = [
  'fault named',
  'detected',
  'limit',
  'back after',
  'limit',
  'openings',
  'lines',
  'other head',
  'overdue',
]
const WIDTHS = [12, 9, 6, 11, 7, 9, 6, 14, 8]

function row(name: string, cells: readonly string[]): string {
  return name.padEnd(58) + cells.map((cell, i) => cell.padStart(WIDTHS[i] ?? 10)).join('')
}

function ms(value: number | undefined): string {
  return value === undefined || !Number.isFinite(value) ? '–' : value.toFixed(0)
}

function cells(scenario: Scenario, seen: Observation): readonly string[] {
  const cured = scenario.fault === undefined
  return [
    scenario.fault ?? 'cured',
    cured ? '–' : ms(seen.detectedMs),
    cured ? '–' : ms(scenario.detectMs),
    ms(seen.recoveredMs),
    ms(scenario.recoverMs),
    `${seen.openedAt.length}/${scenario.openings}`,
    `${seen.warnings.length}/${scenario.warnings}`,
    `${seen.other.perSecond.toFixed(2)} Hz −${seen.other.missed}`,
    ms(seen.overdueMs),
  ]
}

console.log(
  'ms; openings and warnings in the log: seen/at most; other head: its rate, frames missed; overdue: what a caller waited past its deadline',
)
for (const chip of ['vl53l8ch', 'as7341'] as const) {
  console.log(row(`\n${chip}`, COLUMNS))
  for (const scenario of SCENARIOS.filter(({ chips }) => chips.includes(chip))) {
    console.log(row(scenario.name, cells(scenario, await observe(chip, scenario))))
  }
}
