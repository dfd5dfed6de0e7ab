import { readFileSync } from 'node:fs'
import { access, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { LineError, type LineFault } from '../gpio.ts'
import type { PulseCounter } from '../trigger/position.ts'

export interface CounterOptions {
  /** `counter0`. */
  readonly device: string
  /** Which of its counts. Default 0. */
  readonly count?: number
  /** How the signals are counted, one of `function_available`. Default `quadrature x4`. */
  readonly function?: string
  /** Default `/sys/bus/counter/devices`. */
  readonly root?: string
}

/** Where the counter names no ceiling: differences modulo 2^32 are right for any wider counter, too. */
const NARROWEST = 2n ** 32n

/**
 * A count of the kernel's counter interface (Documentation/ABI/testing/sysfs-bus-counter): the hardware counts both
 * channels, direction included, and no pulse is lost however busy we are. Nothing is held open: it counts on.
 * @throws LineError `no-chip` (with what there is), `no-permission`, `failed` for a function that it does not know
 */
export async function openCounter(options: CounterOptions): Promise<PulseCounter> {
  const { device, count = 0, function: wanted = 'quadrature x4', root = '/sys/bus/counter/devices' } = options
  const folder = join(root, device, `count${count}`)
  const attribute = (name: string): Attribute => new Attribute(join(folder, name))
  const value = attribute('count')
  await value.mustExist()
  const enable = attribute('enable')
  const gated = await enable.exists()
  if (gated) await enable.write('0')
  try {
    await choose(attribute('function'), attribute('function_available'), wanted)
    const ceiling = attribute('ceiling')
    const modulus = (await ceiling.exists()) ? numberOf(await ceiling.read(), ceiling) + 1n : NARROWEST
    if (gated) await enable.write('1')
    return { modulus, read: () => numberOf(value.readNow(), value) % modulus }
  } catch (error) {
    if (gated) await enable.write('0').catch(() => {})
    throw error
  }
}

async function choose(chosen: Attribute, available: Attribute, wanted: string): Promise<void> {
  if (!(await chosen.exists())) return
  const now = await chosen.read()
  if (now === wanted) return
  const known = (await available.exists()) ? (await available.read()).split('\n') : [now]
  if (!known.includes(wanted)) {
    throw new LineError('failed', `${chosen.path}: it counts by ${known.join(', ')}, not by ${wanted}`)
  }
  await chosen.write(wanted)
}

function numberOf(text: string, { path }: Attribute): bigint {
  if (/^\d{1,20}$/.test(text)) return BigInt(text)
  throw new LineError('failed', `${path}: expected a count, not ${JSON.stringify(text.slice(0, 40))}`)
}

/** One file of sysfs. */
class Attribute {
  readonly path: string

  constructor(path: string) {
    this.path = path
  }

  exists(): Promise<boolean> {
    return access(this.path).then(
      () => true,
      () => false,
    )
  }

  async mustExist(): Promise<void> {
    await access(this.path).catch((error: unknown) => {
      throw this.#error(error)
    })
  }

  async read(): Promise<string> {
    try {
      return (await readFile(this.path, 'utf8')).trim()
    } catch (error) {
      throw this.#error(error)
    }
  }

  /** Sysfs answers from a register, in microseconds: a detour through a thread would cost more. */
  readNow(): string {
    try {
      return readFileSync(this.path, 'utf8').trim()
    } catch (error) {
      throw this.#error(error)
    }
  }

  async write(value: string): Promise<void> {
    try {
      await writeFile(this.path, value)
    } catch (error) {
      throw this.#error(error)
    }
  }

  #error(error: unknown): LineError {
    const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : ''
    const [fault, advice] = FAULTS[code] ?? ['failed', 'the counter does not answer']
    return new LineError(fault, `${this.path}: ${advice} (${code})`, { cause: error })
  }
}

const FAULTS: Readonly<Record<string, readonly [LineFault, string]>> = {
  ENOENT: ['no-chip', 'this machine has no such counter: ls /sys/bus/counter/devices'],
  ENODEV: ['no-chip', 'the counter is gone'],
  EACCES: ['no-permission', 'give the user write access to the attributes of the counter, by a udev rule'],
  EPERM: ['no-permission', 'give the user write access to the attributes of the counter, by a udev rule'],
  EBUSY: ['busy', 'the counter is in use'],
}
