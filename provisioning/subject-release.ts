import type { Subject } from './subject.ts'
import { unpack } from './unpack.ts'
import { NOTHING, type UpdateRecord } from './update-machine.ts'
import { selfTest } from './update-self-test.ts'
import type { UpdateTools } from './update-tools.ts'

/** A release: a slot of its own, and the pointers `current` and `previous`. */
export const releaseSubject: Subject = {
  folders: ({ slots }) => [slots.folder],
  current: async (_update, { slots }) => (await slots.pointed('current')) ?? NOTHING,
  has: async ({ to }, { slots }) => (await slots.facts(to)) !== undefined,
  unpack: async ({ to }, file, { slots, step }, signal) => {
    await slots.sweep()
    const incoming = await slots.clearIncoming(to)
    await step('unpack', () => unpack(file, incoming, { signal }))
    await slots.admit(to)
  },
  unpacked: async ({ to }, { slots, platform, variant }) => {
    const facts = await slots.facts(to)
    if (facts === undefined) throw new Error(`${slots.path(to)}: no release after it was unpacked`)
    if (facts.platform !== platform || (facts.variant !== undefined && facts.variant !== variant)) {
      const built = [facts.platform, facts.variant].filter((word) => word !== undefined).join(' ')
      return { type: 'refused', why: `it is built for ${built}: expected ${platform}`, final: true }
    }
    return { type: 'unpacked', storeSchema: facts.store_schema }
  },
  test: selfTest,
  put: async ({ from, to }, { slots }) => {
    await slots.point('previous', from)
    await slots.point('current', to)
  },
  back: pointBack,
  restart: (_update, { supervisor }, signal) => supervisor.restart(signal),
  runs: ({ version }, wanted) => version === wanted,
  tidy: async ({ to, from }, { slots, policy }, bad) => {
    await slots.sweep()
    const pointed = await Promise.all([slots.pointed('current'), slots.pointed('previous')])
    if (bad && to !== from && !pointed.includes(to)) await slots.discard(to)
    await slots.prune(policy.keep, [])
  },
}

async function pointBack({ from, previous }: UpdateRecord, { slots }: UpdateTools): Promise<void> {
  await slots.point('current', from)
  const there = previous !== undefined && (await slots.facts(previous)) !== undefined
  if (there && previous !== from) await slots.point('previous', previous)
  else await slots.unpoint('previous')
}
