import { createHash } from 'node:crypto'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Test, test } from 'tap'
import { systemClock } from '../../../drivers/clock.ts'
import { selfTestCommand } from '../../../gateway/commands/self-test.ts'
import type { InspectionDraft } from '../../../gateway/message.ts'
import { type SelfTestReport, selfTestReport } from '../../../gateway/self-test/report.ts'
import { type SelfTestOptions, selfTest } from '../../../gateway/self-test/self-test.ts'
import { Database } from '../../../gateway/store/database.ts'
import { MIGRATIONS, migrate } from '../../../gateway/store/migrations/migrate.ts'
import {
  configFor,
  folder,
  type Kept,
  LATE,
  LogWriter,
  meddle,
  type Recorded,
  recordedScene,
  said,
} from '../rejudge/logs.ts'

const MODELS = fileURLToPath(new URL('../../../../models/', import.meta.url))

let scene: Recorded
test('a recorded scene', async (t) => {
  scene = await recordedScene(await folder(t), 17, 8)
  t.equal(scene.records.length, 8)
})

/** A device with these parts in its log, which a station may have open. */
async function device(t: Test, parts: readonly Kept[] = scene.records.map((record) => ({ record }))) {
  const dir = await folder(t)
  const config = await configFor(dir)
  const writer = await LogWriter.open(join(dir, 'data'), scene.tray)
  await writer.append(...parts)
  const scratch = join(dir, 'scratch')
  await mkdir(scratch)
  const tested = (options: Partial<SelfTestOptions> = {}): Promise<SelfTestReport> =>
    selfTest({
      ...{ sources: { file: config, env: {}, cwd: dir }, scratch, parts: 50, version: '0.2.0' },
      ...{ models: MODELS, updater: join(dir, 'no-updater.js'), clock: systemClock },
      ...options,
    })
  return { dir, data: join(dir, 'data'), config, scratch, tested, store: writer.store }
}

const check = (report: SelfTestReport, name: string) => report.checks.find((one) => one.name === name)

/** SHA-256 of every file but SQLite's shared memory and locks, which readers write. */
async function bytesOf(dir: string): Promise<Record<string, string>> {
  const names = (await readdir(dir)).filter((name) => !/-shm$|^lock/.test(name))
  const entries = names.map(async (name) => {
    const bytes = await readFile(join(dir, name))
    return [name, createHash('sha256').update(bytes).digest('hex')] as const
  })
  return Object.fromEntries(await Promise.all(entries))
}

test('beside a station that has the store open, of which nothing is changed', async (t) => {
  const { data, scratch, tested, store } = await device(t)
  t.teardown(() => store.close())
  const before = await bytesOf(data)
  await mkdir(join(scratch, 'poincon-self-test-killed'))
  const report = selfTestReport.parse(await tested())
  t.match(report, {
    ...{ schema: 'poincon.self-test/1', version: '0.2.0', passed: true, differing: [] },
    store: { from: MIGRATIONS.length, to: MIGRATIONS.length },
  })
  t.same(
    report.checks.map(({ name, passed }) => [name, passed]),
    [
      ['configuration', true],
      ['store', true],
      ['verdicts', true],
    ],
    'no camera: no models; no updater: none',
  )
  t.match(check(report, 'verdicts')?.detail, '8 parts judged again, 0 differ')
  t.same(await bytesOf(data), before)
  t.same(await readdir(scratch), [], 'nothing is left')
})

test('verdicts that it would give otherwise are named, and are no failure', async (t) => {
  const better = (draft: InspectionDraft): InspectionDraft => {
    const { latency_ms } = draft.verdict
    const best = {
      kind: 'graded',
      grade: 'A+',
      score: 1,
      action: 'accept',
      reasons: [],
      findings: [],
    } as const
    return { ...draft, verdict: { ...best, reasons: [], findings: [], latency_ms } }
  }
  const closer = ({ verdict, ...draft }: InspectionDraft): InspectionDraft => {
    if (verdict.kind !== 'graded') throw new Error('the scene has changed: take a part that is graded')
    return { ...draft, verdict: { ...verdict, score: verdict.score + Number.EPSILON } }
  }
  const parts = scene.records.map((record, at): Kept => {
    if (at === 2) return { record, forged: better }
    if (at === 4) return { record, forged: closer }
    return at === 5 ? { record, instead: LATE } : { record }
  })
  const { tested, store } = await device(t, parts)
  t.teardown(() => store.close())
  const report = await tested()
  t.equal(report.passed, true)
  t.same(
    report.differing.map(({ sequence }) => sequence),
    [3, 5],
    'bit for bit: the last bit of a score counts',
  )
  t.match(report.differing[0], { before: 'accept A+ 1', id: /^[0-9a-f-]{36}$/ })
  t.not(report.differing[0]?.after, 'accept A+ 1')
  t.match(
    check(report, 'verdicts')?.detail,
    '7 parts judged again, 2 differ; 1 not: no analysis gave the verdict',
  )
  t.match((await tested({ parts: 2 })).differing, [], 'only the newest are asked')
})

test('a large log is copied in part, and judged all the same', async (t) => {
  const { tested, store } = await device(t)
  t.teardown(() => store.close())
  const report = await tested({ parts: 3, copying: { wholeBytes: 100_000 } })
  t.match(check(report, 'store')?.detail, /^a copy of the newest rows of 0\.\d MB/)
  t.match(check(report, 'verdicts')?.detail, '3 parts judged again, 0 differ')
  t.equal(report.passed, true)
})

