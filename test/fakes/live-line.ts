import { pino } from 'pino'
import { z } from 'zod'
import { As7341 } from '../../drivers/as7341/as7341.ts'
import type { Clock } from '../../drivers/clock.ts'
import { SimulatedAs7341 } from '../../drivers/simulated/as7341.ts'
import { SimulatedBus } from '../../drivers/simulated/bus.ts'
import { VirtualClock } from '../../drivers/simulated/clock.ts'
import { FaultyDevice } from '../../drivers/simulated/faults.ts'
import { generateFirmware } from '../../drivers/simulated/firmware.ts'
import { SimulatedGate } from '../../drivers/simulated/gate.ts'
import { SimulatedLine } from '../../drivers/simulated/line.ts'
import { SimulatedVl53l8ch } from '../../drivers/simulated/vl53l8ch.ts'
import { Vl53l8ch } from '../../drivers/vl53l8ch/vl53l8ch.ts'
import { Acquisition, type DecidedPart } from '../../gateway/acquisition.ts'
import { judge, prepare } from '../../gateway/analysis/judge.ts'
import { measureEmptyTray } from '../../gateway/calibrate.ts'
import type { HeadPlan } from '../../gateway/hardware.ts'
import { HeadRack } from '../../gateway/head-rack.ts'
import { PartCounters } from '../../gateway/health/counters.ts'
import { inspect } from '../../gateway/inspect.ts'
import type { Log } from '../../gateway/log.ts'
import { BUILT_IN_RECIPES } from '../../gateway/recipes/built-in.ts'
import type { UnitStatus } from '../../gateway/station.ts'

const never = new AbortController().signal
const firmware = generateFirmware(1)
const RECIPE = BUILT_IN_RECIPES.find(({ id }) => id === 'foiegras_standard_barquette')
/** Of the standard recipe. */
export const DEADLINE_MS = 500
/** Between two parts; both heads take about 150 ms for one. */
const PERIOD_MS = 250

const said = z.looseObject({ level: z.number(), msg: z.string(), head: z.string().optional() })

export type Head = 'tof' | 'spectral'

/**
 * A virtual clock that, as a real one, never says the same time twice, and on which a transfer takes its time beside
 * everything else, as on a real bus: the simulated bus spends a bare `VirtualClock` at once.
 */
function sharedClock(): Clock {
  const clock = new VirtualClock()
  let asked = 0
  return {
    now: () => {
      asked += 1
      return clock.now() + asked * 1e-9
    },
    wall: () => clock.wall(),
    sleep: (ms, signal) => clock.sleep(ms, signal),
    after: (ms, act) => clock.after(ms, act),
  }
}

function plansOf(clock: Clock, devices: Record<Head, FaultyDevice>): readonly HeadPlan[] {
  const [fast, slow] = [new SimulatedBus(clock, 1_000_000), new SimulatedBus(clock, 400_000)]
  fast.attach(0x29, devices.tof)
  slow.attach(0x39, devices.spectral)
  const exposure = { gain: 4, atime: 29, astep: 599 } as const
  return [
    {
      id: 'tof',
      kind: 'vl53l8ch',
      open: (signal) => Vl53l8ch.open(fast, clock, { firmware, zones: 64, rateHz: 15 }, signal),
    },
    { id: 'spectral', kind: 'as7341', open: (signal) => As7341.open(slow, clock, { exposure }, signal) },
  ]
}

/** The live path from chip to gate, on a clock that costs no time: real drivers, heads, analysis, acquisition. */
export class LiveLine {
  readonly clock: Clock
  readonly devices: Record<Head, FaultyDevice>
  readonly parts: DecidedPart[] = []
  readonly counters = new PartCounters()
  /** What the log said at `warn` or above. */
  readonly warnings: string[] = []
  readonly rack: HeadRack
  /** Of the recipe, ms. */
  deadlineMs = DEADLINE_MS
  readonly #belt: SimulatedLine
  readonly #log: Log
  #acquisition: Acquisition | undefined

  constructor() {
    this.clock = sharedClock()
    this.#belt = new SimulatedLine({ seed: 5, emptyRate: 0 })
    const { scene } = this.#belt
    this.devices = {
      tof: new FaultyDevice(new SimulatedVl53l8ch({ clock: this.clock, scene }), this.clock, 11),
      spectral: new FaultyDevice(new SimulatedAs7341(this.clock, scene), this.clock, 12),
    }
    this.#log = pino({ level: 'warn' }, { write: (line: string) => this.#hear(line) })
    this.rack = new HeadRack(plansOf(this.clock, this.devices), {
      clock: this.clock,
      log: this.#log,
      random: () => 0.5,
    })
  }

  /** Opens the heads, calibrates on the empty tray, and lets the first part be seen. */
  async start(): Promise<void> {
    if (RECIPE === undefined) throw new Error('no standard recipe')
    const { clock, rack } = this
    await rack.start(never)
    const plan = prepare(RECIPE, await measureEmptyTray(rack.heads, clock, 'test', never))
    this.#acquisition = new Acquisition({
      clock,
      log: this.#log,
      gate: new SimulatedGate(true),
      dryRun: false,
      limits: { waiting: 16, appending: 100 },
      deadlineMs: () => this.deadlineMs,
      inspect: (trigger, signal) => inspect(trigger, rack.heads, (evidence) => judge(plan, evidence), signal),
      storable: () => true,
      retry: () => true,
      record: (part) => () => {
        this.parts.push(part)
        return Promise.resolve({ epoch: 'e', sequence: this.parts.length, id: 'i', payload: '{}' })
      },
      stored: () => {},
      counters: this.counters,
      seen: () => {},
      decided: () => {},
      source: () => Promise.resolve(),
      sourceName: 'interval',
    })
    await this.bring(1)
  }

  /** Brings parts, each when the one before is recorded and its period is over. @returns them, decided */
  async bring(count: number, periodMs = PERIOD_MS): Promise<readonly DecidedPart[]> {
    const from = this.parts.length
    for (let part = 0; part < count; part += 1) {
      const at = this.clock.now()
      this.#belt.next()
      await this.#acquisition?.trigger('interval')
      await this.clock.sleep(Math.max(0, at + periodMs - this.clock.now()))
    }
    return this.parts.slice(from)
  }

  /** Brings parts for that long. */
  async bringFor(ms: number): Promise<readonly DecidedPart[]> {
    const until = this.clock.now() + ms
    const parts: DecidedPart[] = []
    while (this.clock.now() < until) parts.push(...(await this.bring(1)))
    return parts
  }

  status(id: Head): UnitStatus {
    return (
      this.rack.heads.find((head) => head.id === id)?.status() ?? { state: 'failed', detail: 'no such head' }
    )
  }

  async stop(): Promise<void> {
    await this.#acquisition?.stop()
    await this.rack.stop()
  }

  #hear(text: string): void {
    const line = said.parse(JSON.parse(text))
    this.warnings.push(`${line.head ?? ''} ${line.msg}`)
  }
}
