import { createInterface } from 'node:readline'
import { Writable } from 'node:stream'
import { RepoError } from '../../provisioning/server/repo-error.ts'

/** From the terminal, unseen, twice for a new one; otherwise the first line of standard input. */
export async function askPassphrase(prompt: string, twice: boolean): Promise<string> {
  const asks = process.stdin.isTTY === true
  const lines = createInterface({
    input: process.stdin,
    output: new Writable({ write: (_chunk, _encoding, done) => done() }),
    terminal: asks,
  })
  // On a terminal readline takes Ctrl-C for itself.
  lines.on('SIGINT', () => lines.close())
  const typed = lines[Symbol.asyncIterator]()
  const next = async (said: string): Promise<string> => {
    if (asks) process.stderr.write(said)
    const { value, done } = await typed.next()
    if (asks) process.stderr.write('\n')
    return done === true ? '' : String(value)
  }
  try {
    const passphrase = await next(prompt)
    if (asks && twice && (await next('Once more: ')) !== passphrase) {
      throw new RepoError('the two are not the same')
    }
    return passphrase
  } finally {
    lines.close()
  }
}
