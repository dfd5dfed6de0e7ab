import type { BusStatistics, DeviceStatistics } from '../drivers/bus-statistics.ts'
import type { Config } from './config.ts'
import type { Hardware } from './hardware.ts'
import type { Unit, UnitStatus } from './station.ts'

type Facts = NonNullable<UnitStatus['facts']>

/** How busy a bus is, and what each device on it had of it, as `/healthz` shows it. Pure. */
export function busFacts({ busyPercent, wirePercent, devices }: BusStatistics): Facts {
  const facts: Record<string, string | number> = { busy_percent: tenth(busyPercent) }
  if (wirePercent !== undefined) facts.wire_percent = tenth(wirePercent)
  for (const device of devices) facts[hex(device.address)] = inWords(device)
  return facts
}

function inWords({
  transfers,
  bytesOut,
  bytesIn,
  faults,
  repeated,
  meanMs,
  maxMs,
}: DeviceStatistics): string {
  const failed = Object.entries(faults).map(([fault, count]) => `${count} ${fault}`)
  const times = `${meanMs.toFixed(2)} ms each, ${maxMs.toFixed(0)} at most`
  const wrong = failed.length === 0 ? 'no fault' : `${failed.join(', ')}, ${repeated} repeated`
  return `${transfers} transfers, ${bytesOut} bytes out, ${bytesIn} in, ${times}, ${wrong}`
}

function tenth(value: number): number {
  return Math.round(value * 10) / 10
}

function hex(address: number): string {
  return `0x${address.toString(16).padStart(2, '0')}`
}

/** The buses, as health shows them: one that nobody uses has nothing to say. */
export function busUnits(
  { busStatistics }: Hardware,
  { buses }: Config,
): readonly Pick<Unit, 'name' | 'status'>[] {
  return Object.entries(buses)
    .filter(([, { kind }]) => kind !== 'multiplexed')
    .map(([name]) => ({
      name: `bus ${name}`,
      status: () => {
        const statistics = busStatistics().get(name)
        return { state: 'ok', ...(statistics === undefined ? {} : { facts: busFacts(statistics) }) }
      },
    }))
}
