import { join } from 'node:path'
import type { Test } from 'tap'
import { VirtualClock } from '../../drivers/simulated/clock.ts'
import { guided, type Order } from '../../gateway/calibration/guided.ts'
import type { CalibrationRow } from '../../gateway/calibration/rows.ts'
import { atWorkbench, type Workbench } from '../../gateway/calibration/workbench.ts'
import { type Config, parseConfig } from '../../gateway/config.ts'

const signal = new AbortController().signal

function config(dir: string): Config {
  const parsed = parseConfig({ data_dir: join(dir, 'station') })
  if ('problems' in parsed) throw new Error(JSON.stringify(parsed.problems))
  return parsed.config
}

export interface Desk {
  readonly at: <T>(work: (bench: Workbench) => Promise<T>) => Promise<T>
  readonly take: (order: Order) => Promise<CalibrationRow>
  readonly asked: readonly string[]
}

/** A simulated station that does not run, and a person who does as they are told. */
export function desk(t: Test, willing = true): Desk {
  const asked: string[] = []
  const person = {
    say: () => {},
    ready: (request: string) => {
      asked.push(request)
      return Promise.resolve(willing)
    },
  }
  const dir = t.testdir()
  const clock = new VirtualClock()
  const at: Desk['at'] = (work) => atWorkbench({ config: config(dir), clock, signal, person }, work)
  return { at, take: (order) => at((bench) => guided(order, bench)), asked }
}
