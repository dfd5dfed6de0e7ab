import { once } from 'node:events'
import { existsSync, rmSync } from 'node:fs'
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Updater } from 'tuf-js'
import { z } from 'zod'
import { repoCommand } from '../../gateway/commands/repo.ts'

/** The cheapest derivation a key file may have: tests make many keys. */
const SCRYPT_N = '16384'
/** In memory where there is such a place: each command syncs a dozen small files. */
const FOLDERS = existsSync('/dev/shm') ? '/dev/shm' : tmpdir()
export const PASSPHRASE = 'a passphrase for tests'

let template: Promise<string> | undefined

/** Somebody who publishes: a folder of keys, a repository, and `poincon repo`. */
export class Publisher {
  readonly folder: string
  readonly dir: string
  readonly passphraseFile: string
  /** What the commands wrote to standard error. */
  warned = ''
  said = ''
  wallMs: () => number = Date.now
  readonly #ended = new AbortController()
  readonly #site: Server

  private constructor(folder: string) {
    this.folder = folder
    this.dir = join(folder, 'repo')
    this.passphraseFile = join(folder, 'passphrase')
    this.#site = createServer((request, response) => {
      readFile(join(folder, request.url ?? '')).then(
        (bytes) => response.end(bytes),
        () => response.writeHead(404).end(),
      )
    })
  }

  static async open(): Promise<Publisher> {
    const publisher = new Publisher(await mkdtemp(join(FOLDERS, 'poincon-publisher-')))
    await mkdir(publisher.dir)
    publisher.#site.listen(0, '127.0.0.1')
    await once(publisher.#site, 'listening')
    await writeFile(publisher.passphraseFile, `${PASSPHRASE}\n`)
    return publisher
  }

  /** A repository with one key for root, targets and channels, and one online; published. */
  static async published(): Promise<Publisher> {
    template ??= Publisher.#template()
    const publisher = await Publisher.open()
    await cp(await template, publisher.folder, { recursive: true })
    return publisher
  }

  /** The same with keys of its own: somebody else. */
  static async stranger(): Promise<Publisher> {
    const publisher = await Publisher.open()
    for (const name of ['root', 'online']) await publisher.key(name)
    const root = publisher.pub('root')
    await publisher.must('init', '--root', root, '--targets', root, '--online', publisher.pub('online'))
    await publisher.release('root')
    return publisher
  }

  /** Made once: deriving keys from passphrases is slow by design. */
  static async #template(): Promise<string> {
    const publisher = await Publisher.stranger()
    await publisher.#closeSite()
    process.once('exit', () => rmSync(publisher.folder, { recursive: true, force: true }))
    return publisher.folder
  }

  /** Where any web server shows the folder. */
  get url(): string {
    const address = this.#site.address()
    return `http://127.0.0.1:${address !== null && typeof address === 'object' ? address.port : 0}`
  }

  path(name: string): string {
    return join(this.folder, name)
  }

  pub(name: string): string {
    return this.path(`${name}.pub`)
  }

  /** Makes a key. @returns its id */
  async key(name: string, type = 'ed25519'): Promise<string> {
    const made = z.object({ keyid: z.string() })
    const said = await this.json(
      'key',
      'new',
      this.path(`${name}.key`),
      '--type',
      type,
      '--scrypt-n',
      SCRYPT_N,
    )
    return made.parse(said).keyid
  }

  /** `poincon repo …` @returns its exit code */
  run(...args: readonly string[]): Promise<number> {
    this.said = ''
    this.warned = ''
    const fixed = ['--dir', this.dir, '--passphrase-file', this.passphraseFile]
    return repoCommand([...args, ...fixed], {
      say: (text) => {
        this.said += text
      },
      warn: (text) => {
        this.warned += text
      },
      ask: () => Promise.resolve(PASSPHRASE),
      wallMs: this.wallMs,
      signal: this.#ended.signal,
    })
  }

  /** A command that must succeed. */
  async must(...args: readonly string[]): Promise<string> {
    const code = await this.run(...args)
    if (code !== 0) throw new Error(`poincon repo ${args.join(' ')}: exit ${code}: ${this.warned}`)
    return this.said
  }

  /** A command that must succeed, and its answer. */
  async json(...args: readonly string[]): Promise<unknown> {
    return JSON.parse(await this.must(...args, '--json'))
  }

  /** Signs what is staged with these keys, and publishes it. */
  async release(...keys: readonly string[]): Promise<void> {
    for (const name of keys) await this.must('sign', '--key', this.path(`${name}.key`))
    await this.publish()
  }

  publish(): Promise<string> {
    return this.must('publish', '--online-key', this.path('online.key'))
  }

  /** Adds a recipe, signs and publishes it. @returns the file's path */
  async recipe(version: string, channel = 'beta'): Promise<string> {
    const file = this.path(`cans-${version}.json`)
    await writeFile(file, `{"recipe":"cans","version":"${version}"}\n`)
    await this.must('add', file, '--channel', channel, '--kind', 'recipe')
    await this.release('root')
    return file
  }

  async #closeSite(): Promise<void> {
    this.#site.closeAllConnections()
    this.#site.close()
    await once(this.#site, 'close')
  }

  async close(): Promise<void> {
    this.#ended.abort()
    await this.#closeSite()
    await rm(this.folder, { recursive: true, force: true })
  }
}

/** A device with tuf-js' own Updater and the root it was installed with: what we write, it must take. */
export class TufDevice {
  readonly #folder: string
  readonly #url: string

  private constructor(folder: string, url: string) {
    this.#folder = folder
    this.#url = url
  }

  static async installed(publisher: Publisher): Promise<TufDevice> {
    const folder = publisher.path('device')
    await mkdir(folder)
    await cp(join(publisher.dir, 'public/metadata/1.root.json'), join(folder, 'root.json'))
    return new TufDevice(folder, `${publisher.url}/repo/public`)
  }

  /** Another that has seen what this one has, in front of another address. */
  async twin(folder: string, url: string): Promise<TufDevice> {
    await cp(this.#folder, folder, { recursive: true })
    return new TufDevice(folder, url)
  }

  /** Refreshes, and reads a target. @returns undefined when no trusted role lists it */
  async read(path: string): Promise<string | undefined> {
    const updater = new Updater({
      ...{ metadataDir: this.#folder, targetDir: this.#folder },
      // What is not there is not asked for again.
      config: { fetchRetry: 0 },
      ...{ metadataBaseUrl: `${this.#url}/metadata`, targetBaseUrl: `${this.#url}/targets` },
    })
    await updater.refresh()
    const info = await updater.getTargetInfo(path)
    if (info === undefined) return undefined
    return readFile(await updater.downloadTarget(info, join(this.#folder, 'target')), 'utf8')
  }
}
