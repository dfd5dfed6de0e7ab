import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFile, cp, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { Random } from '../../../drivers/simulated/random.ts'
import type { OutboxEntry } from '../../../gateway/outbox.ts'
import { faultOf } from '../../../gateway/store/error.ts'
import { append, appendMany, reopen } from '../../gateway/store/opening.ts'
import { APPEND } from '../../gateway/store/syncs.ts'
import { countOf, type Outcome, type Scale } from '../outcome.ts'
import { findingOf, type Original, Tally, WIDTH } from './finding.ts'

const FAMILY = 'disk'
const PAGE = 4096
const PAGES = 200
const LOGS = 200
const DELETIONS = 20

/** Overwrites a page of a database that was closed, or of one that was not. */
export async function* damagedDatabase(scale: Scale, folder: string): AsyncGenerator<Outcome> {
  const dir = join(folder, 'store')
  const store = await reopen(dir)
  await appendMany(store, 150)
  const entries = await store.from(1, 1000)
  await store.close()
  const original = { dir, inode: await inodeOf(join(dir, 'poincon.db')), entries }
  const random = new Random(scale.seed, 1)
  const count = countOf(scale, PAGES)
  const tally = new Tally()
  for (let round = 0; round < count; round += 1) {
    const copy = join(folder, 'copy')
    await copyOf(original, copy)
    const file = join(copy, 'poincon.db')
    const content = await readFile(file)
    const page = Math.floor(random.uniform() * (content.length / PAGE))
    spoil(content.subarray(page * PAGE, (page + 1) * PAGE), random)
    await writeFile(file, content)
    if (random.chance(0.5)) await unclean(copy)
    tally.add(`page ${page + 1}`, await findingOf(copy, original))
    await rm(copy, { recursive: true })
  }
  yield { family: FAMILY, fault: 'a damaged page (garbage, zeros, one bit)', count, ...tally.outcome }
}

/** Damages the write-ahead log that a killed store left. */
export async function* damagedLog(scale: Scale, folder: string): AsyncGenerator<Outcome> {
  const dir = join(folder, 'store')
  await killedAfter(dir, 200)
  const original = { dir, inode: await inodeOf(join(dir, 'poincon.db')), entries: await entriesOf(dir) }
  const random = new Random(scale.seed, 2)
  const count = countOf(scale, LOGS)
  const tally = new Tally()
  for (let round = 0; round < count; round += 1) {
    const copy = join(folder, 'copy')
    await copyOf(original, copy)
    const file = join(copy, 'poincon.db-wal')
    const content = await readFile(file)
    const at = Math.floor(random.uniform() * (content.length - PAGE))
    spoil(content.subarray(at, at + PAGE), random)
    await writeFile(file, content)
    tally.add(`byte ${at} of ${content.length}`, await findingOf(copy, original))
    await rm(copy, { recursive: true })
  }
  yield { family: FAMILY, fault: 'a damaged write-ahead log after a crash', count, ...tally.outcome }
}

/** Deletes or replaces files of a store at work. */
export async function* deletedFiles(scale: Scale, folder: string): AsyncGenerator<Outcome> {
  const count = countOf(scale, DELETIONS)
  const violations: string[] = []
  const told = new Set<string>()
  for (let round = 0; round < count; round += 1) {
    const dir = join(folder, `store-${round}`)
    const names = [['poincon.db'], ['poincon.db-wal'], ['poincon.db', 'poincon.db-wal']][round % 3] ?? []
    const store = await reopen(dir)
    await appendMany(store, 10)
    for (const name of names) await rm(join(dir, name))
    const acknowledged = new Set<string>()
    for (let part = 0; part < 10; part += 1) {
      await append(store).then(
        ({ id }) => acknowledged.add(id),
        (error: unknown) => told.add(faultOf(error)),
      )
    }
    if (store.status().state !== 'failed') violations.push(`${names} deleted: nobody was told`)
    await store.close().catch((error: unknown) => told.add(faultOf(error)))
    const kept = await reopen(dir)
    for (const id of acknowledged) {
      if ((await kept.get(id)) === undefined) violations.push(`${names} deleted: an inspection was lost`)
    }
    await kept.close()
  }
  const seen = `what comes after is refused (${[...told].join(', ')})`
  yield { family: FAMILY, fault: 'a file deleted while open', count, seen, violations }
}

async function inodeOf(file: string): Promise<string> {
  return (await stat(file, { bigint: true })).ino.toString()
}

/** A copy that takes itself for the original: the inode in its witness is its own. */
async function copyOf({ dir, inode }: Original, copy: string): Promise<void> {
  await mkdir(copy)
  await cp(dir, copy, { recursive: true })
  const witness = join(copy, 'witness.json')
  const text = await readFile(witness, 'utf8')
  await writeFile(witness, text.replace(`"${inode}"`, `"${await inodeOf(join(copy, 'poincon.db'))}"`))
}

/** As after a crash, when the pages are looked through at the next start. */
async function unclean(dir: string): Promise<void> {
  const witness = join(dir, 'witness.json')
  await writeFile(witness, (await readFile(witness, 'utf8')).replace('"clean":true', '"clean":false'))
}

function spoil(bytes: Buffer, random: Random): void {
  const kind = random.uniform()
  if (kind < 0.4) for (let at = 0; at < bytes.length; at += 1) bytes[at] = random.uniform() * 256
  else if (kind < 0.6) bytes.fill(0)
  else {
    const at = Math.floor(random.uniform() * bytes.length)
    bytes[at] = (bytes[at] ?? 0) ^ (1 << Math.floor(random.uniform() * 8))
  }
}

/** Appends until so many are acknowledged, then dies. */
async function killedAfter(dir: string, acknowledgements: number): Promise<void> {
  const child = spawn(process.execPath, [APPEND, dir, 'endless', String(WIDTH)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const closed = once(child, 'close')
  let heard = 0
  createInterface({ input: child.stdout }).on('line', () => {
    heard += 1
    if (heard === acknowledgements) child.kill('SIGKILL')
  })
  await closed
}

/** What a directory holds, read in a copy, because reading folds the log in. */
async function entriesOf(dir: string): Promise<readonly OutboxEntry[]> {
  const copy = `${dir}-read`
  await mkdir(copy)
  for (const name of ['poincon.db', 'poincon.db-wal']) await copyFile(join(dir, name), join(copy, name))
  const store = await reopen(copy)
  const entries = await store.from(1, 100_000, store.epochs[0])
  await store.close()
  await rm(copy, { recursive: true })
  return entries
}