test('a store of an earlier release is brought forward, on the copy alone', async (t) => {
  const dir = await folder(t)
  const data = join(dir, 'data')
  await mkdir(data)
  const old = await Database.open(join(data, 'poincon.db'), 'write')
  await migrate(old, { target: 3 })
  await old.close()
  const sources = { file: await configFor(dir), env: {}, cwd: dir }
  const common = {
    parts: 50,
    version: '0.2.0',
    models: MODELS,
    updater: join(dir, 'none'),
    clock: systemClock,
  }
  const report = await selfTest({ ...common, sources, scratch: join(dir, 'scratch') })
  t.match(report, { passed: true, store: { from: 3, to: MIGRATIONS.length } })
  t.match(check(report, 'store')?.detail, `schema 3 → ${MIGRATIONS.length}`)
  t.match(check(report, 'verdicts')?.detail, 'no part to judge again')
  const kept = await Database.open(join(data, 'poincon.db'), 'read')
  t.same(await kept.get('PRAGMA user_version'), { user_version: 3 })
  await kept.close()
  const none = join(dir, 'none')
  const fresh = await selfTest({ ...common, sources, dataDir: none, scratch: join(dir, 'scratch') })
  t.match(fresh, { passed: true, store: { from: 0 } })
  t.rejects(readdir(none), { code: 'ENOENT' }, 'a device without a store gets none')
})

test('what keeps a release from taking over is named, and what follows is not tried', async (t) => {
  const { data, dir, config, tested, store } = await device(t)
  await store.close()

  const full = await tested({ copying: { freeBytes: () => Promise.resolve(1_000_000) } })
  t.match(check(full, 'store'), {
    passed: false,
    detail: /no room in .*: 1\.0 MB free, a copy of the store needs/,
  })
  t.equal(full.passed, false)
  t.equal(check(full, 'verdicts'), undefined)

  const late = await tested({ limitsMs: { store: 1 } })
  t.match(check(late, 'store'), { passed: false, detail: 'took longer than 0.001 s' })

  const updater = join(dir, 'main.js')
  await writeFile(updater, "import './not-there.js'\n")
  const broken = await tested({ updater })
  t.match(check(broken, 'updater'), { passed: false, detail: /main\.js does not load: .*not-there\.js/ })
  await writeFile(updater, 'export const update = 1\n')
  t.match(check(await tested({ updater }), 'updater'), { passed: true, detail: 'its modules load' })

  const seeing = `data_dir: ${data}\ncamera: { kind: simulated }\n`
  await writeFile(config, seeing)
  const blind = await tested({ models: join(dir, 'no-models') })
  t.match(check(blind, 'models'), { passed: false, detail: /engraving-embedder on cpu: .*manifest\.json/ })

  await meddle(data, `PRAGMA user_version = ${MIGRATIONS.length + 1}`)
  const newer = await tested()
  t.match(check(newer, 'store'), { passed: false, detail: /written by a newer release/ })

  await writeFile(config, 'no_such_key: 1\n')
  const refused = await tested()
  t.match(refused, {
    passed: false,
    checks: [{ name: 'configuration', passed: false, detail: /no_such_key/ }],
  })
  t.equal(refused.checks.length, 1)
  t.equal(refused.store, undefined)
})

test('a network that is not the file of its manifest is found; those of the release are well', async (t) => {
  const { dir, config, data, tested, store } = await device(t, [])
  await store.close()
  await writeFile(config, `data_dir: ${data}\ncamera: { kind: simulated }\n`)
  const models = join(dir, 'models')
  for (const name of ['engraving-embedder', 'lens-locator', 'engraving-text']) {
    await mkdir(join(models, name), { recursive: true })
    for (const file of await readdir(join(MODELS, name))) {
      const bytes = await readFile(join(MODELS, name, file))
      await writeFile(join(models, name, file), bytes)
    }
  }
  t.match(check(await tested({ models }), 'models'), {
    passed: true,
    detail: /engraving-text on cpu [\d.]+ ms/,
  })
  const [onnx = ''] = (await readdir(join(models, 'engraving-text'))).filter((name) => name.endsWith('.onnx'))
  await writeFile(join(models, 'engraving-text', onnx), 'cut')
  t.match(check(await tested({ models }), 'models'), {
    passed: false,
    detail: /engraving-text on cpu: .*sha256/,
  })
})

test('the command, as the updater calls it', async (t) => {
  const { config, data, dir, store } = await device(t)
  t.teardown(() => store.close())
  const args = ['--config', config, '--data-dir', data, '--scratch', join(dir, 'scratch'), '--parts', '4']
  const json = await said(t, () => selfTestCommand([...args, '--json']))
  t.equal(json.code, 0, json.stdout)
  t.match(selfTestReport.parse(JSON.parse(json.stdout)), { passed: true })
  const text = await said(t, () => selfTestCommand(args))
  t.match(text.stdout, /ok {6}verdicts {6}4 parts judged again, 0 differ \(\d+ ms\)\n/)
  t.match(await said(t, () => selfTestCommand(['--parts', '0'])), { code: 2, stderr: /--parts 0: expected/ })
})
