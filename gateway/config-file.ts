import { existsSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { LineCounter, parse, parseDocument } from 'yaml'
import { z } from 'zod'
import { type Config, ConfigError, type ConfigProblem, configSchema, parseConfig } from './config.ts'
import { type Delivered, deliveredConfigs, mergedConfig } from './config-delivered.ts'
import { valueAt } from './config-merge.ts'
import { shownValue, unwrapped, withoutSecrets as withoutSecretsOf } from './config-secrets.ts'
import type { Content } from './content.ts'
import { lineOf } from './yaml-lines.ts'

/** What the process was started with, as far as it configures it. */
export interface ConfigSources {
  /** `--config`, else found: `./poincon.yaml`, `/etc/poincon/poincon.yaml`, built-in defaults. */
  readonly file?: string
  readonly env: Readonly<Record<string, string | undefined>>
  readonly cwd: string
  /** Taken as if its updater had put it in force already. */
  readonly candidate?: Content
  /** Nothing that came as an update counts. */
  readonly ownOnly?: true
}

/** A configuration, and where it comes from. */
export interface LoadedConfig {
  readonly config: Config
  /** The device's own file; `built-in defaults` where it has none. */
  readonly file: string
  /** Configurations that came as updates, and are in force under it. */
  readonly delivered: readonly Delivered[]
  /** What the device's own file says. */
  readonly own: unknown
}

/** Used by tests, never read by the gateway. */
const RESERVED = new Set(['POINCON_SHARED', 'POINCON_I2C'])

/**
 * The configuration of a command line.
 * @param file that it names; undefined: found as ever
 * @throws ConfigError
 */
export function commandConfig(file: string | undefined): ReturnType<typeof loadConfig> {
  return loadConfig({ ...(file === undefined ? {} : { file }), env: process.env, cwd: process.cwd() })
}

/** The same without what came as updates. @throws ConfigError */
export function ownConfig(file: string | undefined): ReturnType<typeof loadConfig> {
  const sources = { env: process.env, cwd: process.cwd(), ownOnly: true } as const
  return loadConfig({ ...(file === undefined ? {} : { file }), ...sources })
}

/**
 * Reads the configuration: what came as updates, the device's own file over it, `POINCON_…` variables over both.
 * @throws ConfigError with one line per problem: file, line, path, value, expectation
 */
export function loadConfig(sources: ConfigSources): LoadedConfig {
  const file = findFile(sources)
  const text = file === undefined ? '' : readText(file)
  const lines = new LineCounter()
  // Prettied, an error quotes the line: also one with a password.
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false })
  const broken = document.errors[0]
  if (broken !== undefined) {
    throw new ConfigError(`${file}:${lines.linePos(broken.pos[0]).line}: not YAML: ${broken.message}`)
  }
  const overridden = new Map<string, string>()
  const own: unknown = document.toJS() ?? {}
  const delivered = sources.ownOnly === true ? [] : deliveredConfigs(own, sources)
  const input = withCredentials(
    applyEnvironment(mergedConfig(delivered, own), sources.env, overridden),
    sources.env.CREDENTIALS_DIRECTORY,
  )
  const result = parseConfig(input)
  if ('config' in result) return { config: result.config, file: file ?? 'built-in defaults', delivered, own }
  throw new ConfigError(
    result.problems
      .map((problem) => {
        const line = lineOf(document, lines, problem.path)
        const place = `${file ?? 'built-in defaults'}${line === undefined ? '' : `:${line}`}`
        return describe(problem, deliveredBy(problem, delivered, own) ?? place, overridden)
      })
      .join('\n'),
  )
}

function findFile({ file, cwd }: ConfigSources): string | undefined {
  if (file !== undefined) {
    const path = resolve(cwd, file)
    if (!existsSync(path)) throw new ConfigError(`${path}: no such file (--config)`)
    return path
  }
  return [resolve(cwd, 'poincon.yaml'), '/etc/poincon/poincon.yaml'].find((path) => existsSync(path))
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    throw new ConfigError(`${file}: cannot be read: ${error instanceof Error ? error.message : error}`, {
      cause: error,
    })
  }
}

/** The file that came as an update and says what is wrong; undefined: the device's own does, or nobody. */
function deliveredBy(
  { path }: ConfigProblem,
  delivered: readonly Delivered[],
  own: unknown,
): string | undefined {
  for (let depth = path.length; depth > 0; depth -= 1) {
    const keys = path.slice(0, depth).map(String)
    if (valueAt(own, keys) !== undefined) return undefined
    const from = delivered.findLast(({ value }) => valueAt(value, keys) !== undefined)
    if (from !== undefined) return from.file
  }
  return undefined
}

