import { join } from 'node:path'
import { type Test, test } from 'tap'
import { verifyCommand } from '../../../gateway/commands/verify.ts'
import type { InspectionDraft } from '../../../gateway/message.ts'
import { architectureOf } from '../../../gateway/rejudge/architecture.ts'
import { packageVersion } from '../../../gateway/version.ts'
import {
  BUSY,
  configFor,
  folder,
  type Kept,
  LATE,
  LogWriter,
  meddle,
  type Recorded,
  recordedScene,
  type Said,
  said,
} from '../rejudge/logs.ts'

let scene: Recorded
test('a recorded scene', async (t) => {
  scene = await recordedScene(await folder(t), 11, 12)
  t.equal(scene.records.length, 12)
  // The folder goes with this test; what was read stays.
})

/** A log of these parts, closed, and what `verify` says of it. */
async function logOf(
  t: Test,
  parts: readonly Kept[],
): Promise<{ dir: string; verify: (...args: string[]) => Promise<Said> }> {
  const dir = await folder(t)
  const config = await configFor(dir)
  const writer = await LogWriter.open(join(dir, 'data'), scene.tray)
  await writer.append(...parts)
  await writer.store.close()
  return {
    dir: join(dir, 'data'),
    verify: (...args) => said(t, () => verifyCommand(['--config', config, ...args])),
  }
}

const plain = (): readonly Kept[] => scene.records.map((record) => ({ record, software: packageVersion() }))

/** As releases write it that say where they ran. */
function here(draft: InspectionDraft): InspectionDraft {
  const provenance = { ...draft.provenance, architecture: architectureOf(process) }
  return { ...draft, provenance }
}

function summaryOf({ stdout }: Said): unknown {
  return JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '')
}

test('on the release and machine that judged, every message is derived bit for bit', async (t) => {
  const { verify } = await logOf(
    t,
    plain().map((part) => ({ ...part, forged: here })),
  )
  const ended = await verify('--json')
  t.match(summaryOf(ended), {
    inspections: 12,
    chain: { followed: 12, broken: null },
    same: { bit_for_bit: 12, within_1e_9: 0 },
    differing: 0,
    first: null,
    not_verifiable: {},
  })
  t.equal(ended.code, 0)
  t.match(
    (await verify()).stdout,
    /chain: 12 inspections, every link holds\ncheckpoints: none was signed\nverdicts: 12 of 12 derived anew/,
  )
})

test('another release: the same within 1e-9, and fields it did not know are not asked for', async (t) => {
  const older = ({ mass_g: _, ...draft }: InspectionDraft): InspectionDraft => draft
  const { verify } = await logOf(
    t,
    plain().map((part) => ({ ...part, software: '0.0.9', forged: older })),
  )
  const ended = await verify('--json')
  t.match(summaryOf(ended), { same: { bit_for_bit: 0, within_1e_9: 12 }, differing: 0 })
  t.equal(ended.code, 0)
})

test('parts that were turned away, and heads that failed', async (t) => {
  const [first, second, third, fourth] = plain()
  if (!first || !second || !third || !fourth) throw new Error('too few parts')
  const busy = { ...second, record: { ...second.record, heads: {} }, instead: BUSY }
  const { verify } = await logOf(t, [
    { ...first, instead: LATE },
    busy,
    { ...third, silent: ['spectral'] },
    { ...fourth, silent: ['spectral', 'tof'] },
  ])
  t.match(summaryOf(await verify('--json')), { without_analysis: 2, same: { within_1e_9: 2 }, differing: 0 })
})

test('a verdict that its raw data do not give: the first is named, however well it is chained', async (t) => {
  const better = (draft: InspectionDraft): InspectionDraft => ({
    ...draft,
    verdict: { ...draft.verdict, latency_ms: 1 },
    ...(draft.mass_g === undefined
      ? {}
      : { mass_g: { ...draft.mass_g, estimate: draft.mass_g.estimate + 0.1 } }),
  })
  const parts = plain().map((part, index) =>
    index === 4 || index === 7 ? { ...part, forged: better } : part,
  )
  const { verify } = await logOf(t, parts)
  const ended = await verify('--json')
  t.equal(ended.code, 1)
  t.match(summaryOf(ended), {
    chain: { followed: 12, broken: null },
    same: { within_1e_9: 10 },
    differing: 2,
    first: { sequence: 5, field: 'mass_g.estimate' },
  })
  t.equal(ended.stdout.trimEnd().split('\n').length, 3, 'a line for each, and the summary')
  const text = await verify('--from', '6', '--to', '#9')
  t.match(
    text.stdout,
    /1 differ; the first is sequence 8 .*\n {2}mass_g\.estimate: stored [\d.]+, derived \d/,
  )
  t.equal((await verify('--to', '4')).code, 0)
})

test('a row that was changed breaks the chain; raw data that were changed are no proof', async (t) => {
  const { dir, verify } = await logOf(t, plain())
  await meddle(
    dir,
    `UPDATE inspections SET payload = json_set(payload, '$.lot_id', 'other') WHERE position = 3;
     UPDATE raw SET record = x'00' WHERE position = 5;`,
  )
  const ended = await verify('--json')
  t.equal(ended.code, 1)
  t.match(summaryOf(ended), {
    chain: { followed: 2, broken: { sequence: 3, reason: /hash is/ } },
    differing: 1,
    first: { sequence: 5, field: 'provenance.raw_sha256' },
  })
})

