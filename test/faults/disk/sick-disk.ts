import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Random } from '../../../drivers/simulated/random.ts'
import { reopen } from '../../gateway/store/opening.ts'
import type { Outcome } from '../outcome.ts'
import { EMPTY, type Stored, verifiedAfter } from '../stored.ts'

const VICTIM = fileURLToPath(new URL('victim.js', import.meta.url))
const WIDTH = 4
/** Of a store that has more to do than to append: nothing waits long for its turn. */
const DUTIFUL = 1
/** A fault that nobody hears of within this is not told at all. */
const PATIENCE_MS = 20_000
const HEALTHY_MS = 30

/** A disk that can be made sick and well again. */
export interface SickDisk {
  readonly dir: string
  readonly env?: Readonly<Record<string, string>>
  /** What the store may call it. */
  readonly faults: readonly string[]
  /** What the store does besides, that must be told as it fails and go on when the disk is well; absent: it appends. */
  readonly duty?: string
  /** Whether it is its duty that must be told of; else any refusal will do. Default true. */
  readonly dutyTells?: boolean
  sicken(): Promise<void>
  heal(): Promise<void>
}

/** What the store said of an inspection that it acknowledged. */
export interface Acknowledged {
  readonly id: string
  readonly hash: string
}

/** A store at work on a sick disk, and what it said. */
class Sufferer {
  readonly acknowledged = new Map<number, Acknowledged>()
  /** `<fault> <state>` of every refusal. */
  readonly refusals: string[] = []
  /** How often it did what it does besides. */
  done = 0
  /** Refusals of that. */
  undone = 0
  readonly #child: ChildProcessByStdio<null, Readable, null>
  #look: () => void = () => {}

  constructor({ dir, duty, env = {} }: SickDisk) {
    const args = duty === undefined ? [VICTIM, dir, String(WIDTH)] : [VICTIM, dir, String(DUTIFUL), duty]
    this.#child = spawn(process.execPath, args, {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    createInterface({ input: this.#child.stdout }).on('line', (line) => {
      const [word, first = '', second = '', third = ''] = line.split(' ')
      if (word === 'ack') this.acknowledged.set(Number(first), { id: second, hash: third })
      else if (word === 'did') this.done += 1
      else this.refusals.push(`${first} ${second}`)
      if (word === 'refused' && second === duty) this.undone += 1
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
  readonly acknowledged: ReadonlyMap<number, Acknowledged>
  readonly refusals: number
  readonly done: number
  readonly undone: number
  readonly violations: readonly string[]
}

/**
 * Sickens the disk under a store at work `rounds` times, and heals it; the last time it is killed before. Each time it
 * must say so, in words that fit, and go on by itself.
 */
export async function sickened(disk: SickDisk, rounds: number, random: Random): Promise<Illness> {
  const violations: string[] = []
  const store = new Sufferer(disk)
  const { duty, dutyTells = duty !== undefined } = disk
  const told = (): number => (dutyTells ? store.undone : store.refusals.length)
  const worked = (): number => (duty === undefined ? store.acknowledged.size : store.done)
  try {
    for (let round = 1; round <= rounds; round += 1) {
      const [appended, before] = [store.acknowledged.size, worked()]
      if (!(await store.until(() => store.acknowledged.size > appended && worked() > before)))
        violations.push('it does not go on')
      await delay(random.uniform() * HEALTHY_MS)
      const refusals = told()
      await disk.sicken()
      if (!(await store.until(() => told() > refusals))) violations.push('nobody was told')
      if (round < rounds) await disk.heal()
    }
  } finally {
    await store.kill()
    await disk.heal()
  }
  const expected = new RegExp(`^(${disk.faults.join('|')}) (failed${duty === undefined ? '' : `|${duty}`})$`)
  const odd = store.refusals.filter((refusal) => !expected.test(refusal))
  violations.push(...new Set(odd.map((refusal) => `told as '${refusal}'`)))
  const { acknowledged, refusals, done, undone } = store
  return { acknowledged, refusals: refusals.length, done, undone, violations }
}

/** The same of a store that does nothing besides; what it acknowledged must be there in the end. */
export async function suffer(
  disk: SickDisk,
  rounds: number,
  random: Random,
): Promise<Pick<Outcome, 'seen' | 'violations'>> {
  const { acknowledged, refusals, ...illness } = await sickened(disk, rounds, random)
  const { tip, faults } = await heldAgainst(disk.dir, acknowledged)
  const seen = `${acknowledged.size} acknowledged, ${refusals} refusals, ${tip.sequence} stored`
  return { seen, violations: [...illness.violations, ...faults, ...(await opens(disk.dir))] }
}

/** Holds a log that nobody has open against what was acknowledged. */
export async function heldAgainst(
  dir: string,
  acknowledged: ReadonlyMap<number, Acknowledged>,
): Promise<Stored> {
  const { ids, tip, faults } = await verifiedAfter(dir, EMPTY)
  const lost = [...acknowledged].filter(([sequence, { id }]) => ids.get(sequence) !== id)
  return { ids, tip, faults: [...faults, ...lost.map(([sequence]) => `sequence ${sequence} was lost`)] }
}

/** What is wrong when the store is opened again. */
export async function opens(dir: string): Promise<string[]> {
  try {
    await (await reopen(dir)).close()
    return []
  } catch (error) {
    return [`it does not open again: ${error instanceof Error ? error.message : error}`]
  }
}
