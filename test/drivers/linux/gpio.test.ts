import { spawnSync } from 'node:child_process'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import type { Edge, Gpio, LineError } from '../../../drivers/gpio.ts'
import { openGpio } from '../../../drivers/linux/gpio.ts'
import type { GpiodChip, GpiodLine } from '../../../drivers/linux/gpio-chips.ts'
import { watchArguments } from '../../../drivers/linux/gpio-events.ts'

function systemError(code: string): Error {
  return Object.assign(new Error(`${code}, made for a test`), { code, errno: 1, syscall: 'test' })
}

/** node-libgpiod in front of memory: what it was asked for, and what it is made to answer. */
class Library {
  readonly calls: string[] = []
  /** Thrown by the next call of this name. */
  readonly failures = new Map<string, string>()
  used = false
  /** From the second question on the line is somebody's: free as a watch begins, taken once its child has it. */
  takenAfterLook = false
  level = 0
  readonly made: string[] = []

  load(): Promise<unknown> {
    const open = (name: string): GpiodChip => this.#chip(name)
    return Promise.resolve({
      Chip: class {
        constructor(name: string) {
          Object.assign(this, open(name))
        }
      },
    })
  }

  #chip(name: string): GpiodChip {
    this.made.push(name)
    this.#say('open')
    const line = (offset: number): GpiodLine => {
      this.made.push(`${name}/${offset}`)
      return this.#line(offset)
    }
    return { name: 'gpiochip0', numberOfLines: 28, getLine: line }
  }

  #line(offset: number): GpiodLine {
    const isUsed = (): boolean => {
      const { used } = this
      this.used ||= this.takenAfterLook
      return used
    }
    return {
      get used() {
        return isUsed()
      },
      consumer: 'somebody',
      update: () => this.#say('update', false),
      getValue: () => {
        this.#say(`get ${offset}`)
        return this.level
      },
      setValue: (value) => this.#say(`set ${offset} ${value}`),
      requestInputModeFlags: (consumer, flags) => this.#say(`input ${offset} ${consumer} ${flags}`),
      requestOutputModeFlags: (consumer, flags, value) =>
        this.#say(`output ${offset} ${consumer} ${flags} ${value}`),
      release: () => this.#say(`release ${offset}`),
    }
  }

  #say(call: string, kept = true): void {
    if (kept) this.calls.push(call)
    const [verb = ''] = call.split(' ')
    const code = this.failures.get(verb)
    this.failures.delete(verb)
    if (code !== undefined) throw systemError(code)
  }
}

async function rig(gpiomon?: string): Promise<{ readonly library: Library; readonly gpio: Gpio }> {
  const library = new Library()
  const load = (): Promise<unknown> => library.load()
  const gpio = await openGpio({ load, ...(gpiomon === undefined ? {} : { gpiomon }) })
  return { library, gpio }
}

const LINE = { chip: 'gpiochip0', line: 17 }

test('an output: requested at its level, set, made inactive and released', async (t) => {
  const { library, gpio } = await rig()
  const line = await gpio.output({ ...LINE, activeLow: true }, false)
  line.set(true)
  line.close()
  line.close()
  t.strictSame(library.calls, ['open', 'output 17 poincon 4 0', 'set 17 1', 'set 17 0', 'release 17'])
  t.throws(() => line.set(true), {
    name: 'LineError',
    fault: 'failed',
    message: 'gpiochip0/17: it is closed',
  })
})

test('an input: read at every question', async (t) => {
  const { library, gpio } = await rig()
  const line = await gpio.input({ ...LINE, bias: 'pull-up' })
  library.level = 1
  t.equal(line.read(), true)
  library.level = 0
  t.equal(line.read(), false)
  line.close()
  t.strictSame(library.calls.slice(1), ['input 17 poincon 32', 'get 17', 'get 17', 'release 17'])
})

test('every chip and line of the library is made once, and kept', async (t) => {
  const { library, gpio } = await rig()
  for (let round = 0; round < 3; round += 1) {
    const line = await gpio.output(LINE, false)
    line.close()
  }
  t.strictSame(library.made, ['gpiochip0', 'gpiochip0/17'])
})

test('a line beyond the last is never asked of the library, which would not survive it', async (t) => {
  const { library, gpio } = await rig()
  for (const line of [28, -1, 1.5]) {
    await t.rejects(gpio.output({ chip: 'gpiochip0', line }, false), {
      name: 'LineError',
      fault: 'no-line',
      message: `gpiochip0/${line}: gpiochip0 has lines 0 to 27`,
    })
  }
  t.strictSame(library.made, ['gpiochip0'])
})

