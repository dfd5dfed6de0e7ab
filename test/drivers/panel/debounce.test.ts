import { test } from 'tap'
import { PanelButton, STUCK_MS } from '../../../drivers/panel/button.ts'
import { found, levelSeen, settled } from '../../../drivers/panel/debounce.ts'
import { VirtualClock } from '../../../drivers/simulated/clock.ts'

const DEBOUNCE_MS = 20

/**
 * Edges of contacts as oscilloscopes show them, ms of each change, beginning released: make and break of a small
 * tactile switch, of a worn mushroom button with gaps within the hold, and a spike by a contactor next to the cable.
 */
const TACTILE = [1000, 1000.4, 1000.9, 1001.1, 1003.2, 1120, 1120.3, 1120.8, 1121.5, 1122]
const WORN = [500, 502, 504, 511, 513, 514, 521, 700, 704, 706, 715, 900]
const SPIKE = [300, 300.6]

/** Plays edges into a button on a clock of its own; what it told of itself comes back. */
async function play(edges: readonly number[], untilMs: number, foundActive = false) {
  const clock = new VirtualClock()
  const presses: number[] = []
  const levels: [boolean, number][] = []
  const button = new PanelButton(clock, DEBOUNCE_MS, {
    pressed: (at) => presses.push(at),
    level: (active) => levels.push([active, clock.now()]),
  })
  button.told(foundActive, undefined)
  let active = foundActive
  for (const at of edges) {
    await clock.sleep(at - clock.now())
    active = !active
    button.told(active, at)
  }
  await clock.sleep(untilMs - clock.now())
  return { clock, button, presses, levels }
}

test('a bouncing press is one press, dated to the first touch that lasted', async (t) => {
  const { presses, levels, button } = await play(TACTILE, 2000)
  t.strictSame(presses, [1003.2])
  t.strictSame(levels, [
    [false, 0],
    [true, 1023.2],
    [false, 1142],
  ])
  t.equal(button.stuck, false)
  button.close()
})

test('gaps shorter than the debounce time, in the middle of a hold, are no second press', async (t) => {
  const { presses, levels } = await play(WORN, 1000)
  t.strictSame(presses, [521])
  t.strictSame(levels, [
    [false, 0],
    [true, 541],
    [false, 920],
  ])
})

test('a spike is no press', async (t) => {
  const { presses, levels } = await play(SPIKE, 1000)
  t.strictSame(presses, [])
  t.strictSame(levels, [[false, 0]])
})

test('a press and a release that are told together, late, are still a press', (t) => {
  const clock = new VirtualClock()
  const presses: number[] = []
  const button = new PanelButton(clock, DEBOUNCE_MS, { pressed: (at) => presses.push(at), level: () => {} })
  button.told(false, undefined)
  clock.spend(900)
  for (const [active, at] of [
    [true, 100],
    [false, 101],
    [true, 102],
    [false, 180],
  ] as const) {
    button.told(active, at)
  }
  t.strictSame(presses, [102])
  button.close()
  t.end()
})

test('held for ever: one press, and after 30 s stuck, until it is released', async (t) => {
  const { clock, presses, button } = await play([1000], 1000)
  await clock.sleep(STUCK_MS - 1)
  t.equal(button.stuck, false)
  await clock.sleep(1)
  t.equal(button.stuck, true)
  await clock.sleep(600_000)
  t.strictSame(presses, [1000], 'holding does not repeat')
  button.told(false, clock.now())
  await clock.sleep(DEBOUNCE_MS)
  t.equal(button.stuck, false)
  button.told(true, clock.now())
  await clock.sleep(DEBOUNCE_MS)
  t.equal(presses.length, 2, 'it works again')
  button.close()
})

test('pressed when first looked at: stuck at once, no press; a new press after its release counts', async (t) => {
  const { clock, presses, button } = await play([], 5000, true)
  t.equal(button.stuck, true)
  t.strictSame(presses, [])
  button.told(false, clock.now())
  await clock.sleep(5)
  t.equal(button.stuck, true, 'a bounce is no release')
  await clock.sleep(DEBOUNCE_MS)
  t.equal(button.stuck, false)
  button.told(true, clock.now())
  await clock.sleep(DEBOUNCE_MS)
  t.equal(presses.length, 1)
  button.close()
})

test('a contact that was lost and is found pressed is not a press', async (t) => {
  const { clock, presses, button } = await play([], 100)
  button.told(true, undefined)
  await clock.sleep(1000)
  t.strictSame(presses, [])
  t.equal(button.stuck, true)
  button.close()
})

test('levels that are polled say the same again and again; only time counts', (t) => {
  let contact = found(false, 0)
  for (let at = 20; at <= 100; at += 20) {
    contact = levelSeen(contact, { active: at >= 40, at }, DEBOUNCE_MS).after
    t.equal(contact.active, at >= 60, `${at} ms`)
  }
  t.equal(settled(contact, 1e6, DEBOUNCE_MS), contact, 'nothing to settle')
  t.end()
})

test('closing a button forgets its timers', async (t) => {
  const { clock, presses, button, levels } = await play([100], 110)
  button.close()
  await clock.sleep(STUCK_MS + 1000)
  t.strictSame(presses, [])
  t.equal(levels.length, 1)
  t.equal(button.stuck, false)
})
