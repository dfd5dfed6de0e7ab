import { readFile } from 'node:fs/promises'
import { z } from 'zod'
import { replaceFile } from '../replace-file.ts'
import { parseHash } from './passwords.ts'

/** A user's name, and the common name of a client certificate: no letter of it means anything in a topic. */
export const userName = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9_.@-]{0,63}$/, 'expected 1 to 64 of A-Z, a-z, 0-9, _ . @ and -')

/** A topic pattern of an ACL: `+` one level, `#` the rest, `%u` the user's name. */
export const topicPattern = z
  .string()
  .min(1)
  .max(512)
  .refine(
    (pattern) =>
      !pattern.startsWith('$') &&
      pattern.split('/').every((level, i, { length }) => {
        if (level === '#') return i === length - 1
        return level === '+' || !/[+#]/.test(level)
      }),
    'expected a topic filter that does not begin with $: + and # stand for whole levels, # for the last',
  )

/** `inspect`, `recipe/select`, or `*` for every command. */
export const commandPattern = z
  .string()
  .regex(/^(\*|[a-z0-9-]+(\/[a-z0-9-]+)?)$/, 'expected the name of a command, or *')

const user = z.strictObject({
  password: z
    .string()
    .refine((text) => parseHash(text) !== undefined, 'expected $scrypt$ln=…,r=…,p=…$salt$key')
    .exactOptional()
    .describe('Hash of the password; absent: only a client certificate lets this user in.'),
  subscribe: z.array(topicPattern).max(100).default(['poincon/#']).describe('What they may read.'),
  publish: z
    .array(topicPattern)
    .max(100)
    .default([])
    .describe('What they may write, besides commands; never the station’s own topics.'),
  commands: z.array(commandPattern).max(100).default([]).describe('Which commands they may call.'),
})
/** One who may come in. */
export type User = Readonly<z.infer<typeof user>>

/** The file of users, `poincon.mqtt-users/1`. */
export const usersFile = z.strictObject({
  schema: z.literal('poincon.mqtt-users/1'),
  users: z.record(userName, user),
})

export type Users = ReadonlyMap<string, User>

/** Rights of who is nothing but known: to read. */
export const DEFAULT_USER: User = user.parse({})

/** A file of a thousand users is 300 kB. */
const MOST_BYTES = 4 << 20

/** @throws Error that names file, place and expectation; with `code` `ENOENT` in its cause when there is none */
export async function readUsers(file: string): Promise<Users> {
  let bytes: Buffer
  try {
    bytes = await readFile(file)
  } catch (error) {
    throw new Error(`${file}: cannot be read: ${messageOf(error)}`, { cause: error })
  }
  if (bytes.length > MOST_BYTES)
    throw new Error(`${file}: ${bytes.length} bytes: expected at most ${MOST_BYTES}`)
  let json: unknown
  try {
    json = JSON.parse(bytes.toString('utf8'))
  } catch (error) {
    throw new Error(`${file}: not JSON: ${messageOf(error)}`, { cause: error })
  }
  const parsed = usersFile.safeParse(json)
  if (parsed.success) return new Map(Object.entries(parsed.data.users))
  const [issue] = parsed.error.issues
  throw new Error(`${file}: ${issue?.path.join('.') || 'its top'}: ${issue?.message}`, {
    cause: parsed.error,
  })
}

/** In place of what was there, whole or not at all; readable for its owner alone. */
export async function writeUsers(file: string, users: Users): Promise<void> {
  const content = { schema: 'poincon.mqtt-users/1', users: Object.fromEntries(users) }
  await replaceFile(file, `${JSON.stringify(content, undefined, 2)}\n`, 0o600)
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
