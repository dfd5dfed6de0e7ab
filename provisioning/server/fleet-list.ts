import { replaceFile } from '../../gateway/replace-file.ts'
import type { Authority } from './authority.ts'
import type { Inventory } from './inventory.ts'

export interface FleetListOptions {
  readonly authority: Authority
  readonly inventory: Inventory
  /** ms since 1970. */
  readonly wall: () => number
  /** Written anew with every list, PEM: what `crlfile` of a mosquitto on this machine names. */
  readonly file?: string | undefined
}

export interface RevocationListFile {
  readonly der: Buffer
  readonly pem: string
}

/** A list is made anew at least so often: it holds a week. */
const AGE_MS = 12 * 3_600_000

/** The list of revocations as it is now, made anew when somebody was taken out, also by another process. */
export class FleetList {
  readonly #options: FleetListOptions
  #last: { readonly list: RevocationListFile; readonly names: string; readonly madeMs: number } | undefined
  #making: Promise<RevocationListFile> | undefined

  constructor(options: FleetListOptions) {
    this.#options = options
  }

  current(): Promise<RevocationListFile> {
    this.#making ??= this.#make().finally(() => {
      this.#making = undefined
    })
    return this.#making
  }

  async #make(): Promise<RevocationListFile> {
    const { authority, inventory, wall, file } = this.#options
    const atMs = wall()
    const revoked = await inventory.revoked(atMs)
    const names = revoked.map(({ serial }) => serial).join(' ')
    const last = this.#last
    if (last !== undefined && last.names === names && Math.abs(atMs - last.madeMs) < AGE_MS) return last.list
    const list = await authority.list(revoked, await inventory.nextList(atMs), atMs)
    if (file !== undefined) await replaceFile(file, list.pem)
    this.#last = { list, names, madeMs: atMs }
    return list
  }
}
