import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { IntegrityError, RepositoryAway } from '../../provisioning/tuf-errors.ts'
import { HostileRepository } from './hostile-repository.ts'
import type { Attack } from './hostile-repository-attack.ts'
import { clientOf, filesIn, install, memoryFolder } from './hostile-repository-client.ts'

const { signal } = new AbortController()
const HASTE = { answerMs: 400, idleMs: 200, metadataMs: 400 }

/** What comes of a device that asks, and brings all it is offered. */
async function outcome(folder: string, repository: HostileRepository, slow = false): Promise<string> {
  const network = { proxy: () => undefined, ...(slow && { limits: HASTE }) }
  try {
    const client = clientOf(folder, repository, { network })
    const offers = await client.check(signal)
    for (const offer of offers) await client.fetch(offer, { signal })
    if (offers.length > 0) return `takes ${offers.map(({ facts }) => facts.version).join(', ')}`
    return client.ignored.length > 0 ? 'ignored' : 'offers nothing'
  } catch (error) {
    if (error instanceof IntegrityError || error instanceof RepositoryAway)
      return `${error.name} \`${error.code}\``
    throw error
  }
}

interface Course {
  readonly before: string
  readonly answer: string
  /** Whole files among the downloads. */
  readonly brought: string[]
  /** Files beside the metadata that do not belong there. */
  readonly left: string[]
  readonly after: string
}

async function course(attack: Attack, folder: string): Promise<Course> {
  const repository = await HostileRepository.open()
  try {
    install(folder, repository)
    const before = attack.firstSeen === true ? 'offers nothing' : await outcome(folder, repository)
    const mend = repository.memory()
    attack.act(repository)
    const answer = await outcome(folder, repository, attack.slow)
    const brought = filesIn(folder, 'var/downloads').filter((name) => !/\.part(\.from)?$/.test(name))
    const left = filesIn(folder, 'var/tuf').filter((name) => !/\.json$|^\.trust$/.test(name))
    if (attack.heals === false) return { before, answer, brought, left, after: 'offers nothing' }
    mend()
    return { before, answer, brought, left, after: await outcome(folder, repository) }
  } finally {
    await repository.close()
  }
}

/** Tries each attack on a device of its own: answered as the table says, nothing left of it, over when it is over. */
export async function withstand(t: Test, attacks: readonly Attack[]): Promise<void> {
  const folder = memoryFolder(t)
  // Each waits for its disk and its network most of the time.
  const courses = await Promise.all(
    attacks.map(async (attack, place) => {
      const own = join(folder, String(place))
      mkdirSync(own)
      return { attack, found: await course(attack, own) }
    }),
  )
  for (const { attack, found } of courses) {
    const brought = attack.answer.startsWith('takes') ? found.brought : []
    const wanted = {
      before: 'offers nothing',
      answer: attack.answer,
      brought,
      left: [],
      after: 'offers nothing',
    }
    t.same(found, wanted, `${attack.clause}: ${attack.name}`)
  }
}
