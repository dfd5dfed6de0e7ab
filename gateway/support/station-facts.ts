import { existsSync, readFileSync } from 'node:fs'
import { stringify } from 'yaml'
import { type Config, ConfigError, configSchema, parseConfig } from '../config.ts'
import { commandConfig, withoutSecrets } from '../config-file.ts'
import { toldConfig } from './wrong-config.ts'

/** What a bundle is made by. */
export interface StationFacts {
  /** In force; of a wrong one what can be told of places, over the defaults. */
  readonly config: Config
  readonly file: string
  /** For `configuration.yaml`. */
  readonly shown: { readonly text: string; readonly about: string }
  /** To look for secrets in: the configuration's values, whatever they are. */
  readonly values: unknown
  /** Texts of a wrong configuration that are not shown. */
  readonly hidden: readonly string[]
  /** Why the station does not start with it. */
  readonly error?: string
}

/** Where a configuration is looked for, as the gateway does. */
const PLACES = ['poincon.yaml', '/etc/poincon/poincon.yaml']

/** @param named `--config` */
export function stationFacts(named: string | undefined): StationFacts {
  try {
    const { config, file } = commandConfig(named)
    const text = stringify(withoutSecrets(config))
    return { config, file, shown: { text, about: 'as the gateway reads it' }, values: config, hidden: [] }
  } catch (error) {
    const file = named ?? PLACES.find((path) => existsSync(path))
    return wrong(file, error instanceof Error ? error.message : String(error))
  }
}

function wrong(file: string | undefined, error: string): StationFacts {
  const { text, hidden, value } = toldConfig(configSchema, textOf(file))
  return {
    ...{ config: placesOf(value), file: file ?? 'built-in defaults', values: value, error },
    shown: { text, about: 'a wrong one: its keys, and values of places that are known and not secret' },
    hidden: [...hidden, ...secretsOfEnvironment()],
  }
}

/** What cannot be read is told by the error. */
function textOf(file: string | undefined): string {
  try {
    return file === undefined ? '' : readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}

/** A variable may be what is wrong, and an error quotes it. */
function secretsOfEnvironment(): readonly string[] {
  return Object.entries(process.env).flatMap(([name, value]) =>
    /^POINCON_.*(?:PASS|SECRET|TOKEN|KEY|CREDENTIAL)/.test(name) && value !== undefined ? [value] : [],
  )
}

/** The defaults, with those places of a wrong configuration that are right by themselves and the bundle needs. */
function placesOf(value: unknown): Config {
  const env = process.env
  const said = [
    pick(value, 'data_dir') ?? env.POINCON_DATA_DIR ?? env.STATE_DIRECTORY,
    pick(value, 'http'),
    pick(value, 'update', 'dir') ?? env.POINCON_UPDATE_DIR,
    pick(value, 'device_id'),
  ] as const
  const [dataDir, http, updateDir, deviceId] = said
  const port = Number(env.POINCON_HTTP_PORT)
  const wanted = [
    { data_dir: dataDir },
    { http: env.POINCON_HTTP_PORT === undefined ? http : { ...asObject(http), port } },
    { update: { dir: updateDir } },
    { device_id: deviceId },
  ]
  const right = wanted.filter((one) => {
    const [inner] = Object.values(one)
    return inner !== undefined && 'config' in parseConfig(one)
  })
  const whole = parseConfig(Object.assign({}, ...right))
  if ('config' in whole) return whole.config
  throw new ConfigError('the defaults are no configuration')
}

function asObject(value: unknown): object {
  return typeof value === 'object' && value !== null ? value : {}
}

function pick(value: unknown, ...path: readonly string[]): unknown {
  return path.reduce<unknown>(
    (inner, key) => (typeof inner === 'object' && inner !== null ? Reflect.get(inner, key) : undefined),
    value,
  )
}
