import { Random } from '../../../drivers/simulated/random.ts'
import { type Case, casesOf, type Outcome, runCase, SCENARIOS, stepsOf } from './matrix.ts'
import { updatesInARow } from './row.ts'

/*
 * `node dist/test/provisioning/kills/main.js [--full | --share N] [--seed N] [--jobs N]`: cuts updates everywhere, and
 * prints a table. Exit code 1 when a device did not come to rest as it should. `--row N` makes N updates of one device
 * instead, and prints what grows.
 */

/** A choice of all cases, by seed. @param share 1 of so many */
export async function chosenCases(share: number, seed: number): Promise<readonly Case[]> {
  const random = new Random(seed)
  const all: Case[] = []
  for (const scenario of SCENARIOS) all.push(...casesOf(scenario, await stepsOf(scenario)))
  const chosen = share === 1 ? all : all.filter(() => random.uniform() < 1 / share)
  // In any order, so that a run that is ended early has seen some of everything.
  return chosen
    .map((one) => ({ one, at: random.uniform() }))
    .sort((a, b) => a.at - b.at)
    .map(({ one }) => one)
}

/** Runs cases, some at a time. */
export async function runAll(
  cases: readonly Case[],
  jobs: number,
  each: (outcome: Outcome) => void = () => {},
): Promise<readonly Outcome[]> {
  const outcomes: Outcome[] = []
  const left = [...cases]
  // Whoever has seen enough ends it in order.
  process.once('SIGINT', () => left.splice(0))
  const worker = async (): Promise<void> => {
    for (let one = left.shift(); one !== undefined; one = left.shift()) {
      const outcome = await runCase(one)
      outcomes.push(outcome)
      each(outcome)
    }
  }
  await Promise.all(Array.from({ length: jobs }, worker))
  return outcomes
}

/** The table of docs/updates.md. */
export function table(outcomes: readonly Outcome[]): string {
  const rows = SCENARIOS.flatMap((scenario) =>
    KINDS.map(([what, when, text]) => {
      const of = outcomes.filter(
        ({ scenario: { name }, cut }) => name === scenario.name && cut.what === what && cut.when === when,
      )
      const right = of.filter(({ problems }) => problems.length === 0).length
      const passes = Math.max(0, ...of.map(({ passes: count }) => count))
      return `| ${scenario.name} | ${text} | ${of.length} | ${right} | ${Math.max(0, passes - 1)} |`
    }),
  )
  return [
    '| update to | cut | cases | right | passes to rest, most |',
    '| --- | --- | --- | --- | --- |',
    ...rows,
  ].join('\n')
}

const KINDS = [
  ['updater', 'before', 'SIGKILL of the updater before the step'],
  ['updater', 'after', 'SIGKILL of the updater after the step'],
  ['power', 'after', 'SIGKILL of updater and gateway, then both start anew'],
  ['gateway', 'after', 'SIGKILL of the gateway on trial'],
  ['full', 'before', 'disk full at the step'],
] as const

async function main(args: readonly string[]): Promise<number> {
  const option = (name: string, otherwise: number): number =>
    args.includes(name) ? Number(args[args.indexOf(name) + 1]) : otherwise
  if (args.includes('--row')) {
    await updatesInARow(option('--row', 100), (look) => console.log(JSON.stringify(look)))
    return 0
  }
  const share = args.includes('--full') ? 1 : option('--share', 10)
  const cases = await chosenCases(share, option('--seed', 1))
  const beganAt = performance.now()
  const outcomes = await runAll(cases, option('--jobs', 2), ({ problems, scenario, cut, step }) => {
    if (problems.length > 0)
      console.log(`${scenario.name}: ${cut.what} ${cut.when} ${cut.at} (${step}): ${problems.join('; ')}`)
  })
  const wrong = outcomes.filter(({ problems }) => problems.length > 0).length
  console.log(table(outcomes))
  console.log(
    `${outcomes.length} cases, ${wrong} wrong, ${Math.round((performance.now() - beganAt) / 1000)} s`,
  )
  return wrong === 0 ? 0 : 1
}

if (process.argv[1]?.endsWith('kills/main.js') === true) process.exitCode = await main(process.argv.slice(2))
