import { createInterface } from 'node:readline'
import { type Readable, Writable } from 'node:stream'
import { parseArgs } from 'node:util'
import { ConfigError } from '../config.ts'
import { commandConfig } from '../config-file.ts'
import { hashPassword, PASSWORD_LENGTH } from '../mqtt/passwords.ts'
import {
  commandPattern,
  readUsers,
  topicPattern,
  type User,
  type Users,
  userName,
  writeUsers,
} from '../mqtt/users.ts'

const USAGE = `poincon user list [--json]
poincon user add NAME [--subscribe PATTERN…] [--publish PATTERN…] [--command NAME…] [--no-password]
poincon user passwd NAME
poincon user remove NAME

Who may come to the embedded broker, and what they may do there: the file mqtt.users_file of the configuration
(--config FILE), or --file FILE. A new user may read poincon/# and nothing else; %u in a pattern is their name, and
--command '*' is every command. The password is asked for, or read from standard input; --no-password is for who comes
with a client certificate. A station that runs takes the change up within seconds, and ends the user's sessions.
`

const OPTIONS = {
  config: { type: 'string', short: 'c' },
  file: { type: 'string' },
  subscribe: { type: 'string', multiple: true },
  publish: { type: 'string', multiple: true },
  command: { type: 'string', multiple: true },
  'no-password': { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
} as const

/** Where the command is typed, and its answers go. */
export interface Terminal {
  readonly input: Readable & { readonly isTTY?: boolean }
  readonly output: Pick<NodeJS.WritableStream, 'write'>
  readonly errors: Pick<NodeJS.WritableStream, 'write'>
}

const PROCESS: Terminal = { input: process.stdin, output: process.stdout, errors: process.stderr }

type Values = ReturnType<typeof parsed>['values']

function parsed(args: readonly string[]) {
  return parseArgs({ args: [...args], allowPositionals: true, options: OPTIONS })
}

/** `poincon user …`. Exit 0 done, 1 refused or not found, 2 wrong usage, 78 no file is configured. */
export async function userCommand(args: readonly string[], terminal: Terminal = PROCESS): Promise<number> {
  const { values, positionals } = parsed(args)
  const [verb, name, ...more] = positionals
  if (values.help) {
    terminal.output.write(USAGE)
    return 0
  }
  const wanted = verb === 'list' ? name === undefined : name !== undefined
  if (!wanted || more.length > 0 || !['list', 'add', 'passwd', 'remove'].includes(verb ?? '')) {
    terminal.errors.write(USAGE)
    return 2
  }
  const file = fileOf(values)
  if (verb === 'list') return list(await readOrNone(file), values, terminal)
  const users = await changed(file, { verb: verb ?? '', name: name ?? '' }, { values, terminal })
  await writeUsers(file, users)
  terminal.output.write(`${file}: ${users.size} ${users.size === 1 ? 'user' : 'users'}\n`)
  return 0
}

/** @throws ConfigError when neither the command nor the configuration names one */
function fileOf({ file, config }: Values): string {
  if (file !== undefined) return file
  const loaded = commandConfig(config)
  const configured = loaded.config.mqtt.users_file
  if (configured === undefined) {
    throw new ConfigError(
      `${loaded.file}: mqtt.users_file: missing: expected the file of the users (or give --file FILE)`,
    )
  }
  return configured
}

function list(users: Users, { json }: Values, { output }: Terminal): number {
  for (const [name, { password, subscribe, publish, commands }] of [...users].sort(([a], [b]) =>
    a < b ? -1 : 1,
  )) {
    const by = password === undefined ? 'certificate' : 'password'
    if (json) output.write(`${JSON.stringify({ name, by, subscribe, publish, commands })}\n`)
    else {
      const shown = (what: readonly string[]): string => (what.length === 0 ? '-' : what.join(' '))
      output.write(
        `${name.padEnd(20)} ${by.padEnd(12)} reads ${shown(subscribe)}  writes ${shown(publish)}  calls ${shown(commands)}\n`,
      )
    }
  }
  if (users.size === 0 && !json) output.write('no users yet\n')
  return 0
}

/** @throws Error when there is no such user, or there is one already */
async function changed(
  file: string,
  { verb, name }: { readonly verb: string; readonly name: string },
  { values, terminal }: { readonly values: Values; readonly terminal: Terminal },
): Promise<Users> {
  const users = new Map(await readOrNone(file))
  const known = users.get(name)
  if (verb === 'add') {
    if (known !== undefined) throw new Error(`user ${name} exists: remove it first, or change its password`)
    const checked = userName.safeParse(name)
    if (!checked.success) throw new Error(`user ${JSON.stringify(name)}: ${checked.error.issues[0]?.message}`)
    users.set(name, await newUser(values, terminal))
    return users
  }
  if (known === undefined) throw new Error(`user ${name}: there is none in ${file}`)
  if (verb === 'remove') users.delete(name)
  else users.set(name, { ...known, password: await hashPassword(await askPassword(terminal)) })
  return users
}

/** @throws Error that names the option, its value and what was expected */
async function newUser(values: Values, terminal: Terminal): Promise<User> {
  const subscribe = patterns('--subscribe', values.subscribe ?? ['poincon/#'], topicPattern)
  const publish = patterns('--publish', values.publish ?? [], topicPattern)
  const commands = patterns('--command', values.command ?? [], commandPattern)
  const rights = { subscribe, publish, commands }
  return values['no-password']
    ? rights
    : { ...rights, password: await hashPassword(await askPassword(terminal)) }
}

function patterns(option: string, given: readonly string[], form: typeof topicPattern): string[] {
  return given.map((pattern) => {
    const checked = form.safeParse(pattern)
    if (checked.success) return checked.data
    throw new Error(`${option} ${JSON.stringify(pattern)}: ${checked.error.issues[0]?.message}`)
  })
}

/** From the terminal, unseen and twice; otherwise the first line of standard input. */
async function askPassword({ input, errors }: Terminal): Promise<string> {
  const asks = input.isTTY === true
  const lines = createInterface({
    input,
    // A terminal shows nothing of what is typed.
    output: new Writable({ write: (_chunk, _encoding, done) => done() }),
    terminal: asks,
  })
  // On a terminal readline takes Ctrl-C for itself.
  lines.on('SIGINT', () => lines.close())
  const typed = lines[Symbol.asyncIterator]()
  const next = async (prompt: string): Promise<string> => {
    if (asks) errors.write(prompt)
    const { value, done } = await typed.next()
    if (asks) errors.write('\n')
    return done === true ? '' : String(value)
  }
  try {
    const password = await next('Password: ')
    const { least, most } = PASSWORD_LENGTH
    if (password.length < least || password.length > most) {
      throw new Error(`the password has ${password.length} characters: expected ${least} to ${most}`)
    }
    if (asks && (await next('Once more: ')) !== password) {
      throw new Error('the two are not the same')
    }
    return password
  } finally {
    lines.close()
  }
}

async function readOrNone(file: string): Promise<Users> {
  try {
    return await readUsers(file)
  } catch (error) {
    if (error instanceof Error && isMissing(error.cause)) return new Map()
    throw error
  }
}

function isMissing(cause: unknown): boolean {
  return cause instanceof Error && 'code' in cause && cause.code === 'ENOENT'
}
