import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import type { Streams } from '../../gateway/streams.ts'

/** A command that speaks into streams, at a station of its own: what it ends with and what it said. */
export interface CommandPlace {
  readonly dir: string
  run(...args: string[]): Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }>
}

/** The folder goes with the test. */
export async function commandPlace(
  t: Test,
  command: (args: readonly string[], streams: Streams) => Promise<number>,
): Promise<CommandPlace> {
  const dir = await mkdtemp(join(tmpdir(), 'poincon-command-'))
  t.teardown(() => rm(dir, { recursive: true, force: true }))
  const config = join(dir, 'poincon.yaml')
  await writeFile(config, `data_dir: ${dir}\n`)
  return {
    dir,
    async run(...args) {
      const said = { stdout: '', stderr: '' }
      const into = (stream: keyof typeof said) => ({
        write(text: string | Uint8Array): boolean {
          said[stream] += String(text)
          return true
        },
      })
      const streams = { output: into('stdout'), errors: into('stderr') }
      const code = await command([...args, '--config', config], streams)
      return { code, ...said }
    },
  }
}
