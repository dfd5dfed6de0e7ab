import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Random } from '../../../drivers/simulated/random.ts'
import { examine } from '../../../gateway/backup/examine.ts'
import { hashFile } from '../../../gateway/backup/manifest.ts'
import { backupsIn, sweep } from '../../../gateway/backup/shelf.ts'
import { Database } from '../../../gateway/store/database.ts'
import { appendMany, reopen } from '../../gateway/store/opening.ts'
import { onDisk } from '../../gateway/store/retention/limits.ts'
import { countOf, figure, notHere, type Outcome, type Scale } from '../outcome.ts'
import { BACKUPS, BEHIND } from './duties.ts'
import { buildShim, DISK, FILES } from './shim.ts'
import { type Acknowledged, heldAgainst, opens, type SickDisk, sickened } from './sick-disk.ts'

type Found = Pick<Outcome, 'seen' | 'violations'>

/** A folder of one's own, and the library that makes disks sick. */
export interface Place {
  readonly home: string
  readonly library: string
}

/** What the disk does, and what a store may call it. */
export interface Ailment {
  readonly letter: string
  readonly faults: readonly string[]
  /** Default: the database and its log. */
  readonly files?: string
}

const ROUNDS = 50
/** More than a connection keeps in memory: rows are read from the disk. */
const LARGE = 1000

const WRITING: readonly Ailment[] = [
  { letter: DISK.write, faults: ['io'] },
  { letter: DISK.sync, faults: ['io'] },
  { letter: DISK.full, faults: ['full'] },
  { letter: DISK.half, faults: ['full'] },
  { letter: DISK.readOnly, faults: ['io', 'not-writable'] },
]

/** SQLite calls a page that the disk does not give `corrupt` (EIO means a damaged file system to it). */
const READING: Ailment = { letter: DISK.read, faults: ['io', 'corrupt'] }

const BACKING_UP: readonly Ailment[] = [
  ...WRITING.map((ailment) => ({ ...ailment, files: FILES.backups })),
  READING,
]

/** A disk whose illness is one of these, another one each time. */
export async function controlled(
  { home, library }: Place,
  ...ailments: readonly Ailment[]
): Promise<SickDisk> {
  const control = join(home, 'control')
  const say = (letter: string, files: string): Promise<void> =>
    writeFile(control, `${letter}${files}`, { flag: 'r+' })
  await writeFile(control, `${DISK.well}${FILES.database}`)
  let times = 0
  return {
    dir: join(home, 'store'),
    env: { LD_PRELOAD: library, FAULT_CONTROL: control },
    faults: [...new Set(ailments.flatMap(({ faults }) => faults))],
    sicken: async () => {
      const { letter = DISK.well, files = FILES.database } = ailments[times % ailments.length] ?? {}
      times += 1
      await say(letter, files)
    },
    heal: () => say(DISK.well, FILES.database),
  }
}

/** Rows that cannot be read: whoever asks for them is told, appends go on or are refused, and nothing is wrong later. */
async function unreadable(place: Place, rounds: number, random: Random): Promise<Found> {
  const disk = { ...(await controlled(place, READING)), duty: 'read' }
  const store = await reopen(disk.dir)
  await appendMany(store, LARGE)
  await store.close()
  const { acknowledged, refusals, done, undone, violations } = await sickened(disk, rounds, random)
  const { faults, tip } = await heldAgainst(disk.dir, acknowledged)
  const seen =
    `${figure(done)} reads, all as written, ${figure(undone)} refused (io, corrupt); ${figure(acknowledged.size)} acknowledged, ` +
    `${figure(refusals - undone)} appends refused, ${figure(tip.sequence)} stored`
  return { seen, violations: [...violations, ...faults, ...(await opens(disk.dir))] }
}

/** Retention that fails half way: what it may not take is there, the chain goes on from its anchor, it goes on later. */
async function sweeping(place: Place, rounds: number, random: Random): Promise<Found> {
  // While nothing can be appended nothing becomes due either, and then retention has nothing to fail with.
  const disk = { ...(await controlled(place, ...WRITING)), duty: 'sweep', dutyTells: false }
  const { acknowledged, undone, violations } = await sickened(disk, rounds, random)
  const { inspections, oldest, chain } = await onDisk(disk.dir)
  const removed = (oldest ?? 1) - 1
  const faults = [...violations, ...chain, ...(await keptOf(disk.dir, acknowledged))]
  if (removed === 0) faults.push('nothing was removed: nothing was shown')
  const seen =
    `${figure(acknowledged.size)} acknowledged, ${figure(removed)} removed, ${figure(inspections)} left without a gap, ` +
    `the chain holds from the anchor on; ${figure(undone)} times seen to be in trouble`
  return { seen, violations: [...faults, ...(await opens(disk.dir))] }
}

