import { mkdir, open, readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { codeOf } from './slots-pointer.ts'

/** Who starts and stops the gateway. The updater may only ask. */
export interface Supervisor {
  /** Asks for a restart, and does not wait for it. */
  restart(signal: AbortSignal): Promise<void>
  /** Asks for a restart of a Node-RED that is no process of the gateway; the line goes on. */
  restartFlows(signal: AbortSignal): Promise<void>
  /** Asks for a restart of the machine. */
  reboot(signal: AbortSignal): Promise<void>
}

/** Where `poincon-restart.path` looks, and beside it `poincon-reboot.path`. */
export const RESTART_FILE = '/run/poincon-update/restart'
const REBOOT_NAME = 'reboot'

/** Asks systemd through a file that a path unit watches: the updater needs no privilege for it. */
export class PathSupervisor implements Supervisor {
  readonly #file: string

  constructor(file = RESTART_FILE) {
    this.#file = file
  }

  restart(): Promise<void> {
    return ask(this.#file, 'restart')
  }

  async restartFlows(): Promise<void> {
    // A restart that was asked for is one of Node-RED as well.
    if ((await pending(this.#file)) !== 'restart') await ask(this.#file, 'flows')
  }

  reboot(): Promise<void> {
    return ask(join(dirname(this.#file), REBOOT_NAME), 'reboot')
  }
}

async function pending(file: string): Promise<string | undefined> {
  try {
    return (await readFile(file, 'utf8')).trim()
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw error
  }
}

async function ask(file: string, what: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true })
  const handle = await open(file, 'w', 0o644)
  try {
    // Root without its capabilities reads it as anybody.
    await handle.chmod(0o644)
    await handle.writeFile(`${what}\n`)
  } finally {
    await handle.close()
  }
}
