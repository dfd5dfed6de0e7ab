import { test } from 'tap'
import type { GateAction } from '../../../drivers/gate/gate.ts'
import { Random } from '../../../drivers/simulated/random.ts'
import { activeTimes, HOLD, PASS, rig } from './rig.ts'

const BELTS = 1000

interface Part {
  readonly trigger: number
  readonly at: number
  readonly action: GateAction
  /** When it is said; undefined: never. */
  readonly decidedAt: number | undefined
}

interface Belt {
  readonly delayMs: number
  readonly pulseMs: number
  readonly leadMs: number
  readonly parts: readonly Part[]
}

/** Whole milliseconds, so that what must happen is exact. */
function beltOf(seed: number): Belt {
  const random = new Random(seed)
  const whole = (low: number, high: number): number => Math.floor(random.between(low, high + 1))
  const pulseMs = whole(20, 150)
  const leadMs = random.chance(0.5) ? whole(0, 50) : 0
  const delayMs = whole(100, 800)
  let at = 0
  const parts = Array.from({ length: whole(1, 25) }, (_, place): Part => {
    // Many that touch, some that overlap, some far apart.
    at += random.chance(0.3) ? pulseMs : whole(1, 3 * pulseMs)
    const action = random.chance(0.6) ? 'accept' : random.chance(0.5) ? 'reject' : 'hold'
    const opensAt = at + delayMs - leadMs
    const said = random.chance(0.1) ? opensAt : whole(at, at + delayMs + 2 * pulseMs)
    return { trigger: place + 1, at, action, decidedAt: random.chance(0.9) ? said : undefined }
  })
  return { delayMs, pulseMs, leadMs, parts }
}

/** What the gate has to do with a part: its action if that was said before its window opened, else reject. */
function rightful({ delayMs, leadMs }: Belt, { at, action, decidedAt }: Part): GateAction {
  return decidedAt !== undefined && decidedAt < at + delayMs - leadMs ? action : 'reject'
}

/** Reckoned from the rule alone, ms by ms: an output is on while every part in front of the gate wants it. */
function rightfulTimes(belt: Belt, output: GateAction): [number, number][] {
  const { delayMs, pulseMs, leadMs, parts } = belt
  const times: [number, number][] = []
  const end = (parts.at(-1)?.at ?? 0) + delayMs + pulseMs
  for (let ms = 0; ms < end; ms += 1) {
    const inFront = parts.filter(({ at }) => {
      const opensAt = at + delayMs - leadMs
      return opensAt <= ms && ms < opensAt + pulseMs
    })
    if (inFront.length === 0 || inFront.some((part) => rightful(belt, part) !== output)) continue
    const last = times.at(-1)
    if (last?.[1] === ms) last[1] = ms + 1
    else times.push([ms, ms + 1])
  }
  return times
}

test(`on ${BELTS} random belts each part ends as its verdict says, and nothing else is let through`, async (t) => {
  const total = { parts: 0, accepted: 0, held: 0, rejected: 0, late: 0, overlapped: 0 }
  for (let seed = 1; seed <= BELTS; seed += 1) {
    const belt = beltOf(seed)
    const { delayMs, pulseMs, leadMs, parts } = belt
    const { clock, gpio, gate } = await rig({ hold: HOLD, leadMs, window: { delayMs, pulseMs } })
    const said = new Map<number, string>()
    for (const { trigger, at, action, decidedAt } of parts) {
      clock.after(at, () => gate.expect(trigger, at))
      if (decidedAt === undefined) continue
      clock.after(decidedAt, () => said.set(trigger, gate.act(action, trigger)))
    }
    await clock.sleep((parts.at(-1)?.at ?? 0) + delayMs + 5 * pulseMs)

    const { counters, waiting } = gate.health()
    const passed = activeTimes(gpio, PASS)
    const wanted = rightfulTimes(belt, 'accept')
    const held = activeTimes(gpio, HOLD)
    const lateOnes = parts.filter(
      ({ at, decidedAt }) => decidedAt !== undefined && decidedAt >= at + delayMs - leadMs,
    )
    const right =
      JSON.stringify(passed) === JSON.stringify(wanted) &&
      JSON.stringify(held) === JSON.stringify(rightfulTimes(belt, 'hold')) &&
      lateOnes.every(({ trigger }) => said.get(trigger) === 'late') &&
      counters.late === lateOnes.length &&
      counters.missed + counters.unannounced + counters.stranded + waiting === 0 &&
      counters.announced === counters.accepted + counters.held + counters.rejected
    if (!right) t.fail(`belt ${seed}`, { belt, passed, wanted, held, counters, said: [...said] })
    gate.close()
    total.parts += parts.length
    for (const name of ['accepted', 'held', 'rejected', 'late', 'overlapped'] as const) {
      total[name] += counters[name]
    }
  }
  t.comment(JSON.stringify(total))
  for (const [name, count] of Object.entries(total)) t.ok(count > BELTS / 2, `${name} are among them`)
})
