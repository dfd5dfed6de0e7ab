import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { Random } from '../../../drivers/simulated/random.ts'
import { APPEND, straceFault } from '../../gateway/store/syncs.ts'
import { countOf, figure, notHere, type Outcome, type Scale } from '../outcome.ts'
import { storedAfter } from '../stored.ts'
import { CrashedDisk, type Cut } from './crashed-disk.ts'
import { faultsIn } from './holds.ts'
import { type Recorded, readTrace, TRACED } from './trace.ts'

const FAMILY = 'power cut'
const FAULT =
  'every write and sync recorded, cut at any of them; un-synced: dropped, partial in any order, kept'
const POINTS = 1000
/** Enough for a few checkpoints. */
const INSPECTIONS = 600
const CUTS: readonly Cut[] = ['dropped', 'partial', 'partial', 'kept']

/**
 * Power cuts of the store's disk, from what a few lives of the store asked of the kernel.
 * @param lying the disk does not do what a sync of the write-ahead log asks for: what must be found
 */
export async function callCuts(scale: Scale, lying = false): Promise<Outcome> {
  const noStrace = straceFault()
  if (noStrace !== undefined) return notHere(FAMILY, FAULT, noStrace)
  const dir = await mkdtemp(join(tmpdir(), 'poincon-power-'))
  try {
    return await cutPower(scale, await record(join(dir, 'store'), countOf(scale, INSPECTIONS), lying), dir)
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
}

/** What a recorded store was asked, what it answered, and what it held at the end. */
interface Recording {
  readonly calls: readonly Recorded[]
  /** From the first one on. */
  readonly stored: readonly string[]
  /** Inode of the database file, as the witness has it. */
  readonly inode: string
}

async function cutPower(scale: Scale, recording: Recording, dir: string): Promise<Outcome> {
  const { calls } = recording
  const points = countOf(scale, POINTS)
  const random = new Random(scale.seed)
  // Every prefix in turn where there are points enough; else each from its own stretch of the trace.
  const places = Array.from({ length: points }, (_, point) =>
    Math.min(calls.length - 1, Math.floor(((point + random.uniform()) * calls.length) / points)),
  )
  const disk = new CrashedDisk(join(dir, 'store'))
  const violations: string[] = []
  let acknowledged = 0
  let applied = 0
  let checked = 0
  for (const [point, place] of places.entries()) {
    for (; applied <= place; applied += 1) {
      const recorded = calls[applied]
      if (recorded === undefined) break
      disk.apply(recorded)
      if (recorded.call.kind === 'acknowledge') acknowledged = Math.max(acknowledged, recorded.call.sequence)
    }
    const cut = CUTS[point % CUTS.length] ?? 'partial'
    const image = { files: disk.after(cut, random), acknowledged, recording, dir: join(dir, 'image') }
    violations.push(...(await check(image)).map((fault) => `call ${place}, ${cut}: ${fault}`))
    if (acknowledged > 0) checked += 1
  }
  const writes = calls.filter(({ call }) => call.kind === 'write').length
  const syncs = calls.filter(({ call }) => call.kind === 'sync').length
  const seen =
    `${figure(calls.length)} calls (${figure(writes)} writes, ${syncs} syncs, ${recording.stored.length} ` +
    `inspections), ${checked} points with something to lose; all acknowledged present, chain and raw data whole`
  return { family: FAMILY, fault: FAULT, count: points, seen, violations }
}

/** Records a store's first life, one under load that is killed (checkpoints, sinks), and one that ends in order. */
async function record(dir: string, count: number, lying: boolean): Promise<Recording> {
  await mkdir(dir)
  const traces: Recorded[] = []
  for (const [mode, amount] of [
    ['sequential', 5],
    ['endless', 16],
    ['sequential', 5],
  ] as const) {
    const calls = await traced(dir, [dir, mode, String(amount)], mode === 'endless' ? count : undefined)
    const base = (traces.at(-1)?.doneAt ?? -1) + 1
    traces.push(
      ...calls.map(({ call, beganAt, doneAt }) => ({ call, beganAt: base + beganAt, doneAt: base + doneAt })),
    )
  }
  const stored: string[] = []
  for await (const page of storedAfter(dir, 0)) stored.push(...page.map(({ payload }) => payload))
  const { ino } = await stat(join(dir, 'poincon.db'), { bigint: true })
  const calls = traces.filter(({ call }) => !(lying && call.kind === 'sync' && call.path.endsWith('-wal')))
  return { calls, stored, inode: ino.toString() }
}

/** @param killAfter acknowledgements after which it is killed */
async function traced(dir: string, args: readonly string[], killAfter?: number): Promise<Recorded[]> {
  const file = `${dir}.trace`
  const strace = ['-f', '-y', '-xx', '-qq', '-s', '10000000', '-e', `trace=${TRACED.join(',')}`, '-o', file]
  const child = spawn('strace', [...strace, process.execPath, APPEND, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  if (killAfter !== undefined) await killOnce(child, killAfter)
  else child.stdout.resume()
  if (child.exitCode === null && child.signalCode === null) await once(child, 'close')
  return readTrace(await readFile(file, 'latin1'), dir)
}

/** Kills what strace follows after so many acknowledgements; strace ends with it. */
async function killOnce(
  child: ChildProcessByStdio<null, Readable, null>,
  acknowledgements: number,
): Promise<void> {
  const closed = once(child, 'close')
  let heard = 0
  createInterface({ input: child.stdout }).on('line', () => {
    heard += 1
    if (heard !== acknowledgements) return
    const children = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8')
    for (const pid of children.trim().split(' ')) process.kill(Number(pid), 'SIGKILL')
  })
  await closed
}

interface Image {
  readonly files: ReadonlyMap<string, Buffer>
  /** The last sequence that was acknowledged before the cut. */
  readonly acknowledged: number
  readonly recording: Recording
  readonly dir: string
}

/** Opens what the cut left. @returns what is wrong with it */
async function check(image: Image): Promise<string[]> {
  const { files, dir, acknowledged, recording } = image
  await mkdir(dir)
  try {
    for (const [name, content] of files) await writeFile(join(dir, name), content)
    await adopt(image)
    return await faultsIn(dir, { acknowledged, stored: recording.stored })
  } finally {
    await rm(dir, { recursive: true })
  }
}

/** A copy has another inode: the witness is told the new one where it names the old one. */
async function adopt({ files, dir, recording }: Image): Promise<void> {
  const witness = files.get('witness.json')?.toString()
  if (witness === undefined || !files.has('poincon.db')) return
  const { ino } = await stat(join(dir, 'poincon.db'), { bigint: true })
  await writeFile(
    join(dir, 'witness.json'),
    witness.replace(`"inode":"${recording.inode}"`, `"inode":"${ino}"`),
  )
}
