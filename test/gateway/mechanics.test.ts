import { test } from 'tap'
import { VirtualClock } from '../../drivers/simulated/clock.ts'
import { parseConfig } from '../../gateway/config.ts'
import { wire } from '../../gateway/hardware.ts'
import { silentLog } from '../../gateway/log.ts'
import { mechanics } from '../../gateway/mechanics.ts'

const line = (number: number) => ({ chip: 'simulated', line: number })

test('trays that ride on a simulated belt come one by one, and its encoder counts their way while they are scanned', async (t) => {
  const parsed = parseConfig({
    recipe: 'foiegras_haute_resolution',
    trigger: { kind: 'light-barrier', line: line(10) },
    encoder: { kind: 'line', line: line(11), mm_per_pulse: 0.5 },
  })
  if ('problems' in parsed) throw new Error(JSON.stringify(parsed.problems))
  const { config } = parsed
  const clock = new VirtualClock()
  const hardware = wire({ config, clock, profile: config.recipe })
  const scans: { readonly tray: number; readonly encoder: number }[] = []
  const machine = mechanics({
    ...{ config, hardware, clock, log: silentLog, dryRun: true },
    bring: () => void hardware.line?.next(),
    standing: () => false,
    // Some part is always being looked at.
    occupied: () => true,
  })
  const end = new AbortController()
  const came: number[] = []
  for (const unit of machine.units) await unit.start(end.signal)
  const running = machine.trigger.run(({ at = clock.now() } = {}) => {
    came.push(at)
    void clock.sleep(6000).then(() => {
      const tray = hardware.line?.travelMm(at + 6000) ?? 0
      scans.push({ tray, encoder: machine.travel?.(at, at + 6000) ?? 0 })
    })
    // Nobody inspects it.
    return new Promise(() => {})
  }, end.signal)
  await clock.sleep(20_500)
  const [first = 0, second = 0, third = 0] = came
  t.equal(came.length, 3)
  t.ok(
    Math.abs(second - first - 6600) <= 4 && Math.abs(third - second - 6600) <= 4,
    'one tray is seen at a time',
  )
  t.ok(scans.length > 0)
  for (const { tray, encoder } of scans) {
    t.ok(
      Math.abs(tray - 600) < 1 && Math.abs(encoder - 600) < 1.5,
      `${tray} mm, the encoder says ${encoder} mm`,
    )
  }
  end.abort()
  await running.catch(() => {})
  for (const unit of machine.units.toReversed()) await unit.stop()
  await hardware.close()
})
