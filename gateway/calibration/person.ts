import { createInterface } from 'node:readline/promises'
import { CalibrationRefused } from './refused.ts'
import type { Person } from './workbench.ts'

/**
 * Lends a person at the terminal to `work`. Where nobody is to be asked everything is taken for done.
 * @param silent nothing is said: standard output carries JSON
 * @param asked whether to wait for Enter; without a terminal nobody is asked
 */
export async function withPerson<T>(
  { silent, asked }: { readonly silent: boolean; readonly asked: boolean },
  work: (person: Person, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const end = new AbortController()
  const stop = (): void => end.abort(new CalibrationRefused('it was interrupted'))
  process.once('SIGINT', stop).once('SIGTERM', stop)
  const terminal =
    asked && process.stdin.isTTY
      ? createInterface({ input: process.stdin, output: process.stdout })
      : undefined
  // On a terminal readline takes Ctrl-C for itself.
  terminal?.on('SIGINT', stop).on('close', stop)
  const say = (line: string): void => void (silent || process.stdout.write(`${line}\n`))
  const ready = async (request: string): Promise<boolean> => {
    if (terminal === undefined) {
      say(request)
      return true
    }
    return await terminal.question(`${request}\nThen press Enter. `, { signal: end.signal }).then(
      () => true,
      () => false,
    )
  }
  try {
    return await work({ say, ready }, end.signal)
  } finally {
    terminal?.off('close', stop).close()
    process.off('SIGINT', stop).off('SIGTERM', stop)
  }
}
