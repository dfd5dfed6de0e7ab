import { readFile } from 'node:fs/promises'

/** A password or token that a file holds, without the line's end. @throws when the file cannot be read */
export async function readSecret(file: string | undefined): Promise<string | undefined> {
  return file === undefined ? undefined : (await readFile(file, 'utf8')).replace(/\r?\n$/, '')
}