for (const [call, code, fault, message] of [
  ['open', 'ENOENT', 'no-chip', /no such chip/],
  ['open', 'ENOTTY', 'no-chip', /no GPIO chip/],
  ['open', 'EACCES', 'no-permission', /group that owns/],
  ['output', 'EBUSY', 'busy', /in use by somebody/],
  ['output', 'EINVAL', 'no-line', /does not take that line/],
  ['output', 'ENOMEM', 'failed', /ENOMEM/],
] as const) {
  test(`${code} at ${call} is ${fault}; asked again, it works`, async (t) => {
    const { library, gpio } = await rig()
    library.failures.set(call, code)
    await t.rejects(gpio.output(LINE, false), { name: 'LineError', fault, message, cause: { code } })
    const line = await gpio.output(LINE, false)
    line.close()
  })
}

test('a chip that went away is opened anew', async (t) => {
  const { library, gpio } = await rig()
  const line = await gpio.output(LINE, false)
  library.failures.set('set', 'ENODEV')
  t.throws(() => line.set(true), { name: 'LineError', fault: 'no-chip' })
  const again = await gpio.output(LINE, false)
  t.strictSame(library.made, ['gpiochip0', 'gpiochip0/17', 'gpiochip0', 'gpiochip0/17'])
  again.close()
})

test('an output that cannot be made inactive is released all the same', async (t) => {
  const { library, gpio } = await rig()
  const line = await gpio.output(LINE, false)
  library.failures.set('set', 'EIO')
  t.throws(() => line.close(), { name: 'LineError', fault: 'failed' })
  t.equal(library.calls.at(-1), 'release 17')
})

test('without the library, or with another one, it says what to install', async (t) => {
  await t.rejects(openGpio({ load: () => Promise.reject(systemError('ERR_MODULE_NOT_FOUND')) }), {
    name: 'LineError',
    fault: 'no-library',
    message: /npm rebuild node-libgpiod/,
  })
  await t.rejects(openGpio({ load: () => Promise.resolve({}) }), { name: 'LineError', fault: 'no-library' })
})

test('the real library, on a machine without that chip', async (t) => {
  const gpio = await openGpio().catch((error: LineError) => t.comment(error.message))
  if (gpio === undefined) return t.comment('SKIPPED: no node-libgpiod')
  await t.rejects(gpio.output({ chip: 'gpiochip250', line: 0 }, false), {
    name: 'LineError',
    fault: 'no-chip',
    message: /gpiochip250\/0: .+ \(ENOENT\)/,
  })
})

/** A program in place of gpiomon. */
async function gpiomon(t: Test, version: string, watching: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'poincon-gpiomon-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const path = join(folder, 'gpiomon')
  await writeFile(
    path,
    `#!/bin/sh
if [ "$1" = --version ]; then echo 'gpiomon (libgpiod) ${version}'; exit; fi
echo "$*" >'${folder}/arguments'
${watching}
`,
  )
  await chmod(path, 0o755)
  return path
}

/** Seconds of CLOCK_MONOTONIC, so many ms ago. */
function ago(ms: number): { readonly seconds: bigint; readonly nanoseconds: bigint } {
  const at = process.hrtime.bigint() - BigInt(ms) * 1_000_000n
  return { seconds: at / 1_000_000_000n, nanoseconds: at % 1_000_000_000n }
}

interface Told {
  readonly edges: Edge[]
  readonly changed: (edge: Edge) => void
  readonly ended: (error: LineError) => void
  /** The error that it ended with. */
  readonly end: Promise<LineError>
  /** Until so many edges were told. */
  readonly until: (count: number) => Promise<void>
}

function told(): Told {
  const edges: Edge[] = []
  let ended: Told['ended'] = () => {}
  let seen = (): void => {}
  const end = new Promise<LineError>((resolve) => {
    ended = resolve
  })
  return {
    edges,
    end,
    ended: (error) => ended(error),
    changed: (edge) => {
      edges.push(edge)
      seen()
    },
    until: (count) =>
      new Promise((resolve) => {
        seen = () => {
          if (edges.length >= count) resolve()
        }
        seen()
      }),
  }
}