const TAKEN = 'DELETE FROM inspections WHERE position <= 2; DELETE FROM raw WHERE position <= 5;'

test('what is gone is not verifiable, by number and reason', async (t) => {
  const { dir, verify } = await logOf(t, plain())
  const anchor = `SELECT 0, 2, json_extract(payload, '$.provenance.hash'), '2026-03-01T09:00:00.000Z', NULL
    FROM inspections WHERE position = 2`
  await meddle(dir, `INSERT INTO anchors ${anchor}; ${TAKEN}`)
  const ended = await verify('--json')
  t.match(summaryOf(ended), {
    inspections: 10,
    chain: { followed: 10, broken: null },
    removed: [{ up_to: 2, removed_at: '2026-03-01T09:00:00.000Z' }],
    not_verifiable: {
      'the inspection itself is gone': { count: 2, first: 1, last: 2 },
      'its raw data are gone': { count: 3, first: 3, last: 5 },
    },
  })
  t.equal(ended.code, 0)

  await meddle(dir, 'DELETE FROM calibrations')
  t.match(summaryOf(await verify('--json')), {
    not_verifiable: { [`calibration ${scene.tray.id} is gone`]: { count: 7, first: 6, last: 12 } },
  })
  await meddle(dir, 'DELETE FROM recipes')
  t.match(summaryOf(await verify('--json')), {
    not_verifiable: { 'recipe foiegras_standard_barquette revision 1 is gone': { count: 7 } },
  })
  t.match((await verify()).stdout, /not verifiable: 3: its raw data are gone \(3 to 5\)/)
})

test('a beginning that retention did not take, an anchor of another chain, and what did not hold when it went', async (t) => {
  const { dir, verify } = await logOf(t, plain())
  await meddle(dir, TAKEN)
  t.match(summaryOf(await verify('--json')), { chain: { followed: 0, broken: {} } }, 'no anchor')
  await meddle(dir, `INSERT INTO anchors VALUES (0, 1, '${'a'.repeat(64)}', '2026-03-01', NULL)`)
  t.match(
    summaryOf(await verify('--json')),
    { chain: { followed: 0, broken: {} } },
    'not of the last that is gone',
  )
  await meddle(dir, 'UPDATE anchors SET position = 2')
  t.match(summaryOf(await verify('--json')), { chain: { broken: { sequence: 3, reason: /expected a+/ } } })
  await meddle(
    dir,
    `UPDATE anchors SET broken = 'sequence 2: hash is wrong',
       hash = (SELECT json_extract(payload, '$.provenance.previous') FROM inspections WHERE position = 3)`,
  )
  const ended = await verify()
  t.match(ended.stdout, /up to sequence 2 \(last at 2026-03-01\): it did not hold: sequence 2: hash is wrong/)
  t.equal(ended.code, 1)
})

test('a hole that retention does not make is a break', async (t) => {
  const { dir, verify } = await logOf(t, plain())
  await meddle(dir, 'DELETE FROM inspections WHERE position = 6')
  t.match(summaryOf(await verify('--json')), {
    chain: { broken: { sequence: 6, reason: 'it is not there' } },
  })
})

test('a recipe that was edited in place is found out', async (t) => {
  const { dir, verify } = await logOf(t, plain())
  await meddle(dir, `UPDATE recipes SET recipe = json_set(recipe, '$.title', 'another')`)
  t.match(summaryOf(await verify('--json')), {
    differing: 12,
    first: { sequence: 1, field: 'provenance.recipe_sha256' },
  })
})

test('times, a log in use, and what cannot be read', async (t) => {
  const dir = await folder(t)
  const config = await configFor(dir)
  const verify = (...args: string[]): Promise<Said> =>
    said(t, () => verifyCommand(['--config', config, ...args]))
  await t.rejects(verify(), { message: /poincon\.db: no such log/ })

  const writer = await LogWriter.open(join(dir, 'data'), scene.tray)
  t.teardown(() => writer.store.close())
  t.match(await verify(), { code: 1, stderr: /the log is empty: there is nothing to verify/ })
  await writer.append(...plain())
  const third = new Date((scene.records[2]?.t_us ?? 0) / 1000).toISOString()
  t.match(summaryOf(await verify('--json', '--from', third)), { inspections: 10 })
  t.match(summaryOf(await verify('--json', '--to', third)), { inspections: 3 })
  t.match(summaryOf(await verify('--json', '--epoch', writer.store.epoch.epoch)), { inspections: 12 })
  t.match(await verify('--from', '2099-01-01'), { code: 1, stderr: /nothing in this stretch/ })
  t.match(await verify('--from', 'yesterday'), { code: 2, stderr: /--from yesterday: expected a sequence/ })
  t.match(await verify('--from', '9', '--to', '3'), {
    code: 2,
    stderr: /nothing is stored from sequence 9 to 3/,
  })
  t.match(await verify('--help'), { code: 0, stdout: /Exit codes/ })
})
