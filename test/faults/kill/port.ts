import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:net'

/** Where the ports begin that Linux gives to whoever asks for any, when it does not say (ip(7)). */
const FIRST_GIVEN = 32_768

/** Ports that were given out here: one that its server does not listen on yet is free, and not to be had. */
const given = new Set<number>()

/**
 * A free port of 127.0.0.1 that nobody is given who asks for any: somebody who got it while its server is dead would keep
 * the server from coming back.
 */
export async function keptPort(): Promise<number> {
  const range = await readFile('/proc/sys/net/ipv4/ip_local_port_range', 'utf8').catch(() => '')
  const first = Number(/^\d+/.exec(range)?.[0] ?? FIRST_GIVEN)
  // Two processes that look at once begin at two places.
  let port = first - 1 - (process.pid % 1000) * 4
  while (given.has(port) || !(await isFree(port))) port -= 1
  given.add(port)
  return port
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen(port, '127.0.0.1')
  try {
    await once(server, 'listening')
  } catch {
    return false
  }
  server.close()
  await once(server, 'close')
  return true
}
