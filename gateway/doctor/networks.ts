import { basename } from 'node:path'
import sharp from 'sharp'
import { renderLens } from '../../drivers/simulated/lens-render.ts'
import { lensScene } from '../../drivers/simulated/lens-scene.ts'
import { Random } from '../../drivers/simulated/random.ts'
import type { VisionModels } from '../vision/model.ts'
import { PROVIDERS, type Provider } from '../vision/providers.ts'
import { type Finding, failed, messageOf, ok, warning } from './finding.ts'
import { type NetworkTrial, tryFrames, tryNetworks } from './network-trials.ts'

export interface Networks {
  readonly models: VisionModels
  /** `vision` of the configuration. */
  readonly providers: readonly Provider[]
  readonly threads: number
}

/** Memory that vision may add, and time that a picture of a lens may take in the mean: our goals. */
const MOST_MB = 150
const MOST_MS = 40

/** What each provider makes of each network, and what reading a whole lens costs. */
export async function networkFindings(networks: Networks): Promise<readonly Finding[]> {
  const findings: Finding[] = []
  for (const provider of PROVIDERS) findings.push(...(await providerFindings(provider, networks)))
  return [...findings, ...(await frameFindings(networks))]
}

async function providerFindings(
  provider: Provider,
  { models, providers, threads }: Networks,
): Promise<readonly Finding[]> {
  const { embedder, lens } = models
  const folders = [embedder, ...(lens === undefined ? [] : [lens.locator, lens.text])]
  const trials = await tryNetworks({ folders, provider, threads }).catch((error: unknown) =>
    folders.map((folder): NetworkTrial => ({ folder, reason: messageOf(error) })),
  )
  const wanted = providers.includes(provider) || provider === 'cpu'
  return trials.map((trial) => networkFinding(trial, provider, wanted))
}

/** @param wanted whether the configuration names the provider, or nothing works without it */
function networkFinding(trial: NetworkTrial, provider: Provider, wanted: boolean): Finding {
  const subject = `network ${basename(trial.folder)} on ${provider}`
  if (!('reason' in trial)) {
    const { medianMs, difference } = trial
    const found = `${medianMs.toFixed(2)} ms, ${difference.toExponential(1)} from the stored answer`
    return ok(subject, found)
  }
  const said = `does not run: ${trial.reason}`
  if (!wanted) return ok(subject, `${said}; vision.providers does not name it`)
  if (provider === 'cpu') return failed(subject, said, 'install the release anew: its models are not whole')
  return warning(subject, said, `install what it needs, or take ${provider} out of vision.providers`)
}

async function frameFindings({ models, providers, threads }: Networks): Promise<readonly Finding[]> {
  if (models.lens === undefined) return []
  const subject = 'reading a lens'
  try {
    const { jpeg, width, height } = await simulatedLens()
    const sent = { jpeg_base64: Buffer.from(jpeg).toString('base64'), width, height }
    const { addedMb, p50Ms, p99Ms } = await tryFrames({ models, providers: [...providers], threads, ...sent })
    const times = `${p50Ms.toFixed(0)} ms, ${p99Ms.toFixed(0)} at most, for ${width} × ${height} px`
    const found = `${times}; ${addedMb.toFixed(0)} MB of memory`
    if (p50Ms <= MOST_MS && addedMb <= MOST_MB) return [ok(subject, found)]
    const advice = `expected ${MOST_MS} ms and ${MOST_MB} MB: a faster provider, or fewer parts an hour`
    return [warning(subject, found, advice)]
  } catch (error) {
    return [failed(subject, messageOf(error), 'look at the networks above')]
  }
}

async function simulatedLens(): Promise<{ jpeg: Uint8Array; width: number; height: number }> {
  const { pixels, width, height } = renderLens(lensScene({}, new Random(7, 1)))
  const raw = { width, height, channels: 1 } as const
  const jpeg = await sharp(pixels, { raw }).jpeg({ quality: 90 }).toBuffer()
  return { jpeg, width, height }
}
