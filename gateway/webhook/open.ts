import type { Clock } from '../../drivers/clock.ts'
import { readSecret } from '../secret-file.ts'
import type { WebhookOptions } from './options.ts'
import { Poster } from './post.ts'
import { parseKey } from './signature.ts'

/** With the files read, and a connection of its own. */
export interface Opened {
  readonly poster: Poster
  readonly headers: Readonly<Record<string, string>>
  readonly key: Uint8Array | undefined
}

/**
 * Reads every file that the options name.
 * @param at where the options stand in `poincon.yaml`
 * @throws Error that names the key and the file, and no secret
 */
export async function open(webhook: WebhookOptions, at: string, clock: Clock): Promise<Opened> {
  const read = (key: string, path: string | undefined): Promise<string | undefined> =>
    readSecret(path).catch((error: unknown) => {
      throw new Error(`${at}.${key}: ${error instanceof Error ? error.message : error}`, { cause: error })
    })
  const headers: Record<string, string> = { ...webhook.headers }
  for (const [name, path] of Object.entries(webhook.header_files)) {
    const value = (await read(`header_files.${name}`, path)) ?? ''
    // The value is a secret: no message repeats it.
    if (!/^[\t\x20-\x7e]+$/.test(value)) {
      throw new Error(`${at}.header_files.${name}: ${path}: expected one line of printable ASCII`)
    }
    headers[name] = value
  }
  const [ca, cert, key, secret] = [
    await read('ca_file', webhook.ca_file),
    await read('cert_file', webhook.cert_file),
    await read('key_file', webhook.key_file),
    await read('secret_file', webhook.secret_file),
  ]
  const tls = {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
  }
  return {
    poster: new Poster({ url: webhook.url, timeoutMs: webhook.timeout_ms, clock, tls }),
    headers,
    key: secret === undefined ? undefined : keyOf(secret, `${at}.secret_file: ${webhook.secret_file}`),
  }
}

function keyOf(secret: string, where: string): Uint8Array {
  try {
    return parseKey(secret)
  } catch (error) {
    throw new Error(`${where}: ${error instanceof Error ? error.message : error}`)
  }
}
