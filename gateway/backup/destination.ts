import { readCredentials } from './credentials.ts'
import type { FarCopy } from './far-copy.ts'
import type { BackupOptions } from './options.ts'
import { S3Store } from './s3.ts'
import { SftpServer } from './sftp.ts'

/** The place that a configuration names. @throws when its credentials cannot be read */
export async function farCopyOf(
  options: NonNullable<BackupOptions['copy_to']>,
  wall: () => number,
): Promise<FarCopy> {
  if (options.kind === 'sftp') return new SftpServer(options)
  return new S3Store(options, await readCredentials(options.credentials_file), wall)
}
