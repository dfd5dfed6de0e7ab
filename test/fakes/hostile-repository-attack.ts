import type { ServerResponse } from 'node:http'
import type { HostileRepository } from './hostile-repository.ts'

/** One lie of a repository, and what a device makes of it. */
export interface Attack {
  /** Of the TUF specification 1.0.33, https://theupdateframework.github.io/specification/v1.0.33/; `—`: ours. */
  readonly clause: string
  readonly name: string
  readonly act: (repository: HostileRepository) => void
  readonly answer: string
  /** The device has never asked before. */
  readonly firstSeen?: boolean
  /** The client's limits of time are made short. */
  readonly slow?: boolean
  /** What was rightly accepted on the way stays: the repository as it was before is not enough afterwards. */
  readonly heals?: false
}

/** As the table says it. */
export const refused = (code: string): string => `IntegrityError \`${code}\``
export const away = (code: string): string => `RepositoryAway \`${code}\``

/** Bytes without end, as fast as they are taken. */
export function endless(repository: HostileRepository, path: string): void {
  repository.handlers.set(path, (_, response) => {
    response.writeHead(200)
    const piece = Buffer.alloc(65_536, 0x20)
    const more = (): void => {
      while (!response.destroyed && response.write(piece)) {}
    }
    response.on('drain', more)
    more()
  })
}

/** The head of an answer and a few bytes; then nothing, and no end. */
export function silent(_: unknown, response: ServerResponse): void {
  response.writeHead(200, { 'Content-Length': 4000 })
  response.write('{')
}

/** The bytes of a release. */
export const body = (text: string): Buffer => Buffer.from(text.padEnd(64, '.'))
