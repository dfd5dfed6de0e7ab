/**
 * Runs in the guest: two updates of one device on ext4 on a disk whose every write is logged: a good release that moves the
 * store, then a bad one that moves it further and is taken back. Prints, as JSON, what `update-replay.ts` has to know.
 *   update-record.js DISK LOG
 */
import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { extract } from 'tar'
import { Updater } from '../../provisioning/update.ts'
import type { Step } from '../../provisioning/update-steps.ts'
import { toolsOf } from '../provisioning/kills/tools.ts'
import { pack, World } from '../provisioning/kills/world.ts'
import { onlyInGuest } from './cases.ts'
import { DISK_BYTES, Notes, shell } from './power-disk.ts'
import { RECORDED, type Recording, saidOf } from './update-recording.ts'

// An emulated processor that others take time from: against hanging only.
const LONG_MS = 600_000
const PACE = { readyMs: LONG_MS, selfTestMs: LONG_MS, backupMs: LONG_MS, leaseS: 600 }
const PARTS_BETWEEN = 3

const LOGGED = '/dev/mapper/logged'

/** What is written in every file of a release, by path. */
function manifestOf(folder: string): Record<string, string> {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort()
  return Object.fromEntries(
    names
      .filter((name) => statSync(join(folder, name)).isFile())
      .map((name) => [
        name,
        createHash('sha256')
          .update(readFileSync(join(folder, name)))
          .digest('hex'),
      ]),
  )
}

/** The life of the device, and the marks that tell where in the log it was at which step. */
class Life {
  readonly #world: World
  readonly #notes = new Notes(LOGGED)
  readonly steps: string[] = []
  readonly manifests: Record<string, Record<string, string>> = {}
  parts = 0

  constructor(world: World) {
    this.#world = world
    for (const version of ['0.9.0', '1.0.0'])
      this.manifests[version] = manifestOf(join(world.slotsDir, 'releases', version))
  }

  /** Two marks a step: it begins, it has ended. */
  readonly step: Step = async (name, effect) => {
    this.steps.push(name)
    const mark = 2 * this.steps.length
    this.#notes.note(saidOf({ mark: mark - 1, parts: this.parts }))
    const result = await effect()
    this.#notes.note(saidOf({ mark, parts: this.parts }))
    return result
  }

  close(): void {
    this.#notes.close()
  }

  async inspect(): Promise<void> {
    for (let part = 0; part < PARTS_BETWEEN; part += 1) {
      await this.#world.ask('/trigger', 'POST')
      this.parts += 1
    }
  }

  async offer(version: string, storeSchema: number, head?: 'absent'): Promise<void> {
    const faults = head === undefined ? {} : { head }
    const file = await pack(this.#world.repository, { version, storeSchema, faults })
    const tree = `/tmp/${version}`
    mkdirSync(tree)
    await extract({ file, cwd: tree })
    this.manifests[version] = manifestOf(tree)
    // What the publisher did is not cut.
    shell('sync')
  }

  /** @throws where it ends otherwise */
  async update(expected: string): Promise<void> {
    const tools = toolsOf(this.#world, { step: this.step, pace: PACE })
    const updater = await Updater.open(tools, this.#world.offers())
    try {
      const update = await updater.run({ by: 'schedule' }, AbortSignal.timeout(3 * LONG_MS))
      if (update?.phase !== expected)
        throw new Error(`ended ${update?.phase}: expected ${expected}: ${update?.failure}`)
    } finally {
      await updater.close()
    }
  }
}

/** @throws when it is not ready */
async function ready(world: World): Promise<void> {
  for (const over = Date.now() + LONG_MS; Date.now() < over; )
    if (await world.ready().catch(() => undefined)) return
  throw new Error('no release is ready')
}

async function record(): Promise<Recording> {
  const world = await World.make({
    installed: { version: '1.0.0', storeSchema: 1 },
    before: { version: '0.9.0', storeSchema: 1 },
    offered: [],
    startMs: LONG_MS,
  })
  try {
    const life = new Life(world)
    world.supervisor.boot()
    await ready(world)
    await life.inspect()
    await life.offer('1.1.0', 2)
    await life.update('committed')
    await life.inspect()
    await life.offer('1.2.0', 3, 'absent')
    await life.update('rolled_back')
    life.close()
    const { dir, port } = world
    return { dir, port, steps: life.steps, manifests: life.manifests }
  } finally {
    await world.supervisor.cut()
  }
}

onlyInGuest()
const [disk, log] = process.argv.slice(2)
mkdirSync(RECORDED, { recursive: true })
shell(`dmsetup create logged --table '0 ${DISK_BYTES / 512} log-writes ${disk} ${log}'
  mount -t ext4 ${LOGGED} ${RECORDED}`)
process.env.TMPDIR = RECORDED
const recording = await record()
shell(`umount ${RECORDED}; dmsetup remove logged`)
process.stdout.write(`${JSON.stringify(recording)}\n`)
process.exit(0)
