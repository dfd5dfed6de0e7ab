import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import sqlite3 from 'sqlite3'
import { contentFolder, contentIn, contentVersions } from '../../gateway/content.ts'

/*
 * A small gateway for tests of the updater: a process with a real database, a schema it migrates, and the API that the
 * updater asks. A release of it is a folder with `release.json`, and `faults.json` for what it does wrong. It loads next
 * to nothing: hundreds of them are started.
 */

/** What a release of it may do wrong. */
export interface ReleaseFaults {
  /** `crash`: ends at once; `hang`: lives, and is never ready. */
  readonly start?: 'crash' | 'hang'
  /** `breaks`: leaves the database half migrated and dies. */
  readonly migration?: 'breaks'
  /** MB it takes once it runs. */
  readonly leak_mb?: number
  /** Its ranging head does not answer. */
  readonly head?: 'absent'
  /** It dies when it has been ready for so long, ms. */
  readonly dies_after_ms?: number
  readonly self_test?: 'fails' | 'hangs' | 'dies' | 'floods' | 'differs'
}

/** A member of what a test wrote itself; undefined where there is none. */
function member(value: unknown, ...path: readonly string[]): unknown {
  return path.reduce<unknown>(
    (inner, name) => (typeof inner === 'object' && inner !== null ? Reflect.get(inner, name) : undefined),
    value,
  )
}

class Db {
  readonly #db: sqlite3.Database
  private constructor(db: sqlite3.Database) {
    this.#db = db
  }
  static open(file: string): Promise<Db> {
    return new Promise((resolve, reject) => {
      const db = new sqlite3.Database(file, (error) => (error ? reject(error) : resolve(new Db(db))))
    })
  }
  exec(sql: string): Promise<void> {
    return new Promise((resolve, reject) =>
      this.#db.exec(sql, (error) => (error ? reject(error) : resolve())),
    )
  }
  number(sql: string): Promise<number> {
    return new Promise((resolve, reject) =>
      this.#db.get<Record<string, number>>(sql, (error, row) =>
        error ? reject(error) : resolve(Number(Object.values(row ?? {})[0] ?? 0)),
      ),
    )
  }
  close(): Promise<void> {
    return new Promise((resolve) => this.#db.close(() => resolve()))
  }
}

/** One call of its command line. @param slot folder of the release, as a URL */
export async function releaseMain(slot: URL): Promise<void> {
  const folder = fileURLToPath(slot)
  const read = (name: string): unknown => JSON.parse(readFileSync(join(folder, name), 'utf8'))
  const facts = read('release.json')
  const faults = read('faults.json')
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      config: { type: 'string' },
      json: { type: 'boolean' },
      scratch: { type: 'string' },
      out: { type: 'string' },
      with: { type: 'string' },
    },
  })
  const config: unknown = JSON.parse(readFileSync(values.config ?? '', 'utf8'))
  const content = contentIn(String(member(config, 'update', 'dir')))
  const fleet = contentFolder(content, 'configuration', 'fleet')
  const configured: unknown =
    fleet === undefined ? {} : JSON.parse(readFileSync(join(fleet, 'configuration.yaml'), 'utf8'))
  const gateway: Gateway = {
    content: contentVersions(content),
    release: {
      version: String(member(facts, 'version')),
      storeSchema: Number(member(facts, 'store_schema')),
    },
    fault: (name) => member(configured, 'faults', name) ?? member(faults, name),
    dataDir: String(member(config, 'data_dir')),
    updateDir: String(member(config, 'update', 'dir')),
    port: Number(member(config, 'http', 'port')),
  }
  if (values.with !== undefined) contentTest(gateway, values.with)
  else if (positionals[0] === 'self-test') await selfTest(gateway, values.scratch ?? '')
  else if (positionals[0] === 'backup') await backup(gateway, values.out ?? '')
  else await run(gateway)
}

interface Gateway {
  readonly content: Readonly<Record<string, string>>
  readonly release: { readonly version: string; readonly storeSchema: number }
  readonly fault: (name: keyof ReleaseFaults) => unknown
  readonly dataDir: string
  readonly updateDir: string
  readonly port: number
}

async function backup({ dataDir }: Gateway, out: string): Promise<void> {
  const db = await Db.open(join(dataDir, 'poincon.db'))
  await db.exec(`VACUUM INTO '${out}'`)
  await db.close()
}

