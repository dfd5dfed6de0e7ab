// Prints our decode of every line of a vector file beside the expected one, then a line of totals:
//   npm run build && node dist/test/tools/decode.js vl53l8ch|as7341 FILE
import { type DecodedVector, decodeAs7341 } from './decode-as7341.ts'
import { decodeVl53l8ch } from './decode-vl53l8ch.ts'

const DECODERS: ReadonlyMap<string, (path: string) => readonly DecodedVector[]> = new Map([
  ['vl53l8ch', decodeVl53l8ch],
  ['as7341', decodeAs7341],
])

const [chip = '', path] = process.argv.slice(2)
const decode = DECODERS.get(chip)
if (decode === undefined || path === undefined) {
  console.error(`usage: decode.js ${[...DECODERS.keys()].join('|')} FILE`)
  process.exitCode = 2
} else {
  const vectors = decode(path)
  for (const entry of vectors) console.log(JSON.stringify(entry))
  const equal = vectors.filter((entry) => entry.equal).length
  console.log(
    JSON.stringify({ chip, file: path, vectors: vectors.length, equal, different: vectors.length - equal }),
  )
  process.exitCode = equal === vectors.length ? 0 : 1
}
