/**
 * Cuts the power of a recorded disk again and again, and prints what came of it as JSON. Mounts: in the guest, or outside
 * where nobody else sees it.
 *   power-replay.js BASE LOG DIR POINTS SEED
 */
import { cutPower } from '../faults/power/replay.ts'

const [base = '', log = '', dir = '', points = '', seed = ''] = process.argv.slice(2)
console.log(JSON.stringify(await cutPower({ base, log, dir, points: Number(points), seed: Number(seed) })))
