import { type Answers, answersSchema, type Language } from './answers.ts'
import type { Found } from './machine.ts'
import { type Question, TEXTS } from './texts.ts'

/** Where questions go. @returns what was typed; the proposal where nothing was */
export type Ask = (question: string, proposal: string) => Promise<string>

/**
 * Asks one thing after the other; what the schema refuses is said and asked again.
 * @param before answers that are there already: proposed in place of the defaults
 */
export async function interview(
  found: Found,
  before: Answers,
  ask: Ask,
  say: (line: string) => void,
): Promise<Answers> {
  const language = await chosen(ask, before.language)
  const texts = TEXTS[language]
  say(texts.welcome)
  for (const line of foundLines(found, texts.nothing)) say(`${texts.found}: ${line}`)
  const raw: Record<string, unknown> = { ...before, language }
  const put = async (
    path: readonly string[],
    question: Question,
    proposal: string,
    empty = false,
  ): Promise<string> => {
    for (;;) {
      const typed = (await ask(texts.ask[question], proposal)).trim()
      const text = typed === '' && empty ? undefined : typed
      // A station may be called 3; a line has a number.
      const trials = [text, Number(typed)].map((value) => withPath(raw, path, value))
      const fitting = trials.find((trial) => problemAt(trial, path) === undefined)
      if (fitting !== undefined) {
        Object.assign(raw, fitting)
        return typed
      }
      const numeric = /^\d+$/.test(typed) ? trials[1] : trials[0]
      say(`  ${typed}: ${problemAt(numeric ?? {}, path)}`)
    }
  }
  for (const key of ['site', 'line', 'station', 'heads', 'camera', 'recipe'] as const)
    await put([key], key, before[key])
  raw.trigger = await triggerKind(before, (proposal) => ask(texts.ask.trigger, proposal))
  await askTrigger(raw, put)
  const wired = await ask(texts.ask.gate, before.gate === undefined ? 'n' : texts.yes)
  if (isYes(wired)) {
    raw.gate = { delay_ms: 2000, pass: 17, stop: 23, ...before.gate }
    await put(['gate', 'pass'], 'pass', String(before.gate?.pass ?? 17))
    await put(['gate', 'stop'], 'stop', String(before.gate?.stop ?? 23))
    await put(['gate', 'kick'], 'kick', before.gate?.kick === undefined ? '' : String(before.gate.kick), true)
    await put(['gate', 'delay_ms'], 'delay', String(before.gate?.delay_ms ?? 2000))
  } else delete raw.gate
  await askServer(raw, 'broker', before.broker?.url, put, ['username', 'password_file', 'ca_file'])
  await askServer(raw, 'influx', before.influx?.url, put, ['bucket', 'token_file'])
  return answersSchema.parse(raw)
}

type Put = (path: readonly string[], question: Question, proposal: string, empty?: boolean) => Promise<string>

/** The kind alone is not yet an answer: it comes with values that will do, which are asked for next. */
async function triggerKind(
  { trigger }: Answers,
  ask: (proposal: string) => Promise<string>,
): Promise<object> {
  const drafts = new Map<string, object>([
    ['light-barrier', { kind: 'light-barrier', line: 24 }],
    ['interval', { kind: 'interval', period_ms: 1000 }],
    ['command', { kind: 'command' }],
    [trigger.kind, trigger],
  ])
  let draft: object | undefined
  while (draft === undefined) draft = drafts.get((await ask(trigger.kind)).trim())
  return draft
}

async function askTrigger({ trigger }: Record<string, unknown>, put: Put): Promise<void> {
  if (typeof trigger !== 'object' || trigger === null) return
  if ('line' in trigger) await put(['trigger', 'line'], 'barrier', String(trigger.line))
  if ('period_ms' in trigger) await put(['trigger', 'period_ms'], 'period', String(trigger.period_ms))
}

async function askServer(
  raw: Record<string, unknown>,
  key: 'broker' | 'influx',
  url: string | undefined,
  put: Put,
  more: readonly ('username' | 'password_file' | 'ca_file' | 'bucket' | 'token_file')[],
): Promise<void> {
  const there = raw[key]
  const typed = await put([key, 'url'], key, url ?? '', true)
  if (typed === '') {
    delete raw[key]
    return
  }
  for (const one of more) {
    const known: unknown = typeof there === 'object' && there !== null ? Reflect.get(there, one) : undefined
    const proposal = typeof known === 'string' ? known : one === 'bucket' ? 'poincon' : ''
    await put([key, one], one, proposal, true)
  }
}

async function chosen(ask: Ask, before: Language): Promise<Language> {
  const typed = (await ask('Language / langue: en, fr', before)).trim().toLowerCase()
  return typed.startsWith('f') ? 'fr' : 'en'
}

export function isYes(typed: string): boolean {
  return /^\s*[yo]/i.test(typed)
}

/** What was found, a line each. */
export function foundLines({ buses, cameras, gpioChips, clocks }: Found, nothing: string): readonly string[] {
  const lines = buses.map(({ path, devices, problem }) => {
    const who = devices.map(({ address, chip }) => `0x${address.toString(16)} ${chip ?? '?'}`).join(', ')
    return `${path}: ${problem ?? (who === '' ? nothing : who)}`
  })
  const seen = cameras.map(({ path, name }) => `${path}: ${name}`)
  return [...lines, ...seen, ...[...gpioChips, ...clocks].map((path) => path)]
}

function withPath(
  raw: Record<string, unknown>,
  [key = '', inner]: readonly string[],
  value: unknown,
): Record<string, unknown> {
  if (inner === undefined) return { ...raw, [key]: value }
  const there = raw[key]
  const part = { ...(typeof there === 'object' ? there : {}), [inner]: value }
  // Without its address a server is none.
  return { ...raw, [key]: inner === 'url' && value === undefined ? undefined : part }
}

function problemAt(trial: Record<string, unknown>, path: readonly string[]): string | undefined {
  const parsed = answersSchema.safeParse(trial)
  if (parsed.success) return undefined
  const here = parsed.error.issues.find((issue) => issue.path[0] === path[0])
  return here?.message
}
