/**
 * Brings about every fault that the store and its sinks must survive, and prints what came of it as a table, line by line.
 *   main.js [--full] [--family NAME] [--seed N]
 * A tenth of every table without `--full`. Exit status 1 when a promise was broken, 64 for a wrong argument.
 */
import { parseArgs } from 'node:util'
import { brokerFaults } from './broker/faults.ts'
import { databaseFaults } from './cluster/database.ts'
import { clusterFaults } from './cluster/faults.ts'
import { diskFaults } from './disk/faults.ts'
import { killFaults } from './kill/faults.ts'
import { type Family, HEAD, row } from './outcome.ts'
import { powerFaults } from './power/faults.ts'

const FAMILIES: Readonly<Record<string, Family>> = {
  kill: killFaults,
  power: powerFaults,
  disk: diskFaults,
  broker: brokerFaults,
  cluster: clusterFaults,
  ingest: databaseFaults,
}

const { values } = parseArgs({
  options: {
    full: { type: 'boolean', default: false },
    family: { type: 'string', multiple: true, default: Object.keys(FAMILIES) },
    seed: { type: 'string', default: '1' },
  },
})
const seed = Number(values.seed)
const families = values.family.map((name) => FAMILIES[name])
if (!Number.isSafeInteger(seed) || families.includes(undefined)) {
  console.error(`usage: main.js [--full] [--family ${Object.keys(FAMILIES).join('|')}] [--seed INTEGER]`)
  process.exit(64)
}

console.log(HEAD)
for (const family of families) {
  for await (const outcome of family?.({ share: values.full ? 1 : 0.1, seed }) ?? []) {
    console.log(row(outcome))
    for (const violation of outcome.violations) console.error(`VIOLATION: ${outcome.fault}: ${violation}`)
    // A fault that was not brought about proves nothing, and breaks nothing.
    if (outcome.violations.length > 0) process.exitCode = 1
  }
}
console.log(`\nseed ${seed}, ${values.full ? 'in full' : 'a tenth'}`)
