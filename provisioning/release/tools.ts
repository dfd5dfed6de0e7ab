import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { ReleaseError } from './error.ts'

/** What builds a release. */
export interface Tools {
  /** The Node.js that builds; not the one that is shipped. */
  readonly node: string
  /** npm's script. */
  readonly npm: string
  /** node-gyp's script. */
  readonly gyp: string
  /** What the tools see of the environment. */
  readonly env: Readonly<Record<string, string>>
}

/** Of the builder's environment: where programs and caches are, and how the registry is reached. */
const INHERITED =
  /^(PATH|HOME|TMPDIR|LANG|https?_proxy|HTTPS?_PROXY|no_proxy|NO_PROXY|SSL_CERT_FILE|NODE_EXTRA_CA_CERTS|npm_config_(registry|cache|userconfig|globalconfig))$/

/**
 * Finds npm and its node-gyp: npm names both to the scripts it runs.
 * @throws ReleaseError where the build was not started by `npm run`
 */
export function toolsIn(env: Readonly<Record<string, string | undefined>>, node: string): Tools {
  const npm = env.npm_execpath
  if (npm === undefined) throw new ReleaseError('npm_execpath is not set: start this as npm run release')
  const beside = join(dirname(npm), '..', 'node_modules', 'node-gyp', 'bin', 'node-gyp.js')
  const gyp = [env.npm_config_node_gyp, beside].find((path) => path !== undefined && existsSync(path))
  if (gyp === undefined) throw new ReleaseError(`node-gyp was not found beside npm (${beside})`)
  const inherited = Object.entries(env).flatMap(([key, value]) =>
    value !== undefined && INHERITED.test(key) ? [[key, value] as const] : [],
  )
  return { node, npm, gyp, env: { ...Object.fromEntries(inherited), LC_ALL: 'C.UTF-8', TZ: 'UTC' } }
}
