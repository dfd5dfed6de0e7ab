import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { replaceFile } from '../gateway/replace-file.ts'
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

const stateSchema = z.strictObject({
  schema: z.literal('poincon.hawkbit/1'),
  trust: trustSchema,
  /** The action that is worked on, and how far its feedback is. */
  action: z.strictObject({ id: z.string(), items: z.array(item), said: z.string().optional() }).optional(),
  /** How an action ended, until the server has heard it. */
  ended: z
    .strictObject({
      id: z.string(),
      finished: z.enum(['success', 'failure']),
      details: z.array(z.string()),
    })
    .optional(),
})
export type HawkbitState = z.infer<typeof stateSchema>

/** What this client remembers across restarts: trust, the action it works on, and an end nobody has heard of yet. */
export class HawkbitMemory {
  readonly #file: string
  readonly #rootFile: string
  #state: HawkbitState | undefined

  /** @param rootFile the root of trust as it was installed */
  constructor(folder: string, rootFile: string) {
    this.#file = join(folder, 'hawkbit.json')
    this.#rootFile = rootFile
  }

  /** @throws IntegrityError `no-root` without a root of trust */
  async read(): Promise<HawkbitState> {
    this.#state ??= (await this.#kept()) ?? { schema: 'poincon.hawkbit/1', trust: await this.#installed() }
    return this.#state
  }

  /** @throws StorageError */
  async write(state: HawkbitState): Promise<void> {
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