/** A configuration says what it does wrong; everything else is as it should be. */
function contentTest({ release }: Gateway, candidate: string): void {
  const folder = candidate.slice(candidate.indexOf('=') + 1)
  const file = join(folder, 'configuration.yaml')
  const said: unknown = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {}
  const passed = member(said, 'faults', 'self_test') !== 'fails'
  const answer = {
    ...{ schema: 'poincon.self-test/1', version: release.version, passed, differing: [] },
    checks: [{ name: 'content', passed, detail: passed ? '' : 'heads: expected a bus', ms: 1 }],
    changes: [{ key: 'gate.delay_mm', before: '300', after: '310' }],
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`)
  process.exitCode = passed ? 0 : 1
}

async function selfTest({ release, fault, dataDir }: Gateway, scratch: string): Promise<void> {
  if (fault('self_test') === 'dies') process.kill(process.pid, 'SIGKILL')
  if (fault('self_test') === 'hangs') await new Promise(() => setInterval(() => {}, 1000))
  if (fault('self_test') === 'floods') {
    for (const text = 'x'.repeat(65_536); ; )
      if (!process.stdout.write(text)) await once(process.stdout, 'drain')
  }
  const copy = join(scratch, 'poincon.db')
  const source = await Db.open(join(dataDir, 'poincon.db'))
  await source.exec(`VACUUM INTO '${copy}'`)
  const from = await source.number('PRAGMA user_version')
  await source.close()
  const db = await Db.open(copy)
  await migrate(db, release.storeSchema)
  await db.close()
  const failed = fault('self_test') === 'fails'
  const differs = fault('self_test') === 'differs'
  const checks = [
    { name: 'store', passed: !failed, detail: failed ? 'a part is missing after the migration' : '', ms: 1 },
    { name: 'verdicts', passed: !differs, detail: '', ms: 1 },
  ]
  const answer = {
    ...{ schema: 'poincon.self-test/1', version: release.version, passed: !failed && !differs, checks },
    store: { from, to: release.storeSchema },
    differing: differs ? [{ id: 'x', sequence: 7, before: 'A accept', after: 'REJECT reject' }] : [],
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`)
  process.exitCode = failed || differs ? 1 : 0
}

async function migrate(db: Db, schema: number): Promise<void> {
  const now = await db.number('PRAGMA user_version')
  if (now > schema) throw new Error(`the database has schema ${now}, this release knows ${schema}`)
  for (let step = now + 1; step <= schema; step += 1) {
    const change =
      step === 1
        ? 'CREATE TABLE parts (sequence INTEGER PRIMARY KEY, verdict TEXT)'
        : `ALTER TABLE parts ADD COLUMN c${step} TEXT`
    await db.exec(`BEGIN IMMEDIATE; ${change}; PRAGMA user_version = ${step}; COMMIT`)
  }
}

/** As a gateway does that starts and finds that its updater took an update back. */
function putBack({ release, dataDir, updateDir }: Gateway, database: string): void {
  const file = join(updateDir, 'store-return.json')
  if (!existsSync(file)) return
  const note: unknown = JSON.parse(readFileSync(file, 'utf8'))
  const id = String(member(note, 'id'))
  const marker = join(dataDir, 'store-returned')
  const done = existsSync(marker) && readFileSync(marker, 'utf8') === id
  if (done || member(note, 'version') !== release.version) return
  for (const suffix of ['-wal', '-shm']) rmSync(`${database}${suffix}`, { force: true })
  copyFileSync(String(member(note, 'backup')), database)
  writeFileSync(marker, id)
}

async function run(gateway: Gateway): Promise<void> {
  const { release, fault, dataDir, port } = gateway
  writeFileSync(join(dataDir, '..', 'gateway.pid'), String(process.pid))
  if (fault('start') === 'crash') process.exit(1)
  if (fault('start') === 'hang') return void setInterval(() => {}, 1000)
  mkdirSync(dataDir, { recursive: true })
  const database = join(dataDir, 'poincon.db')
  putBack(gateway, database)
  const db = await Db.open(database)
  await db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL')
  if (fault('migration') === 'breaks') {
    await db.exec(`DROP TABLE parts; PRAGMA user_version = ${release.storeSchema}`)
    process.exit(1)
  }
  await migrate(db, release.storeSchema)
  const leaked = Buffer.alloc(Number(fault('leak_mb') ?? 0) * 1e6, 1)
  const station = new Station(gateway, db)
  writeFileSync(join(dataDir, 'update-token'), `${station.token}\n`)
  const server = createServer((request, response) => {
    station.answer(request, response).catch((error: unknown) => {
      response.writeHead(500).end(String(error) + leaked.length)
    })
  })
  server.listen(port, '127.0.0.1')
  const diesAfterMs = fault('dies_after_ms')
  if (diesAfterMs !== undefined) setTimeout(() => process.exit(3), Number(diesAfterMs))
  process.once('SIGTERM', () => {
    server.close()
    server.closeAllConnections()
    void db.close()
  })
}

