import { open, readFile, rename, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { z } from 'zod'
import type { Clock } from '../../drivers/clock.ts'
import type { Log } from '../log.ts'

const witnessFile = z.strictObject({
  epoch: z.string(),
  /** Positions up to this one were on disk. */
  position: z.int().min(0),
  /** Inode of the database file, decimal. */
  inode: z.string(),
  /** The store was closed; false while it is open. */
  clean: z.boolean(),
})

/** What this directory knows of its database, kept beside it, so that a database that was put back is noticed. */
export type Witness = Readonly<z.infer<typeof witnessFile>>

/** What the witness said when the store was closed or died; undefined when there is none that makes sense. */
export async function readWitness(file: string): Promise<Witness | undefined> {
  try {
    return witnessFile.parse(JSON.parse(await readFile(file, 'utf8')))
  } catch {
    return undefined
  }
}

/** Replaces the file: a power cut leaves the old one or the new one. */
async function writeWitness(file: string, witness: Witness): Promise<void> {
  const fresh = `${file}.new`
  await writeSynced(fresh, `${JSON.stringify(witness)}\n`)
  await rename(fresh, file)
  const directory = await open(dirname(file), 'r')
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}

async function writeSynced(file: string, text: string): Promise<void> {
  const handle = await open(file, 'w')
  try {
    await handle.writeFile(text)
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** Names a file as long as it is neither copied nor replaced. */
export async function inodeOf(file: string): Promise<string> {
  const { ino } = await stat(file, { bigint: true })
  return ino.toString()
}

/** What the database says of itself when it is opened. */
export interface Found {
  readonly deviceId: string
  readonly epoch: string
  /** Its last position. */
  readonly position: number
  readonly inode: string
}

/**
 * Whether the log may go on in its epoch. It must not when the database may be older than what this station has
 * already sent: the same sequence would then name two inspections.
 * @returns why a new epoch has to begin; undefined when the log goes on
 */
export function breakOf(found: Found, witness: Witness | undefined, deviceId: string): string | undefined {
  if (found.deviceId !== deviceId) return `the device was ${found.deviceId}`
  if (witness === undefined) return 'the database came without its witness file: restored or copied'
  if (witness.epoch !== found.epoch) return 'the database is another than before'
  if (witness.position > found.position) {
    return `the database ends at ${found.position}, and was at ${witness.position} before: restored or damaged`
  }
  if (witness.inode !== found.inode) return 'the database file was replaced or copied'
  return undefined
}

// How far behind a witness may be that a crash leaves: a database that is put back from within this time is told by
// its inode alone.
const REFRESH_MS = 60_000

/** Keeps the witness of an open store. */
export class WitnessKeeper {
  readonly #file: string
  readonly #clock: Clock
  readonly #log: Log
  #witness: Witness
  #writtenAt: number
  #writing: Promise<void> = Promise.resolve()

  private constructor(file: string, witness: Witness, clock: Clock, log: Log) {
    this.#file = file
    this.#witness = witness
    this.#clock = clock
    this.#log = log
    this.#writtenAt = clock.now()
  }

  /** @throws when the file cannot be written */
  static async open(file: string, witness: Witness, clock: Clock, log: Log): Promise<WitnessKeeper> {
    await writeWitness(file, witness)
    return new WitnessKeeper(file, witness, clock, log)
  }

  /** Positions up to this one are on disk. Written down now and then. */
  committed(position: number): void {
    this.#witness = { ...this.#witness, position }
    if (this.#clock.now() - this.#writtenAt < REFRESH_MS) return
    this.#writtenAt = this.#clock.now()
    const witness = this.#witness
    this.#writing = this.#writing
      .then(() => writeWitness(this.#file, witness))
      .catch((error: unknown) => this.#log.warn({ err: error, file: this.#file }, 'witness not written'))
  }

  /**
   * Nothing more is stored.
   * @param clean the database was closed without an error
   * @throws when the file cannot be written
   */
  async close(clean: boolean): Promise<void> {
    await this.#writing
    await writeWitness(this.#file, { ...this.#witness, clean })
  }
}
