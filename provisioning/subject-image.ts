import { readFile } from 'node:fs/promises'
import { hasHash } from './file-hash.ts'
import { hasRauc, raucInfo, raucInstall, raucMark, raucStatus } from './rauc.ts'
import type { Subject } from './subject.ts'
import { NOTHING, type UpdateRecord } from './update-machine.ts'
import { messageOf } from './update-tools.ts'

/** How long a machine may take to go down once it was asked to. */
const DOWN_MS = 300_000

/**
 * An image of the whole system, handed to RAUC where there is one: RAUC checks its own signature, writes the slots that do
 * not run, and has the bootloader take them; what came up after the restart decides. RAUC's bootloader goes back by itself
 * from a system that does not start.
 */
export const imageSubject: Subject = {
  folders: () => [],
  unfit: async (_update, tools) =>
    (await hasRauc(tools))
      ? undefined
      : 'there is no RAUC on this device: no image of a system can be installed',
  current: async (update, tools) => {
    const place = placeOf(update)
    if (place === undefined) return update.from
    return (await raucStatus(tools)).booted === place.slot ? update.from : update.to
  },
  // It stays where it was fetched to, and is looked through again before it is installed.
  has: () => Promise.resolve(false),
  unpack: () => Promise.resolve(),
  unpacked: ({ from_schema: storeSchema }) => Promise.resolve({ type: 'unpacked', storeSchema }),
  test: async (update, tools) => {
    const file = update.file ?? ''
    const info = await tools.step('look at image', () => raucInfo(file, tools)).catch(messageOf)
    if (typeof info === 'string') return { type: 'refused', why: info, final: true }
    const { compatible } = await raucStatus(tools)
    if (info.compatible !== compatible) {
      const why = `it is for ${info.compatible}: expected ${compatible}, as this system is called`
      return { type: 'refused', why, final: true }
    }
    const before = update.from === NOTHING ? {} : { before: update.from }
    return { type: 'tested', differing: [], changes: [{ key: 'system', ...before, after: update.to }] }
  },
  before: async (_update, tools) => `${(await raucStatus(tools)).booted} ${await bootId()}`,
  slow: true,
  put: async (update, tools, signal) => {
    const file = update.file ?? ''
    if (!(await hasHash(file, update.target.hash))) throw new Error(`${file} is not what was signed any more`)
    await tools.step('install image', () => raucInstall(file, tools, signal))
  },
  back: async (update, tools) => {
    const place = placeOf(update)
    if (place !== undefined) await tools.step('mark slot', () => raucMark('active', place.slot, tools))
  },
  restart: async (update, tools, signal) => {
    const place = placeOf(update)
    const wantsOld = update.phase === 'returning' || update.phase === 'returned'
    // Where the old system runs already, it need not come up once more.
    if (wantsOld && (await raucStatus(tools)).booted === place?.slot) return
    await tools.supervisor.reboot(signal)
  },
  runs: () => true,
  unwell: async (update, tools, signal) => {
    const place = placeOf(update)
    if (place === undefined) return 'nobody wrote down what ran before'
    const over = tools.clock.now() + DOWN_MS
    while ((await bootId()) === place.boot) {
      if (tools.clock.now() >= over) return 'the machine was asked to restart, and did not'
      await tools.clock.sleep(tools.pace.pollMs, signal)
    }
    const { booted } = await raucStatus(tools)
    return booted === place.slot ? `the machine came up with ${booted}, as before` : undefined
  },
  // The system that is to go still answers until the machine goes down.
  isBack: async (update, tools, signal) => {
    const place = placeOf(update)
    const over = tools.clock.now() + DOWN_MS
    while (place !== undefined && (await raucStatus(tools)).booted !== place.slot) {
      if (tools.clock.now() >= over) return `the machine was asked to restart with ${place.slot}, and did not`
      await tools.clock.sleep(tools.pace.pollMs, signal)
    }
    return undefined
  },
  tidy: () => Promise.resolve(),
}

/** What ran before: its slot, and the boot that it ran in. */
function placeOf({ before }: UpdateRecord): { readonly slot: string; readonly boot: string } | undefined {
  const [slot, boot] = before?.split(' ') ?? []
  return slot === undefined || boot === undefined ? undefined : { slot, boot }
}

async function bootId(): Promise<string> {
  return (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim()
}
