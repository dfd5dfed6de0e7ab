/**
 * A process with a gate, to be killed. Its pins are lines on stdout, written before `set` returns:
 *   <CLOCK_MONOTONIC ms> <name> <0 or 1>
 * On stdin: `window` lets a part pass, and blocks the event loop for 600 ms when its window has opened.
 */
import { writeSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { systemClock } from '../../../drivers/clock.ts'
import { BeltGate } from '../../../drivers/gate/belt-gate.ts'
import { type Gpio, LineError, type LineSpec } from '../../../drivers/gpio.ts'

const BLOCK_MS = 600
const NAMES: readonly string[] = ['pass', 'kick']

function say(name: string, active: boolean): void {
  writeSync(1, `${Number(process.hrtime.bigint()) / 1e6} ${name} ${active ? 1 : 0}\n`)
}

function block(): void {
  say('blocked', true)
  const until = performance.now() + BLOCK_MS
  while (performance.now() < until);
  say('blocked', false)
}

let blockIt = false
const none = (): never => {
  throw new LineError('no-line', 'there are outputs only')
}
const gpio: Gpio = {
  input: none,
  watch: none,
  output({ line }: LineSpec) {
    const name = NAMES[line] ?? 'unknown'
    const set = (active: boolean): void => {
      say(name, active)
      if (blockIt && name === 'pass' && active) setImmediate(block)
    }
    return Promise.resolve({ set, close: () => set(false) })
  },
}

const gate = await BeltGate.open(gpio, systemClock, {
  pass: { chip: 'stdout', line: 0 },
  window: { delayMs: 100, pulseMs: 300, openWithinMs: 290 },
  kicks: { line: { chip: 'stdout', line: 1 }, everyMs: 20, relayMs: 100, alive: () => true },
})
gate.move('accept')
createInterface({ input: process.stdin }).on('line', () => {
  blockIt = true
  gate.expect(1, systemClock.now())
  gate.act('accept', 1)
})
