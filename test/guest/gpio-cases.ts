import { equal, rejects, throws } from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { realpathSync, writeFileSync } from 'node:fs'
import { openGpio } from '../../drivers/linux/gpio.ts'
import type { Case } from './cases.ts'
import { DEVICE, PINS, Pins } from './gpio-chip.ts'

const CHIP = 'gpiochip0'

/** Our GPIO driver on a chip of the kernel, whose pins the cases hold at the other end. */
export function gpioCases(): Record<string, Case> {
  return {
    'an output has its first level at once, follows, and is inactive when it is given back': () =>
      withPins(async (pins, gpio) => {
        const line = await gpio.output({ chip: CHIP, line: 3 }, true)
        equal(pins.isOutput(3), true)
        equal(pins.output(3), true)
        line.set(false)
        equal(pins.output(3), false)
        line.set(true)
        equal(pins.output(3), true)
        equal(pins.output(2), false, 'and its neighbour stays as it was')
        line.close()
        equal(pins.output(3), false)
      }),

    'an output that is active low stands high while it is inactive, also when it is given back': () =>
      withPins(async (pins, gpio) => {
        const line = await gpio.output({ chip: CHIP, line: 4, activeLow: true }, false)
        equal(pins.output(4), true)
        line.set(true)
        equal(pins.output(4), false)
        line.close()
        equal(pins.output(4), true)
      }),

    'an input is read anew each time': () =>
      withPins(async (pins, gpio) => {
        const line = await gpio.input({ chip: CHIP, line: 5 })
        const inverted = await gpio.input({ chip: CHIP, line: 6, activeLow: true })
        for (const high of [true, false, true]) {
          pins.drive(5, high)
          pins.drive(6, high)
          equal(line.read(), high)
          equal(inverted.read(), !high)
        }
        equal(pins.isOutput(5), false)
        line.close()
        inverted.close()
      }),

    'a line that is in use is busy, and free again when it was given back': () =>
      withPins(async (_, gpio) => {
        const spec = { chip: CHIP, line: 1 }
        const line = await gpio.output(spec, false)
        await rejects(gpio.output(spec, true), { name: 'LineError', fault: 'busy' })
        line.close()
        const again = await gpio.output(spec, true)
        again.close()
      }),

    'a line of another process is busy; after its SIGKILL it is free, and its pin stays as it stood': () =>
      withPins(async (pins, gpio) => {
        const spec = { chip: CHIP, line: 7 }
        const holder = await startHolder(spec.line)
        equal(pins.output(7), true)
        await rejects(gpio.output(spec, false), { fault: 'busy', message: /poincon/ })
        const exit = once(holder, 'exit')
        holder.kill('SIGKILL')
        await exit
        equal(pins.isOutput(7), true, 'nobody turned it off: a crash needs a relay that falls by itself')
        equal(pins.output(7), true)
        const line = await gpio.output(spec, false)
        equal(pins.output(7), false)
        line.close()
      }),

    'a chip and a line that do not exist': () =>
      withPins(async (_, gpio) => {
        await rejects(gpio.output({ chip: 'gpiochip9', line: 0 }, false), { fault: 'no-chip' })
        await rejects(gpio.output({ chip: CHIP, line: PINS }, false), { fault: 'no-line' })
      }),

    'a user without permission': () =>
      withPins(async () => {
        const gpio = await openGpio()
        process.seteuid?.(65534)
        try {
          await rejects(gpio.input({ chip: `/dev/${CHIP}`, line: 0 }), { fault: 'no-permission' })
        } finally {
          process.seteuid?.(0)
        }
      }),

    'edges of a chip without interrupts: refused or ended, never silent': () =>
      withPins(async (_, gpio) => {
        const ended = new Promise<never>((_, reject) => {
          const watch = gpio.watch({ chip: CHIP, line: 2 }, () => {}, reject)
          watch.catch(reject)
        })
        await rejects(ended, { name: 'LineError', message: /No such device/ })
      }),

    'a chip that goes away, and comes back under another number': () =>
      withPins(async (pins, gpio) => {
        // By its label: its number is taken for as long as anybody has a descriptor of what it was.
        const spec = { chip: DEVICE, line: 0 }
        const line = await gpio.output(spec, true)
        const driver = realpathSync(`/sys/bus/platform/devices/${DEVICE}/driver`)
        writeFileSync(`${driver}/unbind`, DEVICE)
        throws(() => line.set(false), { name: 'LineError', fault: 'no-chip' })
        await rejects(gpio.output(spec, true), { fault: 'no-chip' })
        writeFileSync(`${driver}/bind`, DEVICE)
        const again = await gpio.output(spec, false)
        equal(pins.output(0), false)
        again.close()
      }),
  }
}

async function withPins(
  use: (pins: Pins, gpio: Awaited<ReturnType<typeof openGpio>>) => Promise<void>,
): Promise<void> {
  const pins = new Pins()
  try {
    await use(pins, await openGpio())
  } finally {
    pins.close()
  }
}

/** A process that holds a line, active, until it is killed. */
async function startHolder(line: number): Promise<ChildProcess> {
  const script = new URL(`gpio-holder${import.meta.url.slice(-3)}`, import.meta.url).pathname
  const holder = spawn(process.execPath, [script, CHIP, String(line)], { stdio: ['pipe', 'pipe', 'inherit'] })
  await once(holder.stdout, 'data')
  return holder
}
