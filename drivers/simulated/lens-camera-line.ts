/**
 * What a simulated camera and its child say to each other. To the child, a line for each change:
 *
 *     lens 17
 *     lens -
 *
 * From it MJPEG, before each picture a line with what lies there and when the picture was taken, ms of the kernel's
 * monotonic clock, which is that of `process.hrtime`:
 *
 *     lens 17 at 123456.789
 */
const NONE = '-'
const LYING = /^lens (\d+|-)$/
const TAKEN = /lens (\d+|-) at (\d+\.\d+)\n$/

/** @param number undefined: nothing lies there */
export function lyingLine(number: number | undefined): string {
  return `lens ${number ?? NONE}\n`
}

/** @returns undefined where it is no such line */
export function readLying(line: string): { readonly number: number | undefined } | undefined {
  const found = LYING.exec(line)
  return found === null ? undefined : { number: numberOf(found[1]) }
}

export function takenLine(number: number | undefined, atMs: number): string {
  return `lens ${number ?? NONE} at ${atMs.toFixed(3)}\n`
}

export interface Taken {
  readonly number: number | undefined
  readonly atMs: number
}

/** @param preamble what stands before a picture @returns undefined where no such line ends it */
export function readTaken(preamble: Uint8Array): Taken | undefined {
  const found = TAKEN.exec(
    Buffer.from(preamble.buffer, preamble.byteOffset, preamble.length).toString('latin1'),
  )
  return found === null ? undefined : { number: numberOf(found[1]), atMs: Number(found[2]) }
}

function numberOf(word: string | undefined): number | undefined {
  return word === undefined || word === NONE ? undefined : Number(word)
}

/** ms */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6
}