for (const dialect of [1, 2] as const) {
  test(`edges of libgpiod ${dialect}.x come with the kernel's time, on our clock`, async (t) => {
    const times = [ago(250), ago(100)].map(({ seconds, nanoseconds }) =>
      dialect === 1 ? `${seconds} ${nanoseconds}` : `${seconds}.${nanoseconds.toString().padStart(9, '0')}`,
    )
    const falling = dialect === 1 ? 0 : 2
    const path = await gpiomon(
      t,
      dialect === 1 ? 'v1.6.3' : 'v2.2.1',
      `echo '1 ${times[0]}'; echo '${falling} ${times[1]}'; exec sleep 60`,
    )
    const { library, gpio } = await rig(path)
    const { edges, changed, ended, until } = told()
    const before = performance.now()
    library.takenAfterLook = true
    const watch = await gpio.watch(LINE, changed, ended)
    await until(2)
    t.strictSame(
      edges.map(({ active }) => active),
      [true, false],
    )
    const [first, second] = edges
    t.ok(first !== undefined && second !== undefined)
    t.ok(Math.abs((second?.at ?? 0) - (first?.at ?? 0) - 150) < 5, 'what the kernel says lies between them')
    t.ok((first?.at ?? 0) < before && (first?.at ?? 0) > before - 5000, 'a while ago')
    await watch.close()
  })
}

test('a watch that dies says so once, and why', async (t) => {
  const path = await gpiomon(t, 'v1.6.3', 'sleep 0.2; echo "gpiomon: error: No such device" >&2; exit 1')
  const { library, gpio } = await rig(path)
  const { edges, changed, ended, end } = told()
  library.takenAfterLook = true
  const watch = await gpio.watch(LINE, changed, ended)
  const error = await end
  t.match(error, {
    name: 'LineError',
    fault: 'no-chip',
    message: /gpiomon ended: gpiomon: error: No such device/,
  })
  t.strictSame(edges, [])
  await watch.close()
})

test('a gpiomon that does not get the line: its complaint is the error', async (t) => {
  const path = await gpiomon(
    t,
    'v1.6.3',
    'echo "gpiomon: error waiting for events: Device or resource busy" >&2; exit 1',
  )
  const { gpio } = await rig(path)
  const { changed, ended } = told()
  await t.rejects(gpio.watch(LINE, changed, ended), { name: 'LineError', fault: 'busy' })
})

test('a line that somebody has is not even tried', async (t) => {
  const path = await gpiomon(t, 'v1.6.3', 'exec sleep 60')
  const { library, gpio } = await rig(path)
  library.used = true
  const { changed, ended } = told()
  await t.rejects(gpio.watch(LINE, changed, ended), { fault: 'busy', message: /in use by somebody/ })
})

test('a gpiomon that talks nonsense is ended', async (t) => {
  const path = await gpiomon(t, 'v1.6.3', 'sleep 0.2; echo "event: RISING EDGE"; exec sleep 60')
  const { library, gpio } = await rig(path)
  const { changed, ended, end } = told()
  library.takenAfterLook = true
  const watch = await gpio.watch(LINE, changed, ended)
  t.match(await end, { fault: 'failed', message: /it printed "event: RISING EDGE"/ })
  await watch.close()
})

test('no gpiomon, or one that we do not know', async (t) => {
  const { changed, ended } = told()
  const missing = await rig('/nowhere/gpiomon')
  await t.rejects(missing.gpio.watch(LINE, changed, ended), {
    fault: 'no-library',
    message: /install the Debian package gpiod/,
  })
  const other = await rig(await gpiomon(t, 'v9.0', 'exit'))
  await t.rejects(other.gpio.watch(LINE, changed, ended), { fault: 'no-library', message: /libgpiod 1 or 2/ })
})

const real = spawnSync('gpiomon', ['--version']).status === 0 ? false : 'SKIPPED: apt-get install gpiod'
test('the real gpiomon understands our arguments', { skip: real }, (t) => {
  const version = spawnSync('gpiomon', ['--version'], { encoding: 'utf8' }).stdout
  const dialect = /v1\./.test(version) ? 1 : 2
  const spec = { chip: 'gpiochip250', line: 3, activeLow: true, bias: 'pull-up' } as const
  const { stderr, status } = spawnSync('gpiomon', watchArguments(dialect, spec.chip, spec), {
    encoding: 'utf8',
  })
  t.equal(status, 1)
  t.match(stderr, /No such file or directory|cannot find GPIO chip/, 'it looked for the chip')
  t.end()
})
