import { spawnSync } from 'node:child_process'

/** What a server sees of the network around it. */
export type Reach =
  /** Everybody. */
  | 'all'
  /** Nobody at all. */
  | 'none'
  /** Those outside; the other servers are gone. */
  | 'outside'

/**
 * Network namespaces on one bridge, one for each server: what a server sends can be dropped without a word, as a switch
 * does that lost its uplink. Addresses are of 198.18.0.0/15, which is kept for tests of networks (RFC 2544) and never
 * routed.
 */
export class Network {
  readonly #prefix: string
  readonly #subnet: string
  readonly #size: number

  private constructor(prefix: string, subnet: string, size: number) {
    this.#prefix = prefix
    this.#subnet = subnet
    this.#size = size
  }

  /** @throws Error where this machine lets nobody make network namespaces, with what was refused */
  static make(size: number): Network {
    // Names of interfaces have 15 characters at most; several of these may run at a time.
    const network = new Network(`pn${process.pid}`, `198.18.${process.pid % 250}`, size)
    try {
      network.#build()
    } catch (error) {
      network.remove()
      throw error
    }
    process.once('exit', () => network.remove())
    return network
  }

  host(place: number): string {
    return `${this.#subnet}.${place + 1}`
  }

  /** The command that starts a program inside. */
  inside(place: number, command: string, args: readonly string[]): [string, string[]] {
    return ['ip', ['netns', 'exec', this.#namespace(place), command, ...args]]
  }

  /** From now on the server at `place` reaches these, and these reach it. */
  reach(place: number, whom: Reach): void {
    ip('link', 'set', `${this.#prefix}v${place}`, whom === 'none' ? 'down' : 'up')
    for (let other = 0; other < this.#size; other += 1) {
      if (other === place) continue
      const route = ['route', whom === 'outside' ? 'replace' : 'del', 'blackhole', `${this.host(other)}/32`]
      const done = spawnSync('ip', ['-n', this.#namespace(place), ...route], { encoding: 'utf8' })
      // A route that is not there need not go.
      if (done.status !== 0 && whom === 'outside') throw new Error(`ip ${route.join(' ')}: ${done.stderr}`)
    }
  }

  /** Takes everything away again; what is not there any more is no matter. */
  remove(): void {
    for (let place = 0; place < this.#size; place += 1)
      spawnSync('ip', ['netns', 'del', this.#namespace(place)])
    spawnSync('ip', ['link', 'del', this.#prefix])
  }

  #build(): void {
    ip('link', 'add', this.#prefix, 'type', 'bridge')
    ip('address', 'add', `${this.#subnet}.254/24`, 'dev', this.#prefix)
    ip('link', 'set', this.#prefix, 'up')
    for (let place = 0; place < this.#size; place += 1) {
      const [namespace, outer] = [this.#namespace(place), `${this.#prefix}v${place}`]
      ip('netns', 'add', namespace)
      ip('link', 'add', outer, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', namespace)
      ip('link', 'set', outer, 'master', this.#prefix, 'up')
      ip('-n', namespace, 'address', 'add', `${this.host(place)}/24`, 'dev', 'eth0')
      ip('-n', namespace, 'link', 'set', 'eth0', 'up')
      ip('-n', namespace, 'link', 'set', 'lo', 'up')
    }
  }

  #namespace(place: number): string {
    return `${this.#prefix}n${place}`
  }
}

function ip(...args: string[]): void {
  const done = spawnSync('ip', args, { encoding: 'utf8' })
  if (done.status !== 0) throw new Error(`ip ${args.join(' ')}: ${done.error?.message ?? done.stderr.trim()}`)
}
