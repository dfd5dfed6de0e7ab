import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { dirname, join } from 'node:path'
import { rolloutSchema, type Stage, type TargetFacts, targetPath } from '../../provisioning/targets.ts'

/** A key that signs as Ed25519, known by the SHA-256 of its public half. */
export interface TestKey {
  readonly id: string
  readonly publicHex: string
  readonly secret: KeyObject
}

/** @param id another name for it than its hash, for keys that stand under two names */
export function testKey(id?: string): TestKey {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  // The last 32 bytes of an Ed25519 SubjectPublicKeyInfo are the key (RFC 8410 §4).
  const publicHex = publicKey.export({ type: 'spki', format: 'der' }).subarray(-32).toString('hex')
  return { id: id ?? createHash('sha256').update(publicHex).digest('hex'), publicHex, secret: privateKey }
}

export type TopRole = 'root' | 'timestamp' | 'snapshot' | 'targets'
export type Json = { [name: string]: unknown }

export interface Entry {
  length: number
  hashes: Record<string, string>
  custom?: Json
}

/** What a role's next version will say; all of it may be changed before it is published. */
export interface RoleState {
  version: number
  expires: string
  keys: TestKey[]
  threshold: number
  entries: Map<string, Entry>
}

export interface Delegation extends RoleState {
  readonly name: string
  /** Who delegates: `targets`, or another delegated role. */
  readonly by: string
  paths: string[]
  terminating: boolean
}

/** What the client's clock says in these tests, and when their metadata runs out. */
export const NOW = Date.parse('2026-06-01T12:00:00Z')
export const VALID_UNTIL = '2026-07-01T00:00:00Z'
export const LONG_AGO = '2026-05-01T00:00:00Z'

type Handler = (request: IncomingMessage, response: ServerResponse) => void

/**
 * A TUF repository behind a real HTTP server, that does as it is told: consistent snapshots, channels and rollouts as
 * `poincon repo` makes them, and every lie a repository can tell. All is signed by real keys.
 */
export class HostileRepository {
  /** Each path below the base as it is served now, e.g. `metadata/timestamp.json`. */
  readonly files = new Map<string, Buffer>()
  /** Paths that are answered otherwise than with their file. */
  readonly handlers = new Map<string, Handler>()
  /** Paths in the order they were asked for. */
  readonly requests: string[] = []
  readonly top: Record<TopRole, RoleState>
  readonly delegations: Delegation[] = []
  /** Whether snapshot and timestamp also say the hash and length of what they name. */
  hashes = true
  /** Releases by rollout key, as the next rollout says. */
  readonly stages = new Map<string, Stage>()
  /** Of the root that devices are installed with. */
  readonly #firstRoot = 1
  readonly #older = new Map<string, Buffer>()
  readonly #server: Server
  #port = 0

  private constructor() {
    const role = (threshold: number): RoleState => ({
      version: 0,
      expires: VALID_UNTIL,
      keys: Array.from({ length: threshold }, () => testKey()),
      threshold,
      entries: new Map(),
    })
    this.top = { root: role(2), targets: role(2), snapshot: role(1), timestamp: role(1) }
    this.#server = createServer((request, response) => this.#answer(request, response))
  }

