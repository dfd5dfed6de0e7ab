import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import { type Test, test } from 'tap'
import { SimulatedRelay } from '../../../drivers/simulated/belt-gate.ts'
import { VirtualClock } from '../../../drivers/simulated/clock.ts'
import { SimulatedGpio } from '../../../drivers/simulated/gpio.ts'

/** As in kicking.ts. */
const KICK_MS = 20
const RELAY_MS = 100

interface Level {
  /** CLOCK_MONOTONIC, ms: the same for every process. */
  readonly at: number
  readonly name: string
  readonly active: boolean
}

function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6
}

/** A process with a gate that lets parts pass, and what its pins did. */
class Gatekeeper {
  readonly levels: Level[] = []
  readonly child: ChildProcessByStdio<Writable, Readable, null>
  #seen = (): void => {}

  constructor(t: Test) {
    this.child = spawn(process.execPath, [join(import.meta.dirname, 'kicking.js')], {
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    t.teardown(() => this.child.kill('SIGKILL'))
    createInterface({ input: this.child.stdout }).on('line', (line) => {
      const [at, name = '', active] = line.split(' ')
      this.levels.push({ at: Number(at), name, active: active === '1' })
      this.#seen()
    })
  }

  of(name: string): readonly Level[] {
    return this.levels.filter((level) => level.name === name)
  }

  /** Until there are so many more kicks. */
  async kicks(count: number): Promise<void> {
    const enough = this.of('kick').length + count
    await new Promise<void>((resolve) => {
      this.#seen = () => {
        if (this.of('kick').length >= enough) resolve()
      }
    })
  }
}

test('SIGKILL: not one kick more, though the output that lets parts pass was left energised', async (t) => {
  const keeper = new Gatekeeper(t)
  await keeper.kicks(10)
  const closed = once(keeper.child, 'close')
  keeper.child.kill('SIGKILL')
  const killedAt = monotonicMs()
  await closed
  const lastKick = keeper.of('kick').at(-1)?.at ?? Number.NaN
  t.ok(
    lastKick < killedAt + KICK_MS,
    `the last kick came ${(killedAt - lastKick).toFixed(1)} ms before the kill`,
  )
  t.equal(keeper.of('pass').at(-1)?.active, true, 'nobody switched it off: that is what the relay is for')
})

test('SIGSTOP: no kick while the process stands', async (t) => {
  const keeper = new Gatekeeper(t)
  await keeper.kicks(10)
  keeper.child.kill('SIGSTOP')
  while (!/\) T /.test(await readFile(`/proc/${keeper.child.pid}/stat`, 'utf8')));
  const stoppedAt = monotonicMs()
  // That nothing happens takes time to see.
  await delay(3 * RELAY_MS)
  const continuedAt = monotonicMs()
  keeper.child.kill('SIGCONT')
  await keeper.kicks(5)
  const meanwhile = keeper.of('kick').filter(({ at }) => at > stoppedAt && at < continuedAt)
  t.strictSame(meanwhile, [])
  t.ok(continuedAt - stoppedAt >= RELAY_MS, 'long enough for the relay to fall')
})

test('a blocked event loop: no kick, and what was left open is shut before the next one', async (t) => {
  const keeper = new Gatekeeper(t)
  await keeper.kicks(5)
  keeper.child.stdin.write('window\n')
  while (keeper.of('blocked').length < 2) await keeper.kicks(1)
  await keeper.kicks(5)
  const [from, to] = keeper.of('blocked')
  if (from === undefined || to === undefined) throw new Error('it never blocked')
  const meanwhile = keeper.levels.filter(({ at }) => at > from.at && at < to.at)
  t.strictSame(meanwhile, [], 'nothing moves')
  t.ok(to.at - from.at > 2 * RELAY_MS, 'the relay has fallen')
  const after = keeper.levels.filter(({ at }) => at > to.at)
  t.match(after[0], { name: 'pass', active: false }, 'the window was over long ago')
  t.match(after[1], { name: 'kick' })
})

test('the relay holds while it is kicked, and falls within its time', async (t) => {
  const clock = new VirtualClock()
  const gpio = new SimulatedGpio(clock)
  const line = { chip: 'simulated', line: 0 }
  const relay = new SimulatedRelay(gpio, clock, { kick: line, holdMs: 100 })
  const output = await gpio.output(line, false)
  for (let kick = 0; kick < 10; kick += 1) {
    output.set(kick % 2 === 0)
    await clock.sleep(20)
  }
  t.equal(relay.closed, true)
  gpio.die()
  await clock.sleep(1000)
  t.equal(relay.closed, false)
  t.strictSame(relay.falls, [8 * 20 + 100], 'after the last rising edge')
})
