import { spawnSync } from 'node:child_process'
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { systemClock } from '../drivers/clock.ts'
import { PartCounters } from '../gateway/health/counters.ts'
import { HealthBoard } from '../gateway/health/health.ts'
import { UNGRADED_REASONS } from '../gateway/inspection.ts'
import { commandPayloads } from '../gateway/line-commands.ts'
import { describeState } from '../gateway/mqtt/state.ts'
import { rawLine } from '../gateway/raw.ts'
import { recipeJson } from '../gateway/recipe.ts'
import { BUILT_IN_RECIPES } from '../gateway/recipes/built-in.ts'
import { stationState } from './fakes/api.ts'
import { inspection } from './fakes/inspections.ts'
import { graded, message, ungraded } from './fakes/messages.ts'
import { validatorFor } from './fakes/published-schema.ts'
import { rowsOf } from './tools/docs/rows.ts'
import { jsonSchemaOf, PUBLISHED } from './tools/docs/schemas.ts'

const GENERATOR = 'dist/test/tools/generate-docs.js'

function generate(...args: readonly string[]) {
  return spawnSync(process.execPath, [GENERATOR, ...args], { encoding: 'utf8' })
}

test('the published documents are as generated from the schemas of the gateway', (t) => {
  const { status, stderr } = generate('--check')
  t.equal(stderr, '', `run: node ${GENERATOR}`)
  t.equal(status, 0)
  t.end()
})

test('what differs is named; writing mends it', (t) => {
  const docs = join(t.testdir({}), 'docs')
  cpSync('docs', docs, { recursive: true })
  const { from, to } = { from: '| `http.port` |', to: '| `http.prot` |' }
  const configuration = join(docs, 'configuration.md')
  writeFileSync(configuration, readFileSync(configuration, 'utf8').replace(from, to))
  rmSync(join(docs, 'schemas/recipe.schema.json'))
  writeFileSync(join(docs, 'schemas/of-old.schema.json'), '{}')
  writeFileSync(join(docs, 'schemas/notes.txt'), 'somebody’s own')

  const { status, stderr } = generate('--check', '--docs', docs)
  t.equal(status, 1)
  const named = stderr.trimEnd().split('\n').sort()
  t.strictSame(
    named.map((line) => line.replace(`${docs}/`, '')),
    [
      'configuration.md: not as generated',
      'schemas/of-old.schema.json: not as generated',
      'schemas/recipe.schema.json: not as generated',
    ],
  )
  t.equal(generate('--docs', docs).status, 0)
  t.equal(generate('--check', '--docs', docs).status, 0)
  t.equal(readFileSync(join(docs, 'schemas/notes.txt'), 'utf8'), 'somebody’s own', 'left alone')
  t.end()
})

test('a document that lost a generated region is not passed over', (t) => {
  const docs = join(t.testdir({}), 'docs')
  cpSync('docs', docs, { recursive: true })
  const messages = join(docs, 'messages.md')
  const text = readFileSync(messages, 'utf8')
  for (const lost of ['<!-- generated: schemas -->', '<!-- end -->']) {
    // Without its first end, the region must not reach to the end of the next one.
    writeFileSync(messages, text.replace(lost, ''))
    const { status, stderr } = generate('--docs', docs)
    t.not(status, 0)
    t.match(stderr, /messages\.md: no region "generated: schemas" with an end/)
    t.equal(readFileSync(messages, 'utf8'), text.replace(lost, ''), 'nothing was written')
  }
  t.end()
})

