/**
 * Cuts the power of a recorded disk at the updater's steps, again and again, and prints what came of it as JSON. Mounts:
 * where nobody else sees it.
 *   update-replay.js BASE LOG DIR POINTS SEED RECORDING
 */
import { closeSync, openSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Random } from '../../drivers/simulated/random.ts'
import { type Instant, instantsOf, survivors } from '../faults/power/block-cuts.ts'
import type { Cut } from '../faults/power/crashed-disk.ts'
import { Replay } from '../faults/power/replay.ts'
import { type LogEntry, readAt, readBlockLog } from './block-log.ts'
import { noted, shell } from './power-disk.ts'
import { CutDevice } from './update-cut-device.ts'
import { markOf, RECORDED, type Recording, recordingSchema, stepAt } from './update-recording.ts'

const CUTS: readonly Cut[] = ['kept', 'partial', 'dropped', 'partial']

/** Of all instants those during an update: what lies between two of them is no updater's doing. */
function duringUpdates(instants: readonly Instant[], { steps }: Recording): Instant[] {
  const firstEnd = steps.indexOf('journal compact') + 1
  return instants.filter(({ acknowledged }) => {
    const { mark } = markOf(acknowledged)
    return mark > 0 && mark !== 2 * firstEnd && mark < 2 * steps.length
  })
}

/** Those at writes of the journal first, each of these writes by turns; then the others, far from each other. */
function chosen(instants: readonly Instant[], recording: Recording, points: number): Instant[] {
  const atJournal = instants.filter(({ acknowledged }) =>
    stepAt(recording, markOf(acknowledged)).name.startsWith('journal'),
  )
  const byMark = new Map<number, Instant[]>()
  for (const instant of atJournal) {
    const { mark } = markOf(instant.acknowledged)
    byMark.set(mark, [...(byMark.get(mark) ?? []), instant])
  }
  const turns = [...byMark.values()]
  const first: Instant[] = []
  for (let turn = 0; first.length < atJournal.length; turn += 1)
    first.push(...turns.flatMap((some) => some[turn] ?? []))
  const others = instants.filter((one) => !atJournal.includes(one))
  const picked = [...first.slice(0, points), ...others.slice(0, Math.max(0, points - first.length))]
  return picked.sort((a, b) => a.end - b.end)
}

/** A disk that says of a flush what is not so must be found out, or nothing here would be. */
const LIES = 8

/** The disk that is cut, and what the device on it is held to. */
interface Stand {
  readonly entries: readonly LogEntry[]
  readonly replay: Replay
  readonly recording: Recording
  readonly random: Random
}

/** @returns what is wrong with the device that a cut leaves */
async function cutAt(
  instant: Instant,
  cut: Cut,
  { entries, replay, recording, random }: Stand,
): Promise<string[]> {
  replay.image(entries, instant, (pending) => survivors(pending, cut, random))
  const mark = markOf(instant.acknowledged)
  const { name, ended } = stepAt(recording, mark)
  const found = await replay.mounted(() => new CutDevice(recording).faults(mark))
  return found.map((fault) => `entry ${instant.end}, ${ended ? 'after' : 'at'} "${name}", ${cut}: ${fault}`)
}

async function cutAll([base = '', log = '', dir = '', points = '', seed = '', file = '']: readonly string[]) {
  const recording = recordingSchema.parse(JSON.parse(readFileSync(file, 'utf8')))
  const folder = await mkdtemp(join(dir, 'poincon-cut-'))
  const descriptor = openSync(log, 'r')
  shell(`mount -t tmpfs -o size=256m tmpfs ${folder}; mkdir -p ${RECORDED}`)
  try {
    const entries = readBlockLog(descriptor)
    const all = instantsOf(entries, ({ at, length }) => noted(readAt(descriptor, at, length)))
    const instants = duringUpdates(all, recording)
    const stand = (): Stand => {
      const replay = new Replay(base, descriptor, folder, RECORDED)
      return { entries, replay, recording, random: new Random(Number(seed)) }
    }
    const some = chosen(instants, recording, Number(points))
    const faults: string[][] = []
    const honest = stand()
    for (const [point, instant] of some.entries())
      faults.push(await cutAt(instant, CUTS[point % CUTS.length] ?? 'kept', honest))
    const lying = stand()
    let foundOut = 0
    for (let lie = 0; lie < LIES; lie += 1) {
      const instant = instants[Math.floor((instants.length * (lie + 1)) / (LIES + 1))]
      const certain = instants[0]?.certain
      if (instant === undefined || certain === undefined) continue
      if ((await cutAt({ ...instant, certain }, 'partial', lying)).length > 0) foundOut += 1
    }
    return {
      ...{ steps: recording.steps.length, writes: instants.length, cuts: some.length },
      journalWrites: recording.steps.filter((name) => name.startsWith('journal')).length,
      ...{ wrong: faults.filter((found) => found.length > 0).length, violations: faults.flat() },
      ...{ lies: LIES, foundOut },
    }
  } finally {
    closeSync(descriptor)
    shell(`umount ${folder}`)
    await rm(folder, { recursive: true })
  }
}

process.stdout.write(`${JSON.stringify(await cutAll(process.argv.slice(2)))}\n`)
process.exit(0)
