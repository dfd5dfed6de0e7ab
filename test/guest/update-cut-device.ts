import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { Updater } from '../../provisioning/update.ts'
import { UpdateLog } from '../../provisioning/update-record.ts'
import { FakeSupervisor } from '../fakes/supervisor.ts'
import { type Place, toolsOf } from '../provisioning/kills/tools.ts'
import { FolderOffers } from '../provisioning/kills/world.ts'
import type { Mark, Recording } from './update-recording.ts'

// A device that is left alone comes to rest within so many passes of its timer.
const PASSES = 8
const LONG_MS = 120_000
const PACE = { readyMs: LONG_MS, selfTestMs: LONG_MS, backupMs: LONG_MS }

const health = z.object({ version: z.string() })
const count = z.object({ parts: z.int() })
const verdict = z.object({ verdict: z.string() })

/** A device as a power cut left it: what is on its disk at once, and what it comes to by itself. */
export class CutDevice {
  readonly #recording: Recording
  readonly #place: Place
  readonly #supervisor: FakeSupervisor

  constructor(recording: Recording) {
    const { dir, port } = recording
    this.#recording = recording
    this.#place = {
      ...{
        slotsDir: join(dir, 'slots'),
        updateDir: join(dir, 'update'),
        configFile: join(dir, 'config.json'),
      },
      ...{ restartFile: join(dir, 'run', 'restart'), repository: join(dir, 'repository'), port },
    }
    const { slotsDir, configFile, restartFile } = this.#place
    this.#supervisor = new FakeSupervisor({
      ...{ slotsDir, configFile, restartFile, port, startMs: LONG_MS },
      env: { UPDATER_RESTART_FILE: restartFile },
    })
  }

  /** Looks at the disk, switches the device on, lets the timer's passes go by. @returns what is wrong */
  async faults(cutAt: Mark): Promise<string[]> {
    const found = await this.#bootable('at once')
    if (found.length > 0) return found
    this.#supervisor.boot()
    try {
      await this.#rest()
      return [...(await this.#bootable('at rest')), ...(await this.#atRest(cutAt))]
    } catch (error) {
      return [
        `${error instanceof Error ? error.message : error}: ${this.#supervisor.said.slice(-5).join(' | ')}`,
      ]
    } finally {
      await this.#supervisor.cut()
    }
  }

  /** Exactly one release is what starts next, and what is called a release is one, byte for byte. */
  async #bootable(when: string): Promise<string[]> {
    const { slotsDir } = this.#place
    const current = await toolsOf(this.#place).slots.pointed('current')
    const names = readdirSync(join(slotsDir, 'releases')).filter((name) => !name.startsWith('.'))
    return [
      ...(current === undefined || !names.includes(current)
        ? [`${when}: current leads to ${current ?? 'no release'}`]
        : []),
      ...names.filter((name) => !this.#isWhole(name)).map((name) => `${when}: ${name} is not whole`),
    ]
  }

  #isWhole(version: string): boolean {
    return Object.entries(this.#recording.manifests[version] ?? { unknown: '' }).every(([path, sha256]) => {
      try {
        const bytes = readFileSync(join(this.#place.slotsDir, 'releases', version, path))
        return createHash('sha256').update(bytes).digest('hex') === sha256
      } catch {
        return false
      }
    })
  }

  async #rest(): Promise<void> {
    for (let pass = 0; pass < PASSES; pass += 1) {
      await this.#ready()
      const offers = new FolderOffers(
        join(this.#recording.dir, 'repository'),
        `${this.#place.updateDir}/downloads`,
      )
      const updater = await Updater.open(toolsOf(this.#place, { pace: PACE }), offers)
      try {
        if ((await updater.run({ by: 'schedule' }, AbortSignal.timeout(LONG_MS))) === undefined) return
      } finally {
        await updater.close()
      }
    }
    throw new Error(`not at rest after ${PASSES} passes`)
  }

  async #atRest({ parts }: Mark): Promise<string[]> {
    const problems: string[] = []
    const current = await toolsOf(this.#place).slots.pointed('current')
    if (current !== '1.1.0') problems.push(`current is ${current}: expected 1.1.0`)
    const version = await this.#ready()
    if (version !== current) problems.push(`${version} runs: expected ${current}`)
    const stored = count.parse(await this.#ask('/parts')).parts
    if (stored !== parts) problems.push(`${stored} parts are stored: expected ${parts}`)
    if (verdict.parse(await this.#ask('/trigger', 'POST')).verdict !== 'A')
      problems.push('the line is not free')
    const left = readdirSync(join(this.#place.slotsDir, 'releases')).filter((name) => name.startsWith('.'))
    if (left.length > 0) problems.push(`${left.join(', ')} is left`)
    // Throws where a line does not fit the one before it.
    await new UpdateLog(join(this.#place.updateDir, 'updates.ndjson'), (_name, effect) => effect()).lines()
    return problems
  }

  /** @returns the version that runs @throws */
  async #ready(): Promise<string> {
    for (const over = Date.now() + LONG_MS; Date.now() < over; ) {
      const answer = health.safeParse(await this.#ask('/healthz').catch(() => undefined))
      if (answer.success) return answer.data.version
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    throw new Error('no release is ready')
  }

  async #ask(path: string, method = 'GET'): Promise<unknown> {
    return await (await fetch(`http://127.0.0.1:${this.#recording.port}${path}`, { method })).json()
  }
}
