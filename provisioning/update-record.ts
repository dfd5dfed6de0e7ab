import { createHash } from 'node:crypto'
import { mkdir, open, readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { z } from 'zod'
import { codeOf, syncFolder } from './slots-pointer.ts'
import { differingVerdict, UPDATE_KINDS } from './status.ts'
import { compareVersions } from './targets.ts'
import type { UpdateRecord } from './update-machine.ts'
import type { Step } from './update-steps.ts'

/** Its name in the updater's folder. */
export const LOG_FILE = 'updates.ndjson'

/** Outcomes an update can have. */
export const OUTCOMES = ['committed', 'rolled_back', 'failed'] as const

/** One line of the update log (`poincon.update-record/1`). */
export const updateLine = z.object({
  schema: z.literal('poincon.update-record/1'),
  id: z.string(),
  /** Who asked for it: `schedule`, a person, or `recovery` after failed starts. */
  by: z.string(),
  consent: z.string().optional(),
  kind: z.enum(UPDATE_KINDS),
  name: z.string(),
  from: z.string(),
  to: z.string(),
  /** Path and hash of the signed target. */
  target: z.string(),
  hash: z.string(),
  began: z.iso.datetime(),
  ended: z.iso.datetime(),
  outcome: z.enum(OUTCOMES),
  failure: z.string().optional(),
  /** The release itself was at fault: it is not tried again by itself. */
  refused: z.boolean().optional(),
  differing: z.array(differingVerdict).optional(),
  /** SHA-256 of the line before this, hex; empty for the first: a line that was changed or taken out is noticed. */
  previous: z.string(),
})
export type UpdateLine = Readonly<z.infer<typeof updateLine>>

/** What was updated, when, by whom, from what file, and how it ended: appended, never changed. */
export class UpdateLog {
  readonly #file: string
  readonly #step: Step

  constructor(file: string, step: Step) {
    this.#file = file
    this.#step = step
  }

  /** Appends how an update ended, once. */
  async append(update: UpdateRecord, outcome: UpdateLine['outcome'], ended: string): Promise<void> {
    const text = await readText(this.#file)
    // A line that the power cut short never counted.
    const whole = text.slice(0, text.lastIndexOf('\n') + 1)
    const lines = whole.split('\n').slice(0, -1)
    const last = lines.at(-1)
    if (last !== undefined && idOf(last) === update.id) return
    const line = `${JSON.stringify(lineOf(update, outcome, ended, last === undefined ? '' : hashOf(last)))}\n`
    await this.#step('update log', () => append(this.#file, Buffer.byteLength(whole), line))
  }

  /** Whether how it ended is written down. */
  async has(id: string): Promise<boolean> {
    return (await this.#read()).some((line) => line.id === id)
  }

  /** Hashes of what was refused, and not taken since. */
  async refused(): Promise<ReadonlySet<string>> {
    const refused = new Set<string>()
    const taken = new Map<string, string>()
    for (const { kind, hash, refused: bad, outcome, from, to } of await this.#read()) {
      // Whoever went back by hand did not mean until the next look.
      const isRelease = kind === 'release'
      const left = isRelease && outcome === 'committed' && hash === '' ? taken.get(from) : undefined
      if (bad === true) refused.add(hash)
      else if (left !== undefined) refused.add(left)
      else if (outcome === 'committed') {
        refused.delete(hash)
        if (isRelease) taken.set(to, hash)
      }
    }
    return refused
  }

  /** Of the file that a release was last taken from; undefined: no update brought it. */
  async hashOfRelease(version: string): Promise<string | undefined> {
    return (await this.#read()).findLast(
      ({ kind, outcome, to, hash }) =>
        kind === 'release' && outcome === 'committed' && to === version && hash !== '',
    )?.hash
  }

  /**
   * Configurations that were taken last while a newer release ran than this one, which may not be able to read them.
   * @returns versions by name
   */
  async configurationsBeyond(release: string): Promise<Readonly<Record<string, string>>> {
    const beyond: Record<string, string> = {}
    let newer = false
    for (const { kind, name, to, outcome } of await this.#read()) {
      if (outcome !== 'committed') continue
      if (kind === 'release') newer = compareVersions(to, release) > 0
      else if (kind === 'configuration' && newer) beyond[name] = to
      else if (kind === 'configuration') delete beyond[name]
    }
    return beyond
  }

  /** Newest version of all but releases, by `<kind>/<name>`. */
  async installed(): Promise<Readonly<Record<string, string>>> {
    const taken = (await this.#read()).filter(
      ({ kind, outcome }) => kind !== 'release' && outcome === 'committed',
    )
    return Object.fromEntries(taken.map(({ kind, name, to }) => [`${kind}/${name}`, to]))
  }

  /** A damaged line is a matter for `lines`; it stops no update. */
  async #read(): Promise<readonly UpdateLine[]> {
    const lines = (await readText(this.#file)).split('\n').slice(0, -1)
    return lines.flatMap((line) => {
      const parsed = updateLine.safeParse(jsonOf(line))
      return parsed.success ? [parsed.data] : []
    })
  }

  /** Every line, oldest first. @throws Error that names the first line that does not fit what stands before it */
  async lines(): Promise<readonly UpdateLine[]> {
    const text = await readText(this.#file)
    const lines = text.split('\n').slice(0, -1)
    return lines.map((line, index) => {
      const before = lines[index - 1]
      const parsed = updateLine.safeParse(jsonOf(line))
      if (!parsed.success) throw new Error(`${this.#file}:${index + 1}: not a line of the update log`)
      if (parsed.data.previous !== (before === undefined ? '' : hashOf(before)))
        throw new Error(
          `${this.#file}:${index + 1}: does not follow the line before it: changed, or one is missing`,
        )
      return parsed.data
    })
  }
}

function lineOf(
  update: UpdateRecord,
  outcome: UpdateLine['outcome'],
  ended: string,
  previous: string,
): UpdateLine {
  const { id, by, kind, name, from, to, target, began, consent, failure, refused, differing } = update
  return {
    ...{ schema: 'poincon.update-record/1', id, by, kind, name, from, to, target: target.path },
    ...{ hash: target.hash, began, ended, outcome, previous },
    ...(consent === undefined ? {} : { consent }),
    ...(failure === undefined ? {} : { failure }),
    ...(refused === true && outcome !== 'committed' ? { refused } : {}),
    ...(differing === undefined ? {} : { differing }),
  }
}

async function append(file: string, at: number, line: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true })
  const handle = await open(file, 'a+', 0o640)
  try {
    await handle.truncate(at)
    await handle.writeFile(line)
    await handle.sync()
  } finally {
    await handle.close()
  }
  await syncFolder(dirname(file))
}

function idOf(line: string): string | undefined {
  return updateLine.safeParse(jsonOf(line)).data?.id
}

function hashOf(line: string): string {
  return createHash('sha256').update(line).digest('hex')
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return ''
    throw error
  }
}
