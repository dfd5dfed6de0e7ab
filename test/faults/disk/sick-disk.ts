import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Random } from '../../../drivers/simulated/random.ts'
import { reopen } from '../../gateway/store/opening.ts'
import { EMPTY, verifiedAfter } from '../stored.ts'

const VICTIM = fileURLToPath(new URL('victim.js', import.meta.url))
const WIDTH = 4
/** A fault that nobody hears of within this is not told at all. */
const PATIENCE_MS = 20_000
const HEALTHY_MS = 30

/** A disk that can be made sick and well again. */
export interface SickDisk {
  readonly dir: string
  readonly env?: Readonly<Record<string, string>>
  /** What the store may call it. */
  readonly faults: readonly string[]
  sicken(): Promise<void>
  heal(): Promise<void>
}

/** A store at work on a sick disk, and what it said. */
class Sufferer {
  readonly acknowledged = new Map<number, string>()
  /** `<fault> <state>` of every refusal. */
  readonly refusals: string[] = []
  readonly #child: ChildProcessByStdio<null, Readable, null>
  #look: () => void = () => {}

  constructor({ dir, env = {} }: SickDisk) {
    this.#child = spawn(process.execPath, [VICTIM, dir, String(WIDTH)], {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    createInterface({ input: this.#child.stdout }).on('line', (line) => {
      const [word, first = '', second = ''] = line.split(' ')
      if (word === 'ack') this.acknowledged.set(Number(first), second)
      else this.refusals.push(`${first} ${second}`)
      this.#look()
    })
    this.#child.once('close', () => this.#look())
  }

  /** Waits until `seen` holds. @returns false when it does not within the patience */
  async until(seen: () => boolean): Promise<boolean> {
    const over = performance.now() + PATIENCE_MS
    while (!seen() && performance.now() < over && this.#child.exitCode === null) {
      await new Promise<void>((resolve) => {
        const late = setTimeout(resolve, PATIENCE_MS)
        this.#look = () => {
          clearTimeout(late)
          resolve()
        }
      })
    }
    return seen()
  }

  async kill(): Promise<void> {
    const closed = once(this.#child, 'close')
    this.#child.kill('SIGKILL')
    await closed
  }
}

/** What came of a sick disk. */
export interface Illness {
  readonly seen: string
  readonly violations: readonly string[]
}

/**
 * Sickens the disk under a store at work `rounds` times, and heals it; the last time it is killed before. Each time it
 * must say so, be `failed` meanwhile, and go on by itself; what it acknowledged must be there in the end.
 */
export async function suffer(disk: SickDisk, rounds: number, random: Random): Promise<Illness> {
  const violations: string[] = []
  const store = new Sufferer(disk)
  const expected = new RegExp(`^(${disk.faults.join('|')}) failed$`)
  try {
    for (let round = 1; round <= rounds; round += 1) {
      const before = store.acknowledged.size
      if (!(await store.until(() => store.acknowledged.size > before))) violations.push('it does not go on')
      await delay(random.uniform() * HEALTHY_MS)
      const refusals = store.refusals.length
      await disk.sicken()
      if (!(await store.until(() => store.refusals.length > refusals))) violations.push('nobody was told')
      if (round < rounds) await disk.heal()
    }
  } finally {
    await store.kill()
    await disk.heal()
  }
  const odd = store.refusals.filter((refusal) => !expected.test(refusal))
  violations.push(...new Set(odd.map((refusal) => `told as '${refusal}'`)))
  const { ids, tip, faults } = await verifiedAfter(disk.dir, EMPTY)
  const lost = [...store.acknowledged].filter(([sequence, id]) => ids.get(sequence) !== id)
  violations.push(...faults, ...lost.map(([sequence]) => `sequence ${sequence} was lost`))
  try {
    await (await reopen(disk.dir)).close()
  } catch (error) {
    violations.push(`it does not open again: ${error instanceof Error ? error.message : error}`)
  }
  const seen = `${store.acknowledged.size} acknowledged, ${store.refusals.length} refusals, ${tip.sequence} stored`
  return { seen, violations }
}
