import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { pathToFileURL } from 'node:url'

const MOST_SAID = 2000
const LOADS = 'await import(process.argv[1])'

/**
 * Whether the release's own updater loads: one that does not could never be replaced by an update. In a process of its
 * own: what it would do there ends with it.
 * @param file its entry @returns undefined where the release has none
 * @throws Error with what it said
 */
export async function checkUpdater(file: string, signal: AbortSignal): Promise<string | undefined> {
  if (!existsSync(file)) return undefined
  const child = spawn(process.execPath, ['--input-type=module', '--eval', LOADS, pathToFileURL(file).href], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { PATH: process.env.PATH ?? '' },
    signal,
    killSignal: 'SIGKILL',
  })
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(0, MOST_SAID)
  })
  const [code, by]: unknown[] = await once(child, 'close')
  if (code === 0) return 'its modules load'
  const line = said.split('\n').find((one) => /^\w*Error/.test(one)) ?? said.split('\n')[0] ?? ''
  throw new Error(`${file} does not load: ${line === '' ? `it ended with ${code ?? by}` : line}`)
}
