import { readFileSync } from 'node:fs'
import { join, posix } from 'node:path'
import { parseDocument } from 'yaml'
import { updateOptions } from '../provisioning/options.ts'
import { ConfigError } from './config.ts'
import { LOCAL_KEYS, mergeUnder, valueAt } from './config-merge.ts'
import { type Content, contentIn, withCandidate } from './content.ts'

/** A configuration that came as an update, as its file says. */
export interface Delivered {
  readonly name: string
  readonly version: string
  readonly file: string
  readonly value: unknown
}

interface DeliveredSources {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly candidate?: Content
}

/**
 * The configurations that are in force under the device's own.
 * @param own what the device's own file says @param candidate taken as if it were in force already
 * @throws ConfigError naming the file and what is wrong with it
 */
export function deliveredConfigs(own: unknown, { env, candidate }: DeliveredSources): readonly Delivered[] {
  const inForce = contentIn(updateDirOf(own, env))
  return (candidate === undefined ? inForce : withCandidate(inForce, candidate))
    .filter(({ kind }) => kind === 'configuration')
    .map((one) => withoutOthersSecrets(read(one), own))
}

/** Where the updater keeps what it keeps, of a configuration that nobody has checked yet. */
function updateDirOf(own: unknown, env: Readonly<Record<string, string | undefined>>): string {
  const said = env.POINCON_UPDATE_DIR ?? valueAt(own, ['update', 'dir'])
  return typeof said === 'string' && said !== '' ? said : updateOptions.parse({}).dir
}

/** All of them with the device's own over them; of two that say the same, the later in the alphabet wins. */
export function mergedConfig(delivered: readonly Delivered[], own: unknown): unknown {
  if (delivered.length === 0) return own
  const fleet = delivered.reduce<unknown>((under, { value }) => mergeUnder(under, value), {})
  return mergeUnder(fleet, own ?? {})
}

/** Where a machine keeps passwords and keys, and where services are given copies. */
const SECRETS = ['/etc/poincon/secrets/', '/run/credentials/']

/**
 * Which secret is shown to whom the device itself says: else who publishes for a fleet could have any of them sent anywhere.
 * @throws ConfigError
 */
function withoutOthersSecrets(delivered: Delivered, own: unknown): Delivered {
  const foreign = secretsIn(delivered.value).find(({ path, file }) => valueAt(own, path) !== file)
  if (foreign === undefined) return delivered
  throw new ConfigError(
    `${delivered.file}: ${foreign.path.join('.')}: ${foreign.file}: expected the device's own file to name this secret there as well`,
  )
}

/** Every place that names the file of a secret. */
function secretsIn(
  value: unknown,
  path: readonly string[] = [],
): readonly { readonly path: readonly string[]; readonly file: string }[] {
  if (typeof value === 'string') {
    const plain = posix.normalize(value)
    return SECRETS.some((folder) => plain.startsWith(folder)) ? [{ path, file: value }] : []
  }
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, inner]) => secretsIn(inner, [...path, key]))
}

function read({ name, version, folder }: Content): Delivered {
  const file = join(folder, 'configuration.yaml')
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    throw new ConfigError(`${file}: cannot be read: ${error instanceof Error ? error.message : error}`, {
      cause: error,
    })
  }
  // Prettied, an error quotes the line: also one with a password.
  const document = parseDocument(text, { prettyErrors: false })
  const [broken] = document.errors
  if (broken !== undefined) throw new ConfigError(`${file}: not YAML: ${broken.message}`)
  const value: unknown = document.toJS() ?? {}
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new ConfigError(`${file}: expected a mapping of keys, as poincon.yaml is one`)
  const local = LOCAL_KEYS.find((key) => Object.hasOwn(value, key))
  if (local !== undefined)
    throw new ConfigError(`${file}: ${local}: only the device itself says that: expected it not to be there`)
  return { name, version, file, value }
}