  /** A repository with the channels stable and beta, nothing in them, in its second version: the first may be replayed. */
  static async open(): Promise<HostileRepository> {
    const repository = new HostileRepository()
    repository.#server.listen(0, '127.0.0.1')
    await once(repository.#server, 'listening')
    const address = repository.#server.address()
    repository.#port = typeof address === 'object' && address !== null ? address.port : 0
    repository.delegate({ name: 'stable', paths: ['stable/*/*'] })
    repository.delegate({ name: 'beta', paths: ['beta/*/*'] })
    repository.delegate({ name: 'rollout', paths: ['rollout/*'] })
    repository.publishRoot()
    repository.publish()
    repository.publish()
    return repository
  }

  get url(): URL {
    return new URL(`http://127.0.0.1:${this.#port}/repo/`)
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    this.#server.close()
    await once(this.#server, 'close')
  }

  delegate(given: Partial<Delegation> & { readonly name: string; readonly paths: string[] }): Delegation {
    const delegation: Delegation = {
      by: 'targets',
      version: 0,
      expires: VALID_UNTIL,
      keys: [testKey()],
      threshold: 1,
      terminating: false,
      entries: new Map(),
      ...given,
    }
    this.delegations.push(delegation)
    return delegation
  }

  delegation(name: string): Delegation {
    const found = this.delegations.find((each) => each.name === name)
    if (found === undefined) throw new Error(`no delegation ${name}`)
    return found
  }

  /** Puts a target's bytes where they are asked for, and its entry into a role. */
  add(role: string, path: string, bytes: Buffer, custom?: TargetFacts): Entry {
    const hex = createHash('sha256').update(bytes).digest('hex')
    const entry: Entry = {
      length: bytes.length,
      hashes: { sha256: hex },
      ...(custom && { custom: { ...custom } }),
    }
    this.role(role).entries.set(path, entry)
    this.files.set(this.served(path, hex), bytes)
    return entry
  }

  /** A release of channel stable for linux-x64, rolled out to everyone; published by the next `publish`. */
  release(version: string, bytes: Buffer, facts: Partial<TargetFacts> = {}): { path: string; entry: Entry } {
    const all = {
      schema: 'poincon.target/1',
      kind: 'release',
      name: 'poincon',
      version,
      platform: 'linux-x64',
    } as const
    const custom: TargetFacts = { ...all, ...facts }
    const path = targetPath('stable', custom, 'tar.gz')
    const entry = this.add('stable', path, bytes, custom)
    const { kind, name } = custom
    const stage: Stage = { percent: 100, state: 'running', failure_limit: 0.1, from: '2026-05-01T00:00:00Z' }
    this.stages.set(`${kind}/${name}/${version}`, stage)
    return { path, entry }
  }

  /** Where a target's bytes are served: its hash stands before its name. */
  served(path: string, hex: string): string {
    const cut = path.lastIndexOf('/') + 1
    return `targets/${path.slice(0, cut)}${hex}.${path.slice(cut)}`
  }

  role(name: string): RoleState {
    if (name === 'root' || name === 'timestamp' || name === 'snapshot' || name === 'targets')
      return this.top[name]
    return this.delegation(name)
  }

  /** The next version of everything but the root. */
  publish(): void {
    const rollout = { schema: 'poincon.rollout/1', releases: Object.fromEntries(this.stages) } as const
    this.add('rollout', 'rollout/stable.json', Buffer.from(JSON.stringify(rolloutSchema.parse(rollout))))
    for (const { name } of this.delegations) this.publishTargets(name)
    this.publishTargets('targets')
    this.publishSnapshot()
    this.publishTimestamp()
  }

  /** @param signers instead of the keys it names itself */
  publishRoot(signers?: readonly TestKey[], fields: Json = {}): void {
    this.top.root.version += 1
    const keys: Json = {}
    const roles: Json = {}
    for (const [name, role] of Object.entries(this.top)) {
      for (const key of role.keys) keys[key.id] = keyJson(key)
      roles[name] = { keyids: role.keys.map(({ id }) => id), threshold: role.threshold }
    }
    const body = { ...this.#head('root', this.top.root), consistent_snapshot: true, keys, roles, ...fields }
    this.write(`metadata/${this.top.root.version}.root.json`, body, signers ?? this.top.root.keys)
  }

  /** The next version of `targets` or of a delegated role. */
  publishTargets(name: string, signers?: readonly TestKey[]): void {
    const role = this.role(name)
    role.version += 1
    const delegated = this.delegations.filter(({ by }) => by === name)
    const keys: Json = {}
    for (const { keys: theirs } of delegated) for (const key of theirs) keys[key.id] = keyJson(key)
    const roles = delegated.map(({ name: called, keys: theirs, threshold, terminating, paths }) => ({
      name: called,
      keyids: theirs.map(({ id }) => id),
      threshold,
      terminating,
      paths,
    }))
    const body = {
      ...this.#head('targets', role),
      targets: Object.fromEntries(role.entries),
      ...(roles.length > 0 && { delegations: { keys, roles } }),
    }
    this.write(`metadata/${role.version}.${name}.json`, body, signers ?? role.keys)
  }

  /** @param meta versions that it names otherwise than they are; null: not at all */
  publishSnapshot(meta: Record<string, number | null> = {}, signers?: readonly TestKey[]): void {
    const role = this.top.snapshot
    role.version += 1
    const names = ['targets', ...this.delegations.map(({ name }) => name)].filter(
      (name) => meta[name] !== null,
    )
    const said = names.map((name) => {
      const version = meta[name] ?? this.role(name).version
      return [`${name}.json`, { version, ...this.#sums(`metadata/${version}.${name}.json`) }]
    })
    const body = { ...this.#head('snapshot', role), meta: Object.fromEntries(said) }
    this.write(`metadata/${role.version}.snapshot.json`, body, signers ?? role.keys)
  }

  /** @param version of the snapshot, if it says another than there is */
  publishTimestamp(version = this.top.snapshot.version, signers?: readonly TestKey[]): void {
    const role = this.top.timestamp
    role.version += 1
    const meta = { 'snapshot.json': { version, ...this.#sums(`metadata/${version}.snapshot.json`) } }
    this.write('metadata/timestamp.json', { ...this.#head('timestamp', role), meta }, signers ?? role.keys)
  }

  /** Signs what is given, whatever it is, and serves it. */
  write(path: string, signed: Json, signers: readonly TestKey[]): void {
    const data = Buffer.from(canonical(signed))
    const signatures = signers.map(({ id, secret }) => ({
      keyid: id,
      sig: sign(null, data, secret).toString('hex'),
    }))
    const before = this.files.get(path)
    if (before !== undefined) this.#older.set(path, before)
    this.files.set(path, Buffer.from(JSON.stringify({ signatures, signed })))
  }

  /** Changes what is served at a path, and signs it anew. */
  rewrite(path: string, signers: readonly TestKey[], change: (signed: Json) => void): void {
    const { signed } = JSON.parse(this.text(path))
    change(signed)
    this.write(path, signed, signers)
  }

  /** Serves again what was served before at a path. */
  replay(path: string): void {
    const before = this.#older.get(path)
    if (before === undefined) throw new Error(`nothing was served before at ${path}`)
    this.files.set(path, before)
  }

  /** The served JSON of a file, changed. What was signed is no longer what is there. */
  alter(path: string, change: (text: string) => string): void {
    this.files.set(path, Buffer.from(change(this.text(path))))
  }

  text(path: string): string {
    const bytes = this.files.get(path)
    if (bytes === undefined) throw new Error(`nothing is served at ${path}`)
    return bytes.toString('utf8')
  }

  /**
   * What the honest publisher would need to mend this repository after whatever is done to it now.
   * @returns mends it: as it is now, in a next version
   */
  memory(): () => void {
    const keep = (role: RoleState) => ({ ...role, keys: [...role.keys], entries: new Map(role.entries) })
    const top = Object.values(this.top).map((role) => ({ role, was: keep(role) }))
    const delegated = this.delegations.map((role) => ({ role, was: { ...role, ...keep(role) } }))
    return () => {
      for (const path of this.files.keys()) {
        const version = Number(/^metadata\/(\d+)\.root\.json$/.exec(path)?.[1] ?? 0)
        if (version > this.#firstRoot) this.files.delete(path)
      }
      this.delegations.splice(0, Number.POSITIVE_INFINITY, ...delegated.map(({ role }) => role))
      // Past every version that anybody may have seen meanwhile.
      for (const { role, was } of [...top, ...delegated]) {
        Object.assign(role, was, { version: Math.max(was.version, role.version) + 10 })
      }
      this.top.root.version = this.#firstRoot
      this.stages.clear()
      this.handlers.clear()
      this.hashes = true
      this.publish()
    }
  }

  /** Writes all of it to a folder, as on a stick. */
  writeTo(folder: string): void {
    for (const [path, bytes] of this.files) {
      mkdirSync(dirname(join(folder, path)), { recursive: true })
      writeFileSync(join(folder, path), bytes)
    }
  }

  #head(type: string, { version, expires }: RoleState): Json {
    return { _type: type, spec_version: '1.0.31', version, expires }
  }

  #sums(path: string): Json {
    const bytes = this.files.get(path)
    if (!this.hashes || bytes === undefined) return {}
    return { length: bytes.length, hashes: { sha256: createHash('sha256').update(bytes).digest('hex') } }
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const path = decodeURIComponent(new URL(request.url ?? '', this.url).pathname.replace(/^\/repo\//, ''))
    this.requests.push(path)
    const handler = this.handlers.get(path)
    const bytes = this.files.get(path)
    if (handler !== undefined) handler(request, response)
    else if (bytes !== undefined) serve(bytes, request, response)
    else response.writeHead(404).end()
  }
}

/** A plain web server's answer: whole, or the range that was asked for if the file is still the same. */
export function serve(bytes: Buffer, request: IncomingMessage, response: ServerResponse): void {
  const etag = `"${createHash('sha256').update(bytes).digest('hex').slice(0, 16)}"`
  const { range, 'if-range': only } = request.headers
  const start = Number(/^bytes=(\d+)-$/.exec(range ?? '')?.[1] ?? 0)
  const part = start > 0 && (only === undefined || only === etag)
  if (part && start >= bytes.length) {
    response.writeHead(416, { 'Content-Range': `bytes */${bytes.length}` }).end()
    return
  }
  const sent = part ? bytes.subarray(start) : bytes
  const span = { 'Content-Range': `bytes ${start}-${bytes.length - 1}/${bytes.length}` }
  response.writeHead(part ? 206 : 200, { ETag: etag, 'Content-Length': sent.length, ...(part && span) })
  response.end(sent)
}

function keyJson({ publicHex }: TestKey): Json {
  return { keytype: 'ed25519', scheme: 'ed25519', keyval: { public: publicHex } }
}

/** OLPC canonical JSON, which TUF signs: names sorted, nothing between, only `\\` and `"` escaped. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`
  if (typeof value === 'string') return `"${value.replace(/[\\"]/g, '\\$&')}"`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const members = Object.entries(value).filter(([, member]) => member !== undefined)
  members.sort(([a], [b]) => (a < b ? -1 : 1))
  return `{${members.map(([name, member]) => `${canonical(name)}:${canonical(member)}`).join(',')}}`
}
