import { randomBytes } from 'node:crypto'
import { mkdtemp, readFile, writeFile } from 'node:fs/promises'
import type { IncomingMessage } from 'node:http'
import { basename, join } from 'node:path'
import type { Test } from 'tap'
import { systemClock } from '../../drivers/clock.ts'
import type { DeviceFacts, Offer } from '../../provisioning/client.ts'
import { HawkbitOffers, type HawkbitOptions } from '../../provisioning/hawkbit.ts'
import type { UpdateStatus } from '../../provisioning/status.ts'
import { CONTROLLER, HawkbitDdi, TOKEN } from '../fakes/hawkbit.ts'
import { Publisher } from '../fakes/publisher.ts'

export const SIGNAL = new AbortController().signal
export const FILE = 'cans-1.0.0.bin'
export const TARGET = `stable/recipe/${FILE}`
export const content = randomBytes(200_000)

export const publisher = await Publisher.published()

/** Publishes a version of the recipe. @returns what a hawkBit server is given */
async function published(version: string, bytes: Buffer): Promise<Record<string, Uint8Array>> {
  const file = publisher.path(`cans-${version}.bin`)
  await writeFile(file, bytes)
  await publisher.must('add', file, '--channel', 'stable', '--kind', 'recipe')
  await publisher.release('root')
  await publisher.must(
    'statement',
    `recipe/cans/${version}`,
    '--channel',
    'stable',
    '--out',
    publisher.folder,
  )
  return {
    [basename(file)]: bytes,
    [`${basename(file)}.statement.json`]: await readFile(`${file}.statement.json`),
  }
}

export const files = await published('1.0.0', content)
export const newer = await published('2.0.0', randomBytes(1000))
const rootFile = join(publisher.dir, 'public/metadata/1.root.json')

export interface Bench {
  readonly ddi: HawkbitDdi
  readonly folder: string
  /** The same device after a restart, or with another setting. */
  readonly device: (more?: Partial<HawkbitOptions>) => HawkbitOffers
}

/** A device and its server. */
export async function bench(t: Test): Promise<Bench> {
  const ddi = await HawkbitDdi.start()
  t.teardown(() => ddi.close())
  const folder = await mkdtemp(join(publisher.folder, 'device-'))
  const facts: DeviceFacts = {
    deviceId: CONTROLLER,
    platform: 'linux-arm64',
    release: '1.0.0',
    installed: {},
  }
  const device = (more: Partial<HawkbitOptions> = {}): HawkbitOffers =>
    new HawkbitOffers({
      ...{
        url: new URL(ddi.url),
        tenant: 'DEFAULT',
        controllerId: CONTROLLER,
        folder,
        downloads: join(folder, 'downloads'),
        rootFile,
        channel: 'stable',
      },
      token: () => Promise.resolve({ kind: 'TargetToken', value: TOKEN }),
      device: () => Promise.resolve(facts),
      attributes: () => Promise.resolve({ site: 'gers', platform: 'linux-arm64' }),
      mayCancel: () => true,
      ...{ proxy: () => undefined, clock: systemClock, reserveBytes: 0 },
      ...more,
    })
  return { ddi, folder, device }
}

/** What the updater says of the recipe. */
export function status(state: UpdateStatus['state'], more: Partial<UpdateStatus> = {}): UpdateStatus {
  return {
    schema: 'poincon.update/1',
    state,
    kind: 'recipe',
    to: '1.0.0',
    since: '2026-11-22T06:00:00Z',
    ...more,
  }
}

/** Whether it is the recipe that is asked for. */
export function isFile({ url }: IncomingMessage): boolean {
  return url?.endsWith(`/${FILE}`) === true
}

/** What is on offer, where that is one thing. */
export async function only(offers: HawkbitOffers): Promise<Offer> {
  const [offer, ...more] = await offers.check(SIGNAL)
  if (offer === undefined || more.length > 0) throw new Error(`${more.length} offers, expected one`)
  return offer
}
