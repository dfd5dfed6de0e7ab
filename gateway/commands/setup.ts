import { existsSync } from 'node:fs'
import { constants, copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline/promises'
import { parseArgs } from 'node:util'
import { parse } from 'yaml'
import { systemClock } from '../../drivers/clock.ts'
import { openI2cBus } from '../../drivers/linux/i2c.ts'
import { type Config, ConfigError } from '../config.ts'
import { loadConfig } from '../config-file.ts'
import { type Answers, answersSchema } from '../first-contact/answers.ts'
import { composed } from '../first-contact/compose.ts'
import { type FirstOptions, firstInspection, measureTray } from '../first-contact/first-inspection.ts'
import { type Ask, foundLines, interview, isYes } from '../first-contact/interview.ts'
import { files, lookAround } from '../first-contact/machine.ts'
import { planOf } from '../first-contact/plan.ts'
import { TEXTS, type Texts } from '../first-contact/texts.ts'
import { type Outcome, tryBroker, tryInflux, unreadable } from '../first-contact/trials.ts'
import { identityOf } from '../identity.ts'
import { problemsOf } from '../problems.ts'
import { replaceFile } from '../replace-file.ts'

const USAGE = `poincon setup [--answers FILE] [--out FILE] [--replace] [--offline]

Looks for heads, camera and lines, asks what the station is called and where it sends, tries broker and database, writes
a commented poincon.yaml (--out, default /etc/poincon/poincon.yaml where that folder is, else ./poincon.yaml), measures the
empty tray and inspects it once. --answers takes the answers from a YAML file (docs/install.md) and asks nothing; without
it, or where standard input is no terminal, --answers is needed. --replace replaces a file that is there, and keeps it
beside; --offline tries no server.

Exit codes: 0 set up · 1 something does not work; without a terminal nothing is written then · 2 wrong usage
            78 the answers are wrong
`

const INSTALLED = '/var/lib/poincon'

interface Said {
  readonly say: (line: string) => void
  /** Undefined without a terminal: then what does not work ends it. */
  readonly ask: Ask | undefined
}

/** `poincon setup`: from bare machine to first inspection. */
export async function setupCommand(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      answers: { type: 'string' },
      out: { type: 'string', short: 'o' },
      replace: { type: 'boolean', default: false },
      offline: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  if (values.help) {
    process.stdout.write(USAGE)
    return 0
  }
  const asked = values.answers === undefined
  if (positionals.length > 0 || (asked && !process.stdin.isTTY)) {
    process.stderr.write(USAGE)
    return 2
  }
  const terminal = asked ? createInterface({ input: process.stdin, output: process.stdout }) : undefined
  const ask: Ask | undefined =
    terminal === undefined
      ? undefined
      : async (question, proposal) => (await terminal.question(`${question} [${proposal}]: `)) || proposal
  try {
    const out = resolve(
      values.out ?? (existsSync('/etc/poincon') ? '/etc/poincon/poincon.yaml' : 'poincon.yaml'),
    )
    const before = values.answers === undefined ? answersSchema.parse({}) : await answersIn(values.answers)
    const said: Said = { ask, say: (line) => void process.stdout.write(`${line}\n`) }
    return await setUp(before, { ...said, out, replace: values.replace, offline: values.offline })
  } finally {
    terminal?.close()
  }
}

interface SetUp extends Said {
  readonly out: string
  readonly replace: boolean
  readonly offline: boolean
}

async function setUp(before: Answers, options: SetUp): Promise<number> {
  const { ask, say, out } = options
  const found = await lookAround({ ...files, clock: systemClock, openBus: (path) => openI2cBus(path) })
  const answers = ask === undefined ? before : await interview(found, before, ask, say)
  const texts = TEXTS[answers.language]
  if (ask === undefined) for (const line of foundLines(found, texts.nothing)) say(`${texts.found}: ${line}`)
  const { config: piece, remarks } = planOf(found, { ...answers, ...dataDir(answers) })
  for (const { text, about } of remarks) say(`! ${about}: ${texts.remark[text]}`)
  const text = composed(piece, texts)
  const config = await accepted(text)
  if (!(options.offline || (await serversWork(answers, config, options, texts)))) return 1
  if (
    existsSync(out) &&
    !(options.replace || (ask !== undefined && isYes(await ask(`${out} ${texts.replace}`, 'n'))))
  ) {
    process.stderr.write(`poincon setup: ${out} is there already: give --replace, or --out FILE\n`)
    return 1
  }
  if (existsSync(out)) {
    await copyFile(
      out,
      `${out}.${new Date().toISOString().replace(/[-:]|\.\d+/g, '')}`,
      constants.COPYFILE_EXCL,
    )
  }
  // There the folder's group is the station's.
  await replaceFile(out, text, out.startsWith('/etc/poincon/') ? 0o640 : 0o644)
  say(`${texts.written}: ${out}`)
  return await firstLook(
    answers,
    { config, file: out, cli: { node: process.execPath, script: process.argv[1] ?? '' } },
    options,
  )
}

/** Where the package keeps it, on a machine that has the package: every command then means the same log. */
function dataDir({ data_dir: dir }: Answers): Pick<Answers, 'data_dir'> {
  return dir === undefined && existsSync(INSTALLED) ? { data_dir: INSTALLED } : {}
}

/** The empty tray, then a part that is none: whether everything between lamp and log does its work. */
async function firstLook(answers: Answers, station: FirstOptions, { ask, say }: SetUp): Promise<number> {
  const texts = TEXTS[answers.language]
  const now =
    answers.tray === 'measure' && (ask === undefined || (await ask(texts.trayNow, '')).trim() !== 'later')
  try {
    await mkdir(station.config.data_dir, { recursive: true })
    if (now) await measureTray(station)
    const { verdict } = await firstInspection(station)
    say(`${texts.firstPart}: ${verdict.action} (${(verdict.reasons ?? [verdict.kind]).join(', ')})`)
    if (verdict.kind === 'graded') say(`! ${texts.notEmpty}`)
    say(texts.done)
    return 0
  } catch (error) {
    process.stderr.write(`poincon setup: ${error instanceof Error ? error.message : String(error)}\n`)
    return 1
  }
}

async function serversWork(
  answers: Answers,
  config: Config,
  { ask, say }: SetUp,
  texts: Texts,
): Promise<boolean> {
  const { broker, influx } = answers
  const trials: readonly (readonly [string, () => Promise<Outcome>])[] = [
    ...(broker === undefined
      ? []
      : ([[broker.url, () => tryBroker(broker, identityOf(config).deviceId)]] as const)),
    ...(influx === undefined ? [] : ([[influx.url, () => tryInflux(influx)]] as const)),
  ]
  const missing = await unreadable([
    broker?.password_file,
    broker?.ca_file,
    broker?.cert_file,
    broker?.key_file,
    influx?.token_file,
  ])
  for (const [url, attempt] of trials) {
    const problem = missing ?? (await attempt())
    say(problem === undefined ? `${url}: ${texts.works}` : `${url}: ${texts.worksNot}: ${problem}`)
    if (problem !== undefined && !(ask !== undefined && isYes(await ask(texts.keepAnyway, 'n')))) return false
  }
  return true
}

/** The configuration that a text makes, read as the gateway will. @throws ConfigError */
async function accepted(text: string): Promise<Config> {
  const folder = await mkdtemp(join(tmpdir(), 'poincon-setup-'))
  try {
    const file = join(folder, 'poincon.yaml')
    await writeFile(file, text)
    return loadConfig({ file, env: process.env, cwd: process.cwd() }).config
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function answersIn(file: string): Promise<Answers> {
  const parsed = answersSchema.safeParse(parse(await readFile(file, 'utf8')) ?? {}, { reportInput: true })
  if (parsed.success) return parsed.data
  const lines = problemsOf(parsed.error).map(
    ({ path, value, expectation }) =>
      `${file}: ${path.join('.')}: ${JSON.stringify(value) ?? 'missing'}: ${expectation}`,
  )
  throw new ConfigError(lines.join('\n'))
}
