import { isLoopback, type MqttOptions } from './options.ts'
import { readTls } from './tls.ts'
import { readUsers } from './users.ts'

/** A file that the broker cannot do with, by its key in the configuration. */
export interface AccessProblem {
  /** `mqtt.users_file`. */
  readonly key: string
  /** What is wrong, the file's name included. */
  readonly problem: string
}

/**
 * Looks at the files that say who may come to the embedded broker, before it starts.
 * @returns what is wrong: a person must mend it
 */
export async function accessProblem(options: MqttOptions): Promise<AccessProblem | undefined> {
  const { enabled, host, users_file: file, tls } = options
  if (!enabled) return undefined
  try {
    const users = file === undefined ? undefined : await readUsers(file)
    if (users?.size === 0 && tls?.client_ca_file === undefined && !isLoopback(host)) {
      const problem = `${file}: expected at least one user beyond loopback: poincon user add NAME`
      return { key: 'mqtt.users_file', problem }
    }
  } catch (error) {
    return { key: 'mqtt.users_file', problem: messageOf(error) }
  }
  try {
    if (tls !== undefined) await readTls(tls)
  } catch (error) {
    return { key: 'mqtt.tls', problem: messageOf(error) }
  }
  return undefined
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
