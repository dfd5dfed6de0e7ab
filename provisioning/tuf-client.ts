import { createHash } from 'node:crypto'
import type { TargetFile } from '@tufjs/models'
import type { DeviceFacts, FetchOptions, Offer, Offers } from './client.ts'
import type { Downloads } from './download.ts'
import type { Fetcher } from './fetcher.ts'
import type { Repository, Trusted } from './repository.ts'
import { NO_ROLLOUT, type Rollout, rolloutPath, rolloutSchema } from './targets.ts'
import { IntegrityError, RepositoryAway } from './tuf-errors.ts'
import { type Candidate, candidates, type Ignored, installedVersion, strongHash } from './tuf-offers.ts'
import { compareVersions } from './tuf-versions.ts'

export interface ClientOptions {
  readonly repository: Repository
  readonly downloads: Downloads
  readonly fetcher: Fetcher
  readonly channel: string
  /** Asked at each check: what is installed changes. */
  readonly device: () => DeviceFacts | Promise<DeviceFacts>
  /** Also offer what the rollout has not reached: for a stick that somebody brings. Halted stays halted. */
  readonly everything?: boolean
}

/** No rollout is larger than this, bytes. */
const ROLLOUT_BYTES = 1_000_000

/** What a device asks its update repository. One task at a time: its owner sees to that. */
export class UpdateClient implements Offers {
  readonly #options: ClientOptions
  #offered = new Map<string, { readonly target: TargetFile; readonly url: URL }>()
  #ignored: readonly Ignored[] = []

  constructor(options: ClientOptions) {
    this.#options = options
  }

  /** What the last check left aside because it is not as it should be, for the log. */
  get ignored(): readonly Ignored[] {
    return this.#ignored
  }

  async check(signal: AbortSignal): Promise<Offer[]> {
    this.#offered = new Map()
    const { repository, downloads } = this.#options
    const chosen = await repository.refreshed(signal, (trusted) => this.#choose(trusted, signal))
    for (const { candidate, url } of chosen) {
      this.#offered.set(candidate.path, { target: candidate.target, url })
    }
    await downloads.keepOnly(chosen.map(({ candidate }) => candidate.target))
    return chosen.map(({ candidate: { target: _, ...offer } }) => offer)
  }

  async fetch(offer: Offer, { onProgress, signal }: FetchOptions): Promise<{ path: string }> {
    const offered = this.#offered.get(offer.path)
    if (offered === undefined || strongHash(offered.target).hex !== offer.hash) {
      throw new RepositoryAway('not-offered', `${offer.path}: not what the last check offered`)
    }
    await this.#refuseDowngrade(offer)
    const path = await this.#options.downloads.bring({
      ...offered,
      signal,
      ...(onProgress && { onProgress }),
    })
    return { path }
  }

  /** Between check and fetch something newer may have been installed. */
  async #refuseDowngrade({ path, facts }: Offer): Promise<void> {
    const installed = installedVersion(facts, await this.#options.device())
    if (installed !== undefined && compareVersions(facts.version, installed) <= 0) {
      throw new IntegrityError('downgrade', `${path}: ${installed} is installed, which is not older`)
    }
  }

  async #choose(trusted: Trusted, signal: AbortSignal): Promise<{ candidate: Candidate; url: URL }[]> {
    const { channel, device, everything = false } = this.#options
    const listed = await trusted.listed(channel, `${channel}/release/-`)
    const rollout = await this.#rollout(trusted, signal)
    const { found, ignored } = candidates(listed, { channel, rollout, device: await device(), everything })
    const elsewhere: Ignored[] = []
    const chosen: { candidate: Candidate; url: URL }[] = []
    for (const list of found.values()) {
      for (const candidate of list) {
        // The walk says who may speak of a path (TUF 5.6.7): a role listed it, another may have been asked first.
        const target = await trusted.find(candidate.path)
        if (target?.equals(candidate.target) === true) {
          chosen.push({ candidate, url: trusted.address(target) })
          break
        }
        elsewhere.push({ path: candidate.path, why: 'a role that is trusted more says otherwise' })
      }
    }
    this.#ignored = [...ignored, ...elsewhere]
    return chosen
  }

  /** @throws IntegrityError when it is not what was signed for, or no rollout */
  async #rollout(trusted: Trusted, signal: AbortSignal): Promise<Rollout> {
    const path = rolloutPath(this.#options.channel)
    const target = await trusted.find(path)
    if (target === undefined) return NO_ROLLOUT
    const { algorithm, hex } = strongHash(target)
    const url = trusted.address(target)
    const bytes = await this.#options.fetcher.bytes(url, Math.min(target.length, ROLLOUT_BYTES), signal)
    const hash = createHash(algorithm).update(bytes).digest('hex')
    if (bytes.length !== target.length || hash !== hex) {
      throw new IntegrityError('mismatch', `${path}: not the bytes that were signed for`)
    }
    try {
      return rolloutSchema.parse(JSON.parse(bytes.toString('utf8')))
    } catch (error) {
      throw new IntegrityError('malformed', `${path}: no poincon.rollout/1`, { cause: error })
    }
  }
}
