import type { LineSpec } from '../../../drivers/gpio.ts'
import type { PanelOptions } from '../../../drivers/panel/options.ts'
import { Panel } from '../../../drivers/panel/panel.ts'
import { SimulatedBus } from '../../../drivers/simulated/bus.ts'
import { VirtualClock } from '../../../drivers/simulated/clock.ts'
import { SimulatedGpio } from '../../../drivers/simulated/gpio.ts'

export function line(number: number): LineSpec {
  return { chip: 'simulated', line: number }
}

/** Lines, and a bus at 100 kHz, the least that expanders are used at; all on a virtual clock. */
export function world() {
  const clock = new VirtualClock()
  const gpio = new SimulatedGpio(clock)
  const bus = new SimulatedBus(clock, 100_000)
  const open = (options: PanelOptions): Promise<Panel> => Panel.open(gpio, clock, options)
  /** What a lamp on a line did: on and off, and when. */
  const flashes = (number: number): readonly (readonly [string, number])[] =>
    gpio.changes(line(number)).map(({ level, at }) => [level, at] as const)
  return { clock, gpio, bus, open, flashes }
}
