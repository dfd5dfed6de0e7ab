import { z } from 'zod'

const file = z.string().min(1)
const count = z.int().min(0).max(1000)

const keepOptions = z.strictObject({
  last: z.int().min(1).max(1000).default(3).describe('The newest ones, whatever their age.'),
  daily: count.default(7).describe('Days of which the newest one is kept.'),
  weekly: count.default(4).describe('Weeks (from Monday) of which the newest one is kept.'),
  monthly: count.default(6).describe('Months of which the newest one is kept.'),
})
export type KeepOptions = Readonly<z.infer<typeof keepOptions>>

const s3Options = z.strictObject({
  kind: z.literal('s3'),
  endpoint: z
    .url({ protocol: /^https?$/, error: 'expected http://host[:port] or https://host[:port]' })
    .refine((url) => new URL(url).username === '', 'expected no access key in the URL')
    .describe('Where the server listens, e.g. `https://s3.eu-west-3.amazonaws.com`.'),
  region: z.string().min(1).default('us-east-1').describe('Region that requests are signed for.'),
  bucket: z
    .string()
    .regex(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, 'expected the name of a bucket')
    .describe('It must exist; the key needs to write only.'),
  prefix: z.string().max(512).default('').describe('Put before every name, e.g. `plant-7/`.'),
  path_style: z.boolean().default(true).describe('Bucket in the path; `false` puts it before the host name.'),
  credentials_file: file.describe(
    'File with `aws_access_key_id = …` and `aws_secret_access_key = …`, as ~/.aws/credentials has them.',
  ),
})
export type S3Options = Readonly<z.infer<typeof s3Options>>

const sftpOptions = z.strictObject({
  kind: z.literal('sftp'),
  // A name that begins with a dash would be an option of ssh.
  host: z.string().regex(/^[A-Za-z0-9[:][A-Za-z0-9.:\]_-]*$/, 'expected a host name or an address'),
  port: z.int().min(1).max(65535).default(22).describe('Port of the SSH server.'),
  username: z
    .string()
    .regex(/^[A-Za-z0-9_][A-Za-z0-9._-]*$/, 'expected a user name')
    .describe('User there.'),
  dir: z
    .string()
    .min(1)
    .default('.')
    .describe('Directory there; made when it is missing, its parent is not.'),
  key_file: file.describe('Private key without a passphrase.'),
  known_hosts_file: file
    .optional()
    .describe('Keys of the server; default: known_hosts of the user this runs as.'),
})
export type SftpOptions = Readonly<z.infer<typeof sftpOptions>>

/** `backup` of `poincon.yaml`. */
export const backupOptions = z
  .strictObject({
    dir: file.optional().describe('Where backups go, best on another disk; default: `<data_dir>/backups`.'),
    every_h: z.int().min(1).max(168).default(24).describe('Hours from one backup to the next.'),
    at: z
      .string()
      .regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'expected hours and minutes, 00:00 to 23:59')
      .optional()
      .describe('Local time of day of one of them; the others follow every `every_h`.'),
    keep: keepOptions
      .prefault({})
      .describe('Which backups stay in `dir`; the others are deleted. Local time.'),
    copy_to: z
      .discriminatedUnion('kind', [s3Options, sftpOptions])
      .optional()
      .describe('Where each backup is copied to: an S3-compatible store, or a server by SFTP.'),
  })
  .refine(({ at, every_h }) => at === undefined || 24 % every_h === 0, {
    path: ['every_h'],
    error: 'expected 1, 2, 3, 4, 6, 8, 12 or 24 where `at` says the time of day',
  })
export type BackupOptions = Readonly<z.infer<typeof backupOptions>>
