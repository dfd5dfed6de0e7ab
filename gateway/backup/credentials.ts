import { readFile } from 'node:fs/promises'
import { BackupError, backupError } from './error.ts'
import type { Credentials } from './sigv4.ts'

/**
 * An access key from a file in the form of ~/.aws/credentials; of several profiles the first one counts.
 * @throws BackupError
 */
export async function readCredentials(file: string): Promise<Credentials> {
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (error) {
    throw backupError(error, `${file}: no access key`)
  }
  const value = (name: string): string | undefined =>
    new RegExp(`^\\s*${name}\\s*=\\s*(\\S+)\\s*$`, 'm').exec(text)?.[1]
  const [accessKeyId, secretAccessKey] = [value('aws_access_key_id'), value('aws_secret_access_key')]
  if (accessKeyId === undefined || secretAccessKey === undefined) {
    throw new BackupError(
      'failed',
      `${file}: expected lines aws_access_key_id = … and aws_secret_access_key = …`,
    )
  }
  const sessionToken = value('aws_session_token')
  return { accessKeyId, secretAccessKey, ...(sessionToken === undefined ? {} : { sessionToken }) }
}
