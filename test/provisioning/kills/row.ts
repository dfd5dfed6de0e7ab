import { readdir, readFile, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { Updater } from '../../../provisioning/update.ts'
import { toolsOf } from './tools.ts'
import { pack, World } from './world.ts'

/** What a device looks like after some of its updates. */
export interface RowLook {
  readonly updates: number
  readonly releases: number
  /** Of slots and updater's folder, bytes. */
  readonly bytes: number
  /** Of the updater's process, MB. */
  readonly rssMb: number
  /** Between the last verdict of the old release and the first of the new, ms: median and longest so far. */
  readonly medianMs: number
  readonly longestMs: number
  /** What the updater wrote to the disk, kB an update. */
  readonly writtenKb: number
}

const LOOK_EVERY = 10
const TRIGGER_MS = 5

/** Updates one device again and again, and looks at it every tenth time. @throws when an update is not committed */
export async function updatesInARow(
  count: number,
  look: (look: RowLook) => void,
): Promise<readonly RowLook[]> {
  const world = await World.make({ installed: { version: '1.0.0', storeSchema: 1 }, offered: [] })
  const looks: RowLook[] = []
  const gaps: number[] = []
  try {
    world.supervisor.boot()
    await world.ready('1.0.0')
    const writtenBefore = await writtenBytes()
    for (let update = 1; update <= count; update += 1) {
      // Every tenth moves the store.
      const storeSchema = 1 + Math.floor(update / LOOK_EVERY)
      const file = await pack(world.repository, { version: `1.${update}.0`, storeSchema })
      await rm(previousOf(file, update), { force: true })
      gaps.push(await updateUnderParts(world))
      if (update % LOOK_EVERY !== 0) continue
      const sorted = gaps.toSorted((a, b) => a - b)
      const seen: RowLook = {
        ...{ updates: update, releases: (await toolsOf(world).slots.versions()).length },
        bytes: (await sizeOf(world.slotsDir)) + (await sizeOf(world.updateDir)),
        rssMb: Math.round(process.memoryUsage().rss / 1e6),
        medianMs: Math.round(sorted[Math.floor(sorted.length / 2)] ?? 0),
        longestMs: Math.round(sorted.at(-1) ?? 0),
        writtenKb: Math.round(((await writtenBytes()) - writtenBefore) / update / 1000),
      }
      looks.push(seen)
      look(seen)
    }
    return looks
  } finally {
    await world.close()
  }
}

function previousOf(file: string, update: number): string {
  return file.replace(`-1.${update}.0-`, `-1.${update - 1}.0-`)
}

/** @returns ms between the last verdict of the old release and the first of the new */
async function updateUnderParts(world: World): Promise<number> {
  let [on, last, longest] = [true, performance.now(), 0]
  const parts = (async (): Promise<void> => {
    while (on) {
      const given = await world.ask('/trigger', 'POST').catch(() => undefined)
      if (JSON.stringify(given)?.includes('"A"') === true) {
        longest = Math.max(longest, performance.now() - last)
        last = performance.now()
      }
      await new Promise((resolve) => setTimeout(resolve, TRIGGER_MS))
    }
  })()
  const updater = await Updater.open(toolsOf(world), world.offers())
  try {
    const update = await updater.run({ by: 'schedule' }, AbortSignal.timeout(60_000))
    if (update?.phase !== 'committed') throw new Error(`${update?.to}: ${update?.phase}: ${update?.failure}`)
  } finally {
    await updater.close()
    await new Promise((resolve) => setTimeout(resolve, 4 * TRIGGER_MS))
    on = false
    await parts
  }
  return longest
}

/** proc(5): what this process caused to be sent to the storage layer. */
async function writtenBytes(): Promise<number> {
  return Number(/^write_bytes: (\d+)/m.exec(await readFile('/proc/self/io', 'utf8'))?.[1] ?? 0)
}

async function sizeOf(folder: string): Promise<number> {
  let bytes = 0
  for (const name of await readdir(folder, { recursive: true })) {
    const found = await stat(join(folder, name)).catch(() => undefined)
    if (found?.isFile() === true) bytes += found.size
  }
  return bytes
}
