import { v7 as uuidv7 } from 'uuid'
import type { Database } from '../../../gateway/store/database.ts'
import { canonical } from '../../../gateway/store/log/canonical.ts'
import { GENESIS, sha256 } from '../../../gateway/store/log/chain.ts'

/**
 * Where something was done to a log, and where it must be found: not before `from`, not behind `to`. What follows the
 * rules of the chain is found at the next signature, which proves nothing back to the one before it.
 */
export interface Tampered {
  readonly what: string
  /** Positions. */
  readonly from: number
  readonly to: number
}

interface Message extends Record<string, unknown> {
  id: string
  sequence: number
  provenance: Record<string, unknown>
  verdict: Record<string, unknown>
}

/** What somebody with the database and without the key does to it. */
export class Tamperer {
  readonly #database: Database
  readonly #random: () => number
  /** Rows before each epoch, oldest first. */
  readonly #bases: readonly number[]
  readonly #end: number
  /** Positions that were signed. */
  readonly #signed: readonly number[]

  constructor(
    database: Database,
    random: () => number,
    log: { readonly bases: readonly number[]; readonly end: number; readonly signed: readonly number[] },
  ) {
    this.#database = database
    this.#random = random
    this.#bases = log.bases
    this.#end = log.end
    this.#signed = log.signed
  }

  async change(): Promise<Tampered> {
    const at = this.#any(1, this.#end)
    const [what, change] = this.#one<readonly [string, string]>([
      ['a better score', `payload = json_set(payload, '$.verdict.score', 0.99)`],
      ['another lot', `payload = replace(payload, 'LOT-0001', 'LOT-0002')`],
      ['a space', `payload = replace(payload, '"type":', '"type": ')`],
      ['another hash', `payload = json_set(payload, '$.provenance.hash', '${'e'.repeat(64)}')`],
      ['no JSON', `payload = substr(payload, 2)`],
      ['another id', `id = '${uuidv7()}'`],
    ])
    await this.#run(`UPDATE inspections SET ${change} WHERE position = ${at}`)
    return { what: `change: ${what}`, from: at, to: at }
  }

  async remove(): Promise<Tampered> {
    const at = this.#any(1, this.#end)
    const closed = this.#random() < 0.5
    await this.#run(`DELETE FROM inspections WHERE position = ${at}`)
    if (closed) await this.#shift(at, -1)
    return { what: closed ? 'remove, and close the gap' : 'remove', from: at, to: at }
  }

  async insert(): Promise<Tampered> {
    const at = this.#any(1, this.#end + 1)
    const linked = this.#random() < 0.5
    await this.#shift(at, 1)
    const base = this.#baseOf(at)
    const model = await this.#message(at === 1 ? 2 : at - 1)
    const previous = at - base === 1 ? GENESIS : (await this.#message(at - 1)).provenance.hash
    const row = { ...model, id: uuidv7(), sequence: at - base }
    await this.#insertRow(at, linked ? rehashed(row, previous) : row)
    // One that is linked and hashed right is only found by what comes behind it, or by the signatures.
    return linked
      ? { what: 'insert, linked', from: this.#provenBefore(at), to: at + 1 }
      : { what: 'insert, as a copy', from: at, to: at }
  }

  async swap(): Promise<Tampered> {
    const one = this.#any(1, this.#end - 1)
    const other = this.#any(one + 1, this.#end)
    const renumbered = this.#random() < 0.5
    const [a, b] = [await this.#message(one), await this.#message(other)]
    const [inOne, inOther] = renumbered
      ? [
          { ...b, sequence: a.sequence, epoch: a.epoch },
          { ...a, sequence: b.sequence, epoch: b.epoch },
        ]
      : [b, a]
    await this.#run(`DELETE FROM inspections WHERE position IN (${one}, ${other})`)
    await this.#insertRow(one, inOne)
    await this.#insertRow(other, inOther)
    return { what: renumbered ? 'swap, renumbered' : 'swap', from: one, to: one }
  }

  async rehash(): Promise<Tampered> {
    const at = this.#any(1, this.#end)
    const last = this.#bases.find((base) => base >= at) ?? this.#end
    let previous: unknown
    for (let position = at; position <= last; position += 1) {
      const message = await this.#message(position)
      const verdict = position === at ? { ...message.verdict, score: 0.5 } : message.verdict
      const fresh = rehashed({ ...message, verdict }, previous ?? message.provenance.previous)
      previous = fresh.provenance.hash
      await this.#database.run('UPDATE inspections SET payload = ? WHERE position = ?', [
        canonical(fresh),
        position,
      ])
    }
    return { what: 'rehash', from: this.#provenBefore(at), to: at }
  }

  async truncate(): Promise<Tampered> {
    const from = this.#any(1, this.#end)
    const last = this.#random() < 0.5 ? this.#end : (this.#bases.find((base) => base >= from) ?? this.#end)
    await this.#run(`DELETE FROM inspections WHERE position BETWEEN ${from} AND ${last}`)
    if (last === this.#end) await this.#run(`DELETE FROM epochs WHERE base >= ${from}`)
    return { what: last === this.#end ? 'truncate' : 'truncate an epoch', from, to: from }
  }

  /** The first position that no signature before `at` proves. */
  #provenBefore(at: number): number {
    const proven = this.#signed.findLast((position) => position < at) ?? 0
    return Math.max(proven, this.#baseOf(at)) + 1
  }

  async #shift(from: number, by: 1 | -1): Promise<void> {
    await this.#run(`UPDATE inspections SET position = -(position + ${by}) WHERE position >= ${from}`)
    await this.#run('UPDATE inspections SET position = -position WHERE position < 0')
  }

  async #message(position: number): Promise<Message> {
    const row = await this.#database.get<{ payload: string }>(
      'SELECT payload FROM inspections WHERE position = ?',
      [position],
    )
    return JSON.parse(row?.payload ?? '{}')
  }

  async #insertRow(position: number, message: Message): Promise<void> {
    await this.#database.run(
      'INSERT INTO inspections (position, run, noted, recorded, id, payload) VALUES (?, 1, 0, 0, ?, ?)',
      [position, message.id, canonical(message)],
    )
  }

  async #run(sql: string): Promise<void> {
    await this.#database.exec(sql)
  }

  #baseOf(position: number): number {
    return this.#bases.findLast((base) => base < position) ?? 0
  }

  #any(from: number, to: number): number {
    return from + Math.floor(this.#random() * (to - from + 1))
  }

  #one<T>(choices: readonly T[]): T {
    const chosen = choices[Math.floor(this.#random() * choices.length)]
    if (chosen === undefined) throw new RangeError('nothing to choose from')
    return chosen
  }
}

/** The message with its place in the chain made right again. */
function rehashed(message: Message, previous: unknown): Message {
  const { hash: _, ...others } = message.provenance
  const provenance = { ...others, previous }
  const hash = sha256(canonical({ ...message, provenance }))
  return { ...message, provenance: { ...provenance, hash } }
}
