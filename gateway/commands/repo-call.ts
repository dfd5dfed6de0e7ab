import { readFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { messageOf, RepoError } from '../../provisioning/server/repo-error.ts'
import { type RepoFolder, repoFolder } from '../../provisioning/server/repo-folder.ts'
import { openKey, type Signer } from '../../provisioning/server/repo-keys.ts'

const OPTIONS = {
  dir: { type: 'string', default: '.' },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
  type: { type: 'string', default: 'ed25519' },
  key: { type: 'string', multiple: true },
  'online-key': { type: 'string', multiple: true },
  'passphrase-file': { type: 'string', multiple: true },
  root: { type: 'string', multiple: true },
  'root-threshold': { type: 'string' },
  targets: { type: 'string', multiple: true },
  'targets-threshold': { type: 'string' },
  online: { type: 'string' },
  channel: { type: 'string', multiple: true },
  expires: { type: 'string', multiple: true },
  kind: { type: 'string' },
  name: { type: 'string' },
  version: { type: 'string' },
  platform: { type: 'string' },
  'store-schema': { type: 'string' },
  'min-version': { type: 'string' },
  notes: { type: 'string' },
  out: { type: 'string', default: '.' },
  from: { type: 'string' },
  to: { type: 'string' },
  'replace-by': { type: 'string' },
  add: { type: 'string', multiple: true },
  remove: { type: 'string', multiple: true },
  threshold: { type: 'string' },
  percent: { type: 'string' },
  site: { type: 'string', multiple: true },
  'all-sites': { type: 'boolean', default: false },
  'failure-limit': { type: 'string' },
  halt: { type: 'boolean', default: false },
  resume: { type: 'boolean', default: false },
  broker: { type: 'string' },
  minimum: { type: 'string' },
  username: { type: 'string' },
  'password-file': { type: 'string' },
  ca: { type: 'string' },
  cert: { type: 'string' },
  'cert-key': { type: 'string' },
  'scrypt-n': { type: 'string' },
} as const

/** @throws TypeError of parseArgs for what is no option */
export function parseRepoArgs(args: readonly string[]) {
  return parseArgs({ args: [...args], allowPositionals: true, options: OPTIONS })
}
export type RepoValues = ReturnType<typeof parseRepoArgs>['values']

/** Where a verb's answers go, and how it asks. */
export interface RepoTerminal {
  readonly say: (text: string) => void
  readonly warn: (text: string) => void
  /** A passphrase, unseen; `twice` for a new one. */
  readonly ask: (prompt: string, twice: boolean) => Promise<string>
  /** Milliseconds since 1970. */
  readonly wallMs: () => number
  /** Ends what would go on for ever. */
  readonly signal: AbortSignal
}

/** One verb's call: what was typed, and the terminal. */
export interface RepoCall {
  readonly values: RepoValues
  readonly args: readonly string[]
  readonly terminal: RepoTerminal
}

/** The n-th of the passphrase files, the last one for all that follow; else it is asked for. */
export async function passphrase(
  { values, terminal }: RepoCall,
  { file, place, twice = false }: { readonly file: string; readonly place: number; readonly twice?: boolean },
): Promise<string> {
  const files = values['passphrase-file'] ?? []
  const from = files[place] ?? files.at(-1)
  if (from === undefined) return terminal.ask(`Passphrase of ${file}: `, twice)
  try {
    return (await readFile(from, 'utf8')).replace(/\r?\n$/, '')
  } catch (error) {
    throw new RepoError(`--passphrase-file ${from}: ${messageOf(error)}`)
  }
}

/** The keys of an option, opened. @throws RepoError when the option is missing, or a passphrase is wrong */
export async function signers(call: RepoCall, option: 'key' | 'online-key'): Promise<Signer[]> {
  const files = required(call.values[option], `--${option}`, 'a key file')
  const opened: Signer[] = []
  for (const [place, file] of files.entries()) {
    opened.push(await openKey(file, await passphrase(call, { file, place })))
  }
  return opened
}

/** @throws RepoError when an option or argument was not given */
export function required<T>(value: T | undefined, option: string, expected: string): T {
  if (value === undefined) throw new RepoError(`${option}: missing: expected ${expected}`)
  return value
}

/** @throws RepoError when it is no number */
export function number(value: string, option: string): number {
  const read = value.trim() === '' ? Number.NaN : Number(value)
  if (!Number.isFinite(read)) throw new RepoError(`${option} ${JSON.stringify(value)}: expected a number`)
  return read
}

export function folderOf({ values }: RepoCall): RepoFolder {
  return repoFolder(values.dir)
}

/** One answer: an object on a line for machines, or text for people. */
export function answer({ values, terminal }: RepoCall, said: object, text: string): void {
  terminal.say(values.json ? `${JSON.stringify(said)}\n` : text)
}
