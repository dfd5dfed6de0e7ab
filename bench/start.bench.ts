/**
 * How soon a station works, and how much memory it takes: a new process on a new data directory each time, so that
 * the empty tray is measured as well, against our goals.
 *   node dist/bench/start.bench.js [SECONDS]     SECONDS until memory is read; default 30
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { freePort } from '../test/fakes/server-process.ts'
import { StationProcess, Watcher } from '../test/fakes/station-process.ts'

const STARTS = 5
const READY_GOAL_MS = 3000
const VERDICT_GOAL_MS = 1000
const MEMORY_GOAL_MB = 120

interface Start {
  /** From the start of the process to `ready`. */
  readonly readyMs: number
  /** From `ready` until somebody who watches has the first verdict. */
  readonly verdictMs: number
}

async function onNewDirectory<T>(
  flows: boolean,
  use: (env: Record<string, string>) => Promise<T>,
): Promise<T> {
  const dir = await mkdtemp(join(tmpdir(), 'poincon-bench-'))
  try {
    return await use({
      POINCON_DATA_DIR: dir,
      POINCON_FLOWS_ENABLED: String(flows),
      POINCON_FLOWS_PORT: String(await freePort()),
    })
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
}

/** Starts a station, waits for its first verdict, ends it. */
function startOnce(flows: boolean): Promise<Start> {
  return onNewDirectory(flows, async (env) => {
    const began = performance.now()
    const station = await StationProcess.start([], { env })
    try {
      const readyAt = performance.now()
      const watcher = await Watcher.open(station.url)
      await watcher.seen(1)
      return { readyMs: readyAt - began, verdictMs: performance.now() - readyAt }
    } finally {
      await station.stop()
    }
  })
}

/** Resident memory of the gateway's own process after a while at one part a second, MB. */
function memoryAfter(seconds: number, flows: boolean): Promise<number> {
  return onNewDirectory(flows, async (env) => {
    const station = await StationProcess.start([], { env })
    try {
      await delay(seconds * 1000)
      return await station.memoryMb()
    } finally {
      await station.stop()
    }
  })
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[sorted.length >> 1] ?? Number.NaN
}

function line(what: string, value: number, goal: number, unit: string): string {
  const kept = value <= goal ? 'kept' : `missed by ${(value - goal).toFixed(0)} ${unit}`
  return `${what.padEnd(44)} ${value.toFixed(0).padStart(6)} ${unit}   goal ${goal} ${unit}: ${kept}`
}

const seconds = Number(process.argv[2] ?? 30)
if (!(seconds >= 0)) throw new RangeError('usage: start.bench.js [SECONDS]')
for (const flows of [false, true]) {
  const name = flows ? 'with Node-RED' : 'without Node-RED'
  const starts: Start[] = []
  for (let start = 0; start < STARTS; start += 1) starts.push(await startOnce(flows))
  const ready = starts.map(({ readyMs }) => readyMs)
  const verdict = starts.map(({ verdictMs }) => verdictMs)
  console.log(line(`start → ready, ${name} (median of ${STARTS})`, median(ready), READY_GOAL_MS, 'ms'))
  console.log(line(`ready → first verdict, ${name}`, median(verdict), VERDICT_GOAL_MS, 'ms'))
  console.log(
    line(`memory after ${seconds} s, ${name}`, await memoryAfter(seconds, flows), MEMORY_GOAL_MB, 'MB'),
  )
}
