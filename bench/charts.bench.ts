/**
 * What a control chart costs a part over ten million of them: processor time and growth of the heap, beside a bare
 * running mean. The limit is constant memory: a chart after the last part holds what it held after the first thousand.
 *   node dist/bench/charts.bench.js [PARTS]     default 10000000
 */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { Random } from '../drivers/simulated/random.ts'
import { type ChartPlan, ControlChart } from '../gateway/analysis/charts/chart.ts'
import { ChartSet } from '../gateway/analysis/charts/chart-set.ts'
import { chartsOptions } from '../gateway/analysis/charts/options.ts'
import { NELSON, WESTERN_ELECTRIC } from '../gateway/analysis/charts/rules.ts'
import type { Judgement } from '../gateway/inspection.ts'

const PARTS = Number(process.argv[2] ?? 10_000_000)
const WARM_UP = 300_000

setFlagsFromString('--expose-gc')
const collect: unknown = runInNewContext('gc')

function heapBytes(): number {
  if (typeof collect === 'function') for (let i = 0; i < 3; i += 1) collect()
  return process.memoryUsage().heapUsed
}

// The same values over and over: drawing them would cost more than the chart.
const random = new Random(1)
const values = Float64Array.from({ length: 1 << 16 }, () => 450 + 10 * random.normal())

interface Figures {
  readonly ns: number
  readonly heap: number
  readonly snapshot: number
}

/** @param take takes in one part @param remembered what is left of them all */
function measure(take: (value: number, at: number) => void, remembered: () => unknown): Figures {
  const mask = values.length - 1
  for (let at = 1; at <= WARM_UP; at += 1) take(values[at & mask] ?? 0, at)
  const before = heapBytes()
  const cpu = process.cpuUsage()
  for (let at = 1; at <= PARTS; at += 1) take(values[at & mask] ?? 0, at)
  const { user, system } = process.cpuUsage(cpu)
  const heap = heapBytes() - before
  return { ns: ((user + system) * 1000) / PARTS, heap, snapshot: JSON.stringify(remembered()).length }
}

const PLAN: ChartPlan = {
  kind: 'i_mr',
  subgroup: 1,
  rules: WESTERN_ELECTRIC,
  firstPoints: 50,
  estimate: 'median',
  exclude: true,
  lambda: 0.2,
  width: 2.962,
  steadyLimits: false,
}

function chartOf(plan: Partial<ChartPlan>): () => Figures {
  return () => {
    const chart = new ControlChart({ ...PLAN, ...plan })
    return measure(
      (value, at) => void chart.see(value, at),
      () => chart.snapshot(),
    )
  }
}

function runningMean(): Figures {
  const state = { count: 0, mean: 0 }
  return measure(
    (value) => {
      state.count += 1
      state.mean += (value - state.mean) / state.count
    },
    () => state,
  )
}

/** As the gateway keeps them: four charts by recipe and lot, a lot every 5000 parts, at most 16 kept. */
function station(): Figures {
  const charts = chartsOptions.parse([
    { name: 'mass', value: 'mass_g' },
    { name: 'mass_mean', value: 'mass_g', kind: 'xbar_s', subgroup: 5 },
    { name: 'mass_slow', value: 'mass_g', kind: 'ewma' },
    { name: 'score', value: 'score', rules: 'nelson' },
  ])
  const set = new ChartSet({ charts, maxKeys: 16 })
  const verdict: Judgement['verdict'] = {
    kind: 'graded',
    grade: 'A',
    score: 0.9,
    action: 'accept',
    findings: [],
  }
  let parts = 0
  return measure(
    (value, at) => {
      parts += 1
      const lot = `lot-${Math.floor(parts / 5000)}`
      const score = { estimate: value / 500, std: 0.01 }
      const judgement: Judgement = {
        massG: { estimate: value, std: 4 },
        fusion: { score, grade: 'A', confidence: 0.9, defects: [] },
        verdict,
      }
      set.see({ recipe: 'bloc', revision: 1, lot }, judgement, at)
    },
    () => set.snapshot(),
  )
}

const RUNS: readonly (readonly [string, () => Figures])[] = [
  ['running mean (peer)', runningMean],
  ['I-MR, Western Electric', chartOf({})],
  ['I-MR, Nelson', chartOf({ rules: NELSON })],
  ['X̄-R of 5', chartOf({ kind: 'xbar_r', subgroup: 5 })],
  ['X̄-S of 5', chartOf({ kind: 'xbar_s', subgroup: 5 })],
  ['EWMA', chartOf({ kind: 'ewma' })],
  ['station: 4 charts, by lot', station],
]

console.log(`${PARTS} parts each`)
console.log(
  `${'chart'.padEnd(28)}${'ns/part'.padStart(9)}${'× mean'.padStart(9)}${'heap KiB'.padStart(10)}  snapshot`,
)
let peer = 0
for (const [name, run] of RUNS) {
  const { ns, heap, snapshot } = run()
  if (peer === 0) peer = ns
  const row = [
    ns.toFixed(1).padStart(9),
    (ns / peer).toFixed(1).padStart(9),
    (heap / 1024).toFixed(1).padStart(10),
  ]
  console.log(`${name.padEnd(28)}${row.join('')}  ${snapshot} characters`)
}