/** What of the acknowledged is not there: gone it may be only in front, and as far as the sink had got it. */
async function keptOf(dir: string, acknowledged: ReadonlyMap<number, Acknowledged>): Promise<string[]> {
  const database = await Database.open(join(dir, 'poincon.db'), 'read')
  try {
    const rows = await database.all<{ position: number; id: string }>('SELECT position, id FROM inspections')
    const [anchor] = await database.all<{ position: number; hash: string }>(
      'SELECT position, hash FROM anchors',
    )
    const ids = new Map(rows.map(({ position, id }) => [position, id]))
    const last = Math.max(...ids.keys())
    const faults: string[] = []
    for (const [sequence, { id, hash }] of acknowledged) {
      const gone = sequence <= (anchor?.position ?? 0)
      if (!gone && ids.get(sequence) !== id) faults.push(`sequence ${sequence} was lost`)
      if (gone && sequence > last - BEHIND) faults.push(`sequence ${sequence} was removed undelivered`)
      if (sequence === anchor?.position && anchor.hash !== hash) faults.push('the anchor says another hash')
    }
    return faults
  } finally {
    await database.close()
  }
}

/** Backups that fail half way: those that count are whole, the station appends on, the next one works. */
async function backingUp(place: Place, rounds: number, random: Random): Promise<Found> {
  const all = await controlled(place, ...BACKING_UP)
  const disk = { ...all, faults: ['full', 'failed', 'io', 'damaged'], duty: 'backup' }
  const { acknowledged, done, undone, violations } = await sickened(disk, rounds, random)
  const { faults } = await heldAgainst(disk.dir, acknowledged)
  const dir = join(place.home, BACKUPS)
  const broken: string[] = []
  const shelved = await backupsIn(dir)
  for (const { file, manifest } of shelved) {
    const { verified } = await examine(file, { newest: Number.POSITIVE_INFINITY })
    if ((await hashFile(file)) !== manifest.sha256) broken.push(`${file} is not what its manifest says`)
    if (verified !== manifest.sequence) broken.push(`${file}: ${verified} of ${manifest.sequence} verified`)
    const said = acknowledged.get(manifest.sequence)?.hash
    if (said !== undefined && said !== manifest.hash) broken.push(`${file} ends with another hash`)
  }
  if (shelved.length === 0) broken.push('there is no backup in the end')
  await sweep(dir)
  const rest = (await readdir(dir)).filter((name) => name.includes('.partial'))
  broken.push(...rest.map((name) => `${name} is left`))
  const seen =
    `${figure(done)} taken, ${figure(undone)} failed and said so; the ${shelved.length} that are kept verified to the last ` +
    `link; ${figure(acknowledged.size)} acknowledged meanwhile`
  return { seen, violations: [...violations, ...faults, ...broken, ...(await opens(disk.dir))] }
}

const DUTIES = [
  { fault: 'EIO on read', run: unreadable },
  { fault: 'any of these while retention sweeps', run: sweeping },
  { fault: 'any of these while a backup is taken', run: backingUp },
] as const

/** What a station does with its log besides appending, on a disk that refuses. */
export async function* dutiesOnSickDisks(scale: Scale, folder: string): AsyncGenerator<Outcome> {
  let library: string
  try {
    library = await buildShim(folder)
  } catch (error) {
    const reason = `no C compiler: ${error instanceof Error ? error.message.split('\n')[0] : error}`
    for (const { fault } of DUTIES) yield notHere('disk', fault, reason)
    return
  }
  for (const [place, { fault, run }] of DUTIES.entries()) {
    const home = join(folder, `duty-${place}`)
    await mkdir(home)
    const count = countOf(scale, ROUNDS)
    const random = new Random(scale.seed, 10 + place)
    yield { family: 'disk', fault, count, ...(await run({ home, library }, count, random)) }
  }
}
