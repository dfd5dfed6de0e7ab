import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { replaceFile } from '../gateway/replace-file.ts'
import { codeOf } from './slots-pointer.ts'
import { STATUS_FILE, type UpdateStatus, updateStatus } from './status.ts'
import { NOTHING, stateOf, type UpdateRecord } from './update-machine.ts'
import { messageOf, type UpdateTools } from './update-tools.ts'

// A download says more often how far it is than a card should be written.
const PROGRESS_STEP = 0.05

/** Keeps `status.json`: what page and MQTT show. A disk that does not take it stops no update. */
export class StatusWriter {
  readonly #tools: Pick<UpdateTools, 'dir' | 'step' | 'say' | 'clock'>
  readonly #told: (status: UpdateStatus) => void
  #text = ''
  #progress = 0
  #writing: Promise<void> = Promise.resolve()

  /** @param told hears of each state as well; not waited for */
  constructor(
    tools: Pick<UpdateTools, 'dir' | 'step' | 'say' | 'clock'>,
    told: (status: UpdateStatus) => void = () => {},
  ) {
    this.#tools = tools
    this.#told = told
  }

  async show(update: UpdateRecord, more: Pick<UpdateStatus, 'waiting_for' | 'progress'> = {}): Promise<void> {
    await this.write(statusOf(update, more))
  }

  /** Of a download: not waited for, and not at each byte. */
  progress(update: UpdateRecord, share: number): void {
    if (share < 1 && Math.abs(share - this.#progress) < PROGRESS_STEP) return
    this.#progress = share
    this.#writing = this.#writing.then(() => this.show(update, { progress: Math.min(1, share) }))
  }

  async write(status: UpdateStatus): Promise<void> {
    const text = `${JSON.stringify(status)}\n`
    if (text === this.#text) return
    this.#told(status)
    const { dir, step, say } = this.#tools
    try {
      await step('status', () => replaceFile(join(dir, STATUS_FILE), text, 0o640))
      this.#text = text
    } catch (error) {
      say(`${STATUS_FILE} is not written: ${messageOf(error)}`)
    }
  }

  /** What was said of a download is on the disk, and nothing more will be. */
  async settled(): Promise<void> {
    await this.#writing
    this.#progress = 0
  }
}

/** An update as page, MQTT and whoever sent it are told. */
export function statusOf(
  update: UpdateRecord,
  more: Pick<UpdateStatus, 'waiting_for' | 'progress'> = {},
): UpdateStatus {
  const { kind, name, from, to, waiting_for, since, target, failure, differing, changes, phase } = update
  const waiting = more.waiting_for ?? waiting_for
  return {
    ...{ schema: 'poincon.update/1', state: stateOf(phase), kind, name },
    ...(from === NOTHING ? {} : { from }),
    ...{ to, since, channel: target.channel },
    ...(waiting === undefined ? {} : { waiting_for: waiting.slice(0, 20).map((one) => one.slice(0, 500)) }),
    ...(more.progress === undefined ? {} : { progress: more.progress }),
    ...(failure === undefined ? {} : { failure: failure.slice(0, 2000) }),
    ...(differing === undefined ? {} : { differing }),
    ...(changes === undefined ? {} : { changes }),
  }
}

/** @returns undefined where nothing that makes sense is there */
export async function readStatus(dir: string): Promise<UpdateStatus | undefined> {
  try {
    return updateStatus.safeParse(JSON.parse(await readFile(join(dir, STATUS_FILE), 'utf8'))).data
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || error instanceof SyntaxError) return undefined
    throw error
  }
}
