import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { replaceFile } from '../gateway/replace-file.ts'
import { EXECUTIONS, RESULTS, webUrl } from './hawkbit-messages.ts'
import { type Trust, trustSchema } from './hawkbit-statement.ts'
import { targetKind, targetName, version } from './targets.ts'
import { IntegrityError, storageError } from './tuf-errors.ts'

const item = z.strictObject({
  path: z.string(),
  kind: targetKind,
  name: targetName,
  version,
  done: z.boolean(),
})
export type ActionItem = Readonly<z.infer<typeof item>>

/** What is to be said of an action, and when it was so, ms since 1970. */
const unheard = z.strictObject({
  id: z.string(),
  at: z.number(),
  execution: z.enum(EXECUTIONS),
  finished: z.enum(RESULTS),
  done: z.int().optional(),
  details: z.array(z.string()),
  /** Where it is said instead, of an action that waits for somebody's yes. */
  confirm: webUrl.optional(),
})
export type Unheard = Readonly<z.infer<typeof unheard>>

const action = z.strictObject({
  id: z.string(),
  items: z.array(item),
  /** What was said of it last, and when: each state is told once, also over restarts. */
  said: z.strictObject({ state: z.string(), text: z.string(), at: z.number() }).optional(),
  /** A soft one: somebody at the station has to agree. */
  soft: z.boolean(),
  /** Its maintenance window is closed. */
  closed: z.boolean(),
  /** Where the server wants to hear that somebody has agreed; until then the action does not run for it. */
  confirm: webUrl.optional(),
})
export type Action = Readonly<z.infer<typeof action>>

const stateSchema = z.strictObject({
  schema: z.literal('poincon.hawkbit/1'),
  trust: trustSchema,
  /** The action that is worked on. */
  action: action.optional(),
  /** An action that is over for the server: what it was about is given up where it has not been switched to. */
  gone: z.strictObject({ id: z.string(), paths: z.array(z.string()), why: z.string() }).optional(),
  /** An action that was said no to, and that waits for a yes all the same. */
  denied: z.string().optional(),
  /** What the server has not heard yet, oldest first. */
  unheard: z.array(unheard),
})
export type HawkbitState = Readonly<z.infer<typeof stateSchema>>

/** What this client remembers across restarts: trust, the action it works on, and what nobody has heard of yet. */
export class HawkbitMemory {
  readonly #file: string
  readonly #rootFile: string
  #state: HawkbitState | undefined
  #last: Promise<unknown> = Promise.resolve()

  /** @param rootFile the root of trust as it was installed */
  constructor(folder: string, rootFile: string) {
    this.#file = join(folder, 'hawkbit.json')
    this.#rootFile = rootFile
  }

  /** @throws IntegrityError `no-root` without a root of trust; StorageError */
  async read(): Promise<HawkbitState> {
    this.#state ??= (await this.#kept()) ?? {
      ...{ schema: 'poincon.hawkbit/1', trust: await this.#installed(), unheard: [] },
    }
    return this.#state
  }

  /**
   * Replaces what is remembered, one change after the other: reports come while a download goes on.
   * @param change returns the very state it was given where nothing is to change
   * @throws as `read`
   */
  async change(change: (state: HawkbitState) => HawkbitState): Promise<HawkbitState> {
    const done = this.#last.then(async () => {
      const before = await this.read()
      const after = change(before)
      if (after !== before) await this.#write(after)
      return after
    })
    this.#last = done.catch(() => {})
    return await done
  }

  async #write(state: HawkbitState): Promise<void> {
    try {
      await replaceFile(this.#file, `${JSON.stringify(state)}\n`, 0o600)
    } catch (error) {
      throw storageError(error, this.#file)
    }
    this.#state = state
  }

  async #kept(): Promise<HawkbitState | undefined> {
    let text: string
    try {
      text = await readFile(this.#file, 'utf8')
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
      throw storageError(error, this.#file)
    }
    // Written whole or not at all: what cannot be read was altered, and what it trusted is not to be guessed.
    try {
      return stateSchema.parse(JSON.parse(text))
    } catch (cause) {
      throw new IntegrityError('malformed', `${this.#file}: not what this client wrote`, { cause })
    }
  }

  async #installed(): Promise<Trust> {
    try {
      return {
        root: trustSchema.shape.root.parse(JSON.parse(await readFile(this.#rootFile, 'utf8'))),
        versions: {},
      }
    } catch (cause) {
      throw new IntegrityError('no-root', `${this.#rootFile}: expected the publisher's root.json`, { cause })
    }
  }
}