function describe(problem: ConfigProblem, from: string, overridden: ReadonlyMap<string, string>): string {
  const path = problem.path.join('.')
  const variable = overridden.get(path)
  const place = variable ?? from
  const near = problem.expectation === 'no such key' ? suggestion(problem.path) : ''
  // A mistyped `password` holds one, too.
  const meant = near === '' ? problem.path : [...problem.path.slice(0, -1), near]
  const value = shownValue(configSchema, meant, problem.value)
  return `${place}: ${path}: ${value}: ${problem.expectation}${near}`
}

/** A key of the configuration without keys of its own. */
export interface Setting {
  readonly path: readonly string[]
  /** Text as it stands: what YAML would make of it does not count. */
  readonly text: boolean
}

/** Every key that a variable may set, by the variable's name. */
export function variables(schema: z.ZodType, path: readonly string[] = []): Map<string, Setting> {
  const bare = unwrapped(schema)
  if (!(bare instanceof z.ZodObject)) {
    const setting = { path, text: bare instanceof z.ZodString }
    return new Map([[`POINCON_${path.join('_').toUpperCase()}`, setting]])
  }
  return new Map(
    Object.entries(bare.shape).flatMap(([key, value]) =>
      value instanceof z.ZodType ? [...variables(value, [...path, key])] : [],
    ),
  )
}

/** A copy to show: what is secret is there, and not what it is. */
export function withoutSecrets(config: Config): unknown {
  return withoutSecretsOf(configSchema, config)
}

function applyEnvironment(
  input: unknown,
  env: ConfigSources['env'],
  overridden: Map<string, string>,
): unknown {
  const known = variables(configSchema)
  const config: unknown = structuredClone(input)
  if (env.STATE_DIRECTORY && isRecord(config) && config.data_dir === undefined) {
    config.data_dir = env.STATE_DIRECTORY
  }
  for (const [variable, value] of Object.entries(env)) {
    if (!variable.startsWith('POINCON_') || RESERVED.has(variable) || value === undefined) continue
    const setting = known.get(variable)
    if (setting === undefined) {
      const near = closest(variable, [...known.keys()])
      throw new ConfigError(
        `${variable}: ${shownValue(configSchema, [variable], value)}: no such setting${near}`,
      )
    }
    set(config, setting.path, setting.text ? value : scalar(value))
    overridden.set(setting.path.join('.'), variable)
  }
  return config
}

/** Where the machine keeps passwords and keys; a service reads copies, as systemd names them (`LoadCredential`). */
const SECRETS = '/etc/poincon/secrets/'

/** Every path of a secret becomes that of its copy, where this process has been given one. */
function withCredentials(value: unknown, folder: string | undefined): unknown {
  if (folder === undefined) return value
  if (typeof value === 'string' && value.startsWith(SECRETS)) {
    const copy = `${folder}/secrets_${value.slice(SECRETS.length).replaceAll('/', '_')}`
    return existsSync(copy) ? copy : value
  }
  if (Array.isArray(value)) return value.map((one) => withCredentials(one, folder))
  if (!isRecord(value)) return value
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, withCredentials(one, folder)]))
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** `1883` is a number, `true` a boolean, `{a: 1}` a mapping; what is not YAML stays the text it is. */
function scalar(value: string): unknown {
  try {
    return parse(value)
  } catch {
    return value
  }
}

function set(target: unknown, path: readonly string[], value: unknown): void {
  const [key, ...rest] = path
  if (key === undefined || !isRecord(target)) return
  if (rest.length === 0) {
    target[key] = value
    return
  }
  if (!isRecord(target[key])) target[key] = {}
  set(target[key], rest, value)
}

function suggestion(path: readonly (string | number)[]): string {
  let schema: z.ZodType = configSchema
  for (const part of path.slice(0, -1)) {
    const bare = unwrapped(schema)
    if (!(bare instanceof z.ZodObject)) return ''
    const next: unknown = bare.shape[part]
    if (!(next instanceof z.ZodType)) return ''
    schema = next
  }
  const bare = unwrapped(schema)
  return bare instanceof z.ZodObject ? closest(String(path.at(-1)), Object.keys(bare.shape)) : ''
}

function closest(word: string, words: readonly string[]): string {
  const best = words
    .map((candidate) => ({ candidate, distance: editDistance(word, candidate) }))
    .sort((a, b) => a.distance - b.distance)[0]
  return best !== undefined && best.distance <= 3 ? ` (did you mean ${best.candidate}?)` : ''
}

/** Levenshtein distance. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i]
    for (let j = 1; j <= b.length; j += 1) {
      next[j] = Math.min(
        (row[j] ?? 0) + 1,
        (next[j - 1] ?? 0) + 1,
        (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1),
      )
    }
    row = next
  }
  return row[b.length] ?? 0
}
