import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { test } from 'tap'
import { z } from 'zod'
import { inspection } from '../fakes/inspections.ts'

const require = createRequire(resolve('flows/settings.cjs'))
const counted = z.object({
  counts: z.looseObject({}),
  alert: z.looseObject({}).optional(),
  repeat: z.literal(true).optional(),
})
const { count, alertLine } = z
  .object({
    count: z.custom<(...args: unknown[]) => unknown>((value) => typeof value === 'function'),
    alertLine: z.custom<(alert: unknown) => string>((value) => typeof value === 'function'),
  })
  .parse(require('./station.cjs'))
const { seedFlows } = z
  .object({
    seedFlows: z.custom<(shipped: string, userDir: string) => string>((value) => typeof value === 'function'),
  })
  .parse(require('./seed.cjs'))

const REJECT = {
  kind: 'graded',
  grade: 'REJECT',
  score: 0.1,
  action: 'reject',
  latency_ms: 5,
} as const
const HOLD = { kind: 'ungraded', action: 'hold', reasons: ['sensor-absent'], latency_ms: 5 } as const

const UPDATING = { kind: 'ungraded', action: 'reject', reasons: ['updating'], latency_ms: 5 } as const

/** Feeds inspections one after the other; returns every answer. */
function feed(messages: readonly object[], alertAfter = 3) {
  let before: unknown
  return messages.map((message) => {
    const answer = counted.parse(count(before, message, alertAfter))
    before = answer.counts
    return answer
  })
}

const reject = (sequence: number) =>
  inspection(sequence, { verdict: { ...REJECT, reasons: [], findings: [] } })

test('counts per grade, per action, per lot', (t) => {
  const hold = inspection(3, { verdict: { ...HOLD, reasons: [...HOLD.reasons] }, lot_id: 'L43' })
  const last = feed([inspection(1), reject(2), hold, inspection(4, { lot_id: 'L43' })]).at(-1)
  t.match(last?.counts, {
    schema: 'poincon.flows.counts/1',
    station: 's1',
    total: 4,
    missed: 0,
    grades: { 'A+': 0, A: 2, REJECT: 1, ungraded: 1 },
    actions: { accept: 2, reject: 1, hold: 1 },
    lot: { id: 'L43', grades: { A: 1, REJECT: 0, ungraded: 1 } },
    last_sequence: 4,
  })
  t.end()
})

test('a repeat is not counted, a gap is said, a new epoch begins anew', (t) => {
  const epoch = '01980000-0000-7000-8000-000000000002'
  const answers = feed([
    inspection(10),
    inspection(11),
    inspection(10),
    inspection(14),
    inspection(1, { epoch }),
  ])
  t.equal(answers[2]?.repeat, true)
  t.match(answers[3]?.counts, { total: 3, missed: 2, last_sequence: 14 })
  t.match(answers[4]?.counts, { total: 4, missed: 2, last_sequence: 1, epoch })
  t.end()
})

test('what an update turns away begins no row of rejects, ends none, and is of no grade', (t) => {
  const updating = (sequence: number) =>
    inspection(sequence, { verdict: { ...UPDATING, reasons: [...UPDATING.reasons] } })
  const answers = feed([reject(1), reject(2), ...[3, 4, 5, 6].map(updating), reject(7)])
  t.strictSame(
    answers.map(({ alert }) => alert !== undefined),
    [false, false, false, false, false, false, true],
  )
  const { timestamp } = reject(1)
  t.match(answers.at(-1)?.alert, { value: 3, since: timestamp })
  t.match(answers.at(-1)?.counts, { total: 7, actions: { reject: 7 }, grades: { REJECT: 3, ungraded: 0 } })
  t.end()
})

test('one alert in each row of rejects', (t) => {
  const messages = [1, 2, 3, 4].map(reject)
  const answers = feed([...messages, inspection(5), reject(6), reject(7), reject(8)])
  t.strictSame(
    answers.map(({ alert }) => alert !== undefined),
    [false, false, true, false, false, false, false, true],
  )
  const alert = answers[2]?.alert
  t.match(alert, {
    schema: 'poincon.alert/1',
    rule: 'rejects-in-a-row',
    severity: 'warning',
    value: 3,
    limit: 3,
    since: inspection(1).timestamp,
    inspection: { id: inspection(3).id, sequence: 3 },
  })
  t.equal(alertLine(alert), `warning s1: rejects-in-a-row 3 (limit 3) since ${inspection(1).timestamp}`)
  t.end()
})

test('flows are seeded: a person’s are kept, untouched ones follow the release', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'poincon-seed-'))
  t.teardown(() => rm(folder, { recursive: true }))
  const shipped = join(folder, 'release.json')
  const mine = join(folder, 'user', 'flows.json')
  const seed = async (release: string): Promise<string> => {
    await writeFile(shipped, release)
    return seedFlows(shipped, join(folder, 'user'))
  }
  t.equal(await seed('[1]'), 'installed')
  t.equal(await seed('[2]'), 'installed')
  await writeFile(mine, '[\n  2\n]')
  t.equal(await seed('[3]'), 'installed', 'Node-RED writes the same flows in its own form')
  t.equal(await readFile(mine, 'utf8'), '[3]')
  await writeFile(mine, '["mine"]')
  t.equal(await seed('[4]'), 'kept')
  t.equal(await readFile(mine, 'utf8'), '["mine"]')
})
