import { mkdir, open } from 'node:fs/promises'
import { dirname } from 'node:path'

/** Who starts and stops the gateway. The updater may only ask. */
export interface Supervisor {
  /** Asks for a restart, and does not wait for it. */
  restart(signal: AbortSignal): Promise<void>
}

/** Where `poincon-restart.path` looks. */
export const RESTART_FILE = '/run/poincon-update/restart'

/** Asks systemd through a file that a path unit watches: the updater needs no privilege for it. */
export class PathSupervisor implements Supervisor {
  readonly #file: string

  constructor(file = RESTART_FILE) {
    this.#file = file
  }

  async restart(): Promise<void> {
    await mkdir(dirname(this.#file), { recursive: true })
    const handle = await open(this.#file, 'w', 0o644)
    try {
      // Root without its capabilities reads it as anybody.
      await handle.chmod(0o644)
      await handle.writeFile('restart\n')
    } finally {
      await handle.close()
    }
  }
}
