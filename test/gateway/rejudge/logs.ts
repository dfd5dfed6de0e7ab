import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { Test } from 'tap'
import { v7 as uuidv7 } from 'uuid'
import { systemClock } from '../../../drivers/clock.ts'
import { SensorError } from '../../../drivers/sensor.ts'
import { judge, prepare } from '../../../gateway/analysis/judge.ts'
import type { EmptyTray } from '../../../gateway/calibration.ts'
import { inspect, type MeasuringHead, undecided } from '../../../gateway/inspect.ts'
import type { Judgement } from '../../../gateway/inspection.ts'
import { silentLog } from '../../../gateway/log.ts'
import type { InspectionDraft } from '../../../gateway/message.ts'
import { looksOf, measurementOf, type RawRecord } from '../../../gateway/raw.ts'
import type { Recipe } from '../../../gateway/recipe.ts'
import { BUILT_IN_RECIPES } from '../../../gateway/recipes/built-in.ts'
import { recordOf } from '../../../gateway/record.ts'
import { recordedParts } from '../../../gateway/rejudge/recordings.ts'
import { trayFromFile } from '../../../gateway/rejudge/tray-file.ts'
import { Database } from '../../../gateway/store/database.ts'
import { openStore } from '../../../gateway/store/open.ts'
import type { Store } from '../../../gateway/store/store.ts'

const SCENE = fileURLToPath(new URL('../../tools/scene.js', import.meta.url))

export async function folder(t: Test): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'poincon-rejudge-'))
  t.teardown(() => rm(path, { recursive: true, force: true }))
  return path
}

/** Recorded parts of the simulated line, and its empty tray. */
export interface Recorded {
  readonly file: string
  readonly trayFile: string
  readonly records: readonly RawRecord[]
  readonly tray: EmptyTray
}

export async function recordedScene(dir: string, seed: number, count: number): Promise<Recorded> {
  const args = [SCENE, '--seed', String(seed), '--count', String(count), '--out', dir]
  await promisify(execFile)(process.execPath, args)
  const [file, trayFile] = [join(dir, 'raw.jsonl'), join(dir, 'empty-tray.jsonl')]
  const records: RawRecord[] = []
  for await (const record of recordedParts([file])) records.push(record)
  const tray = { ...(await trayFromFile(trayFile)), id: uuidv7(), by: 'test', at: '2026-01-01T00:00:00.000Z' }
  return { file, trayFile, records, tray }
}

export function recipe(id = 'foiegras_standard_barquette'): Recipe {
  const found = BUILT_IN_RECIPES.find((one) => one.id === id)
  if (found === undefined) throw new Error(`no recipe ${id}`)
  return found
}

/** How a part of the log came about. */
export interface Kept {
  readonly record: RawRecord
  /** The line decided before the analysis did. */
  readonly instead?: Judgement
  /** Heads that time out. */
  readonly silent?: readonly string[]
  /** Changes the message before it is stored. */
  readonly forged?: (draft: InspectionDraft) => InspectionDraft
  readonly software?: string
}

/** A log as the station writes it, by the live path. */
export class LogWriter {
  readonly store: Store
  readonly #tray: EmptyTray
  readonly #recipe: { readonly recipe: Recipe; readonly revision: number; readonly sha256: string }

  private constructor(store: Store, tray: EmptyTray, stored: { revision: number; sha256: string }) {
    this.store = store
    this.#tray = tray
    this.#recipe = { recipe: recipe(), revision: stored.revision, sha256: stored.sha256 }
  }

  static async open(dir: string, tray: EmptyTray): Promise<LogWriter> {
    const store = await openStore({ dir, deviceId: 'poincon-test', clock: systemClock, log: silentLog })
    for (const one of BUILT_IN_RECIPES) await store.recipes.save(one.id, one, 'test')
    await store.calibrations.save({
      id: tray.id,
      kind: tray.kind,
      subject: 'chips',
      takenAt: tray.at,
      takenBy: tray.by,
      calibration: tray,
    })
    const stored = await store.recipes.get(recipe().id)
    if (stored === undefined) throw new Error('the recipe was not saved')
    return new LogWriter(store, tray, stored)
  }

  /** In this order, and all on disk when it resolves. */
  async append(...parts: readonly Kept[]): Promise<void> {
    const stored: Promise<unknown>[] = []
    for (const part of parts) {
      const { draft, raw } = await this.#record(part)
      stored.push(this.store.append(draft, raw))
    }
    await Promise.all(stored)
  }

  async #record({ record, instead, silent = [], forged, software = '0.1.0' }: Kept): Promise<{
    readonly draft: InspectionDraft
    readonly raw: Uint8Array
  }> {
    const heads = Object.entries(record.heads).map(
      ([id, head]): MeasuringHead => ({
        id,
        kind: head.kind,
        measure: () =>
          silent.includes(id)
            ? Promise.reject(new SensorError(id, 'timeout', 'test'))
            : Promise.resolve(measurementOf(head, 0)),
        looks: () => Promise.resolve(silent.includes(id) ? [] : looksOf(head, 0)),
      }),
    )
    const plan = prepare(this.#recipe.recipe, this.#tray)
    const trigger = { number: record.trigger?.number ?? 1, at: 0, source: 'interval' } as const
    const inspected = await inspect(trigger, heads, (one) => judge(plan, one), new AbortController().signal)
    const judgement = instead ?? inspected.judgement
    const part = { trigger, inspected, judgement, latencyMs: 12.34, decidedAt: 12.34 }
    const { draft, raw } = recordOf(part, {
      id: uuidv7(),
      identity: { deviceId: 'poincon-test', site: 'site', line: 'line', station: 'station' },
      software,
      inForce: { recipe: this.#recipe, lotId: 'lot', tray: this.#tray, references: [] },
      clock: 'synchronised',
      wallMs: (record.t_us ?? 0) / 1000,
      dryRun: false,
    })
    return { draft: forged === undefined ? draft : forged(draft), raw }
  }
}

export const LATE = undecided('late')
export const BUSY = undecided('busy')

/** Changes a closed store past the gateway. */
export async function meddle(dir: string, sql: string): Promise<void> {
  const database = await Database.open(join(dir, 'poincon.db'), 'write')
  await database.exec(sql)
  await database.close()
}

/** A configuration that names the data directory. */
export async function configFor(dir: string): Promise<string> {
  const file = join(dir, 'poincon.yaml')
  await writeFile(file, `data_dir: ${join(dir, 'data')}\n`)
  return file
}

/** What a command said and how it ended. */
export interface Said {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** Runs a verb in this process. */
export async function said(t: Test, run: () => Promise<number>): Promise<Said> {
  const heard = { stdout: '', stderr: '' }
  const hear = (name: 'stdout' | 'stderr') =>
    t.intercept(process[name], 'write', {
      value: (text: string) => {
        heard[name] += text
        return true
      },
    })
  const stops = [hear('stdout'), hear('stderr')]
  try {
    const code = await run()
    return { code, ...heard }
  } finally {
    for (const stop of stops) stop.restore()
  }
}
