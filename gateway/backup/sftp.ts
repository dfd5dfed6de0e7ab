import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { basename } from 'node:path'
import { filesOf } from './catalogue.ts'
import { BackupError, backupError } from './error.ts'
import type { FarCopy } from './far-copy.ts'
import { manifestFile } from './manifest.ts'
import type { SftpOptions } from './options.ts'

// What sftp says when it fails fits in it many times.
const MOST_OUTPUT = 4000

/** A server that takes files over SSH, by the `sftp` program of the system. */
export class SftpServer implements FarCopy {
  readonly where: string
  readonly #options: SftpOptions
  readonly #program: readonly [string, ...string[]]

  /** @param program for tests: what is called in place of `sftp`, and its first arguments */
  constructor(options: SftpOptions, program: readonly [string, ...string[]] = ['sftp']) {
    this.where = `sftp ${options.username}@${options.host}:${options.dir}`
    this.#options = options
    this.#program = program
  }

  async send(backup: string, signal: AbortSignal): Promise<void> {
    const files = await filesOf(backup)
    const [program, ...first] = this.#program
    const child = spawn(program, [...first, ...this.#arguments()], {
      stdio: ['pipe', 'pipe', 'pipe'],
      signal,
    })
    let said = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        said = (said + text).slice(-MOST_OUTPUT)
      })
    }
    try {
      // A program that ends early closes its input: its exit status tells why.
      child.stdin.on('error', () => {})
      child.stdin.end(sftpBatch([...files, manifestFile(backup)], this.#options.dir))
      const [code] = await once(child, 'close')
      if (code !== 0) throw new BackupError('failed', `sftp ended with ${code}: ${lastLines(said)}`)
    } catch (error) {
      signal.throwIfAborted()
      throw backupError(error, this.where)
    }
  }

  #arguments(): readonly string[] {
    const { host, port, username, key_file: key, known_hosts_file: known } = this.#options
    return [
      // Batch mode ends at the first command that fails, and asks nobody for a password.
      ...['-b', '-', '-oBatchMode=yes', '-oConnectTimeout=20'],
      ...['-oServerAliveInterval=15', '-oServerAliveCountMax=4', '-oIdentitiesOnly=yes'],
      ...['-i', key, '-P', String(port)],
      ...(known === undefined ? [] : [`-oUserKnownHostsFile=${known}`]),
      ...['--', `${username}@${host}`],
    ]
  }
}

/** The commands that send files one after the other (sftp(1)); each has its name when it is whole. */
export function sftpBatch(files: readonly string[], dir: string): string {
  const lines = [`-mkdir ${quoted(dir)}`]
  for (const file of files) {
    const there = `${dir}/${basename(file)}`
    lines.push(`put ${quoted(file)} ${quoted(`${there}.partial`)}`)
    // Renaming replaces nothing on servers that follow the protocol to the letter.
    lines.push(`-rm ${quoted(there)}`, `rename ${quoted(`${there}.partial`)} ${quoted(there)}`)
  }
  return `${lines.join('\n')}\n`
}

/** In a batch a name ends at a space, and may hold patterns. */
function quoted(name: string): string {
  if (/[\r\n]/.test(name)) throw new BackupError('failed', `${JSON.stringify(name)}: expected one line`)
  return `"${name.replace(/[\\"*?[]/g, '\\$&')}"`
}

function lastLines(text: string): string {
  const lines = text.split('\n').filter((line) => line.trim() !== '' && !line.startsWith('sftp> '))
  return lines.slice(-3).join('; ').trim() || 'it said nothing'
}