/** The running part of it: parts come by `POST /trigger`. */
class Station {
  readonly #gateway: Gateway
  readonly #db: Db
  /** Another one at every start, as the real ones have. */
  readonly token = randomUUID()
  #lock: { version: string; until: string } | undefined
  #trial = false
  #looks = 0

  constructor(gateway: Gateway, db: Db) {
    this.#gateway = gateway
    this.#db = db
    const file = join(gateway.updateDir, 'trial.json')
    if (!existsSync(file)) return
    const note: unknown = JSON.parse(readFileSync(file, 'utf8'))
    this.#lock = { version: String(member(note, 'version')), until: String(member(note, 'until')) }
    this.#trial = true
  }

  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { release, fault, dataDir } = this.#gateway
    const json = (status: number, body: unknown): void => {
      response.writeHead(status, { 'content-type': 'application/json', connection: 'close' })
      response.end(JSON.stringify(body))
    }
    const asksForLine = request.url === '/api/v1/update/lock'
    if (asksForLine && request.headers['x-poincon-updater'] !== this.token) return json(403, {})
    switch (`${request.method} ${request.url}`) {
      case 'GET /healthz':
        return json(200, {
          ...{ version: release.version, uptime_s: process.uptime() },
          units: [{ name: 'tof', state: fault('head') === 'absent' ? 'degraded' : 'ok' }],
        })
      case 'GET /readyz':
        return json(200, { ready: true, waiting_for: [] })
      case 'GET /metrics':
        return void response.end(`process_resident_memory_bytes ${process.memoryUsage().rss}\n`)
      case 'GET /api/v1/update':
        return json(200, this.#state(join(dataDir, '..', 'busy')))
      case 'POST /api/v1/update/lock':
        return json(...this.#take(await bodyOf(request)))
      case 'DELETE /api/v1/update/lock':
        this.#lock = undefined
        this.#trial = false
        return json(200, {})
      case 'POST /api/v1/update/flows':
        return json(200, { embedded: true })
      case 'POST /trigger':
        if (this.#isLocked()) return json(409, { verdict: 'reject', reason: 'updating' })
        await this.#db.exec("INSERT INTO parts (verdict) VALUES ('A')")
        return json(200, { verdict: 'A', parts: await this.#db.number('SELECT count(*) FROM parts') })
      case 'GET /parts':
        return json(200, { parts: await this.#db.number('SELECT count(*) FROM parts') })
    }
    json(404, {})
  }

  #isLocked(): boolean {
    return this.#lock !== undefined && Date.parse(this.#lock.until) > Date.now()
  }

  /** @param busyFile there: parts are on the belt, `flowing` in it: others at each look */
  #state(busyFile: string): object {
    const busy = existsSync(busyFile)
    const flowing = busy && readFileSync(busyFile, 'utf8') === 'flowing'
    this.#looks += 1
    return {
      line: {
        idle: !busy,
        why: busy ? [`${flowing ? this.#looks : 2} parts on the belt`] : [],
        parts_in_flight: 0,
        since_last_trigger_s: null,
      },
      content: this.#gateway.content,
      ...{
        lock: this.#isLocked() ? this.#lock : null,
        consent: null,
        trial: this.#trial && this.#isLocked(),
      },
    }
  }

  #take(body: unknown): [status: number, body: object] {
    if (member(body, 'renew') === true && !this.#isLocked())
      return [409, { detail: 'the lock is gone: the station has started anew' }]
    const until = new Date(Date.now() + Number(member(body, 'lease_s')) * 1000).toISOString()
    this.#lock = { version: String(member(body, 'version')), until }
    return [200, { until: this.#lock.until }]
  }
}

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  let text = ''
  for await (const chunk of request) text += String(chunk)
  return JSON.parse(text)
}