test('messages are valid by the schema that is published', (t) => {
  const validate = validatorFor('poincon.inspection-1')
  const good = [message(1), inspection(2), graded(3, 'REJECT', 0.1), ungraded(4, 'hold', ['late'])]
  for (const one of good) t.strictSame(validate(one), [])
  t.strictSame(validate({ ...message(5), added_later: 1 }), [], 'fields may be added')
  const { verdict, ...judgedByNobody } = message(6)
  t.strictSame(validate(judgedByNobody), [" must have required property 'verdict'"])
  t.strictSame(validate({ ...message(7), sequence: 0 }), ['/sequence must be >= 1'])
  t.match(validate({ ...message(8), verdict: { ...verdict, grade: 'REJET' } }), [
    '/verdict/grade must be equal to one of the allowed values',
  ])
  const { grade: _grade, ...noGrade } = { grade: '', ...verdict }
  t.match(validate({ ...message(9), verdict: noGrade }), ["/verdict must have required property 'grade'"])
  const accepted = { kind: 'ungraded', action: 'accept', reasons: ['late'], latency_ms: 1 }
  t.not(validate({ ...message(10), verdict: accepted }).length, 0, 'what has no grade is never accepted')
  t.end()
})

test('every published schema is one that another implementation takes', (t) => {
  for (const { name } of PUBLISHED) t.doesNotThrow(() => validatorFor(name), name)
  t.end()
})

test('the other forms are valid, too, as the gateway makes them', (t) => {
  const facts = { device_id: 'd', site: 's', line: 'l', station: 's', software: '1', lot_id: 'L' }
  const state: unknown = JSON.parse(describeState(facts, 'offline', 0, 'connection-lost'))
  t.strictSame(validatorFor('poincon.state-1')(state), [])

  const line: unknown = JSON.parse(
    rawLine({
      schema: 'poincon.raw/1',
      t_us: 1.5e15,
      heads: {
        tof: { kind: 'vl53l8ch', zones: 64, targets_per_zone: 1, payload: Uint8Array.of(1, 2, 3, 255) },
        spectral: { kind: 'as7341', gain: 4, payload: { Clear: 12.5 } },
      },
    }),
  )
  t.strictSame(validatorFor('poincon.raw-1')(line), [], 'bytes travel as base64')
  t.not(validatorFor('poincon.raw-1')({ schema: 'poincon.raw/1', heads: { tof: {} } }).length, 0)
  for (const recipe of BUILT_IN_RECIPES)
    t.strictSame(validatorFor('recipe')(recipeJson(recipe)), [], recipe.id)

  t.strictSame(validatorFor('station')(stationState()), [])
  const counters = new PartCounters()
  counters.triggered().decide('hold')
  const board = new HealthBoard({
    version: '1',
    clock: systemClock,
    units: [{ name: 'broken', status: () => ({ state: 'failed', detail: 'why', facts: { port: 1 } }) }],
    needed: [],
    counters,
    sinks: () => [{ name: 'influx', stored: 2, delivered: 2, backlog: 1, quarantined: 0 }],
  })
  const health: unknown = JSON.parse(JSON.stringify(board.report()))
  t.match(health, { status: 'failed', violations: [{ scope: 'sink influx' }] })
  t.strictSame(validatorFor('health')(health), [])
  t.end()
})

/** Fields of a published form that do not say what they mean. */
function unexplained(name: string): readonly string[] {
  const published = PUBLISHED.find((candidate) => candidate.name === name)
  const rows = published === undefined ? [] : rowsOf(jsonSchemaOf(published))
  return rows.filter(({ meaning }) => meaning === '').map(({ path }) => path)
}

test('every key of the configuration, every field of an inspection or a command says what it means', (t) => {
  const commands = PUBLISHED.map(({ name }) => name).filter((name) => name.startsWith('cmd.'))
  for (const name of ['configuration', 'poincon.inspection-1', ...commands]) {
    t.strictSame(unexplained(name), [], name)
  }
  t.end()
})

function contains(t: Test, document: string, words: readonly string[]): void {
  const text = readFileSync(document, 'utf8')
  t.strictSame(
    words.filter((word) => !text.includes(word)),
    [],
    `${document} explains all of it`,
  )
}

test('every command and every reason for no grade is explained', (t) => {
  const commands = Object.keys(commandPayloads)
  contains(
    t,
    'docs/topics.md',
    commands.map((command) => `**\`${command}\`**`),
  )
  contains(
    t,
    'docs/messages.md',
    UNGRADED_REASONS.map((reason) => `\n| \`${reason}\` | `),
  )
  t.end()
})
