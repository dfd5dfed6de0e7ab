import { basename } from 'node:path'
import { type NetworkTrial, tryNetworks } from '../doctor/network-trials.ts'
import type { VisionModels } from '../vision/model.ts'
import type { Provider } from '../vision/providers.ts'

export interface ModelOptions {
  readonly models: Required<VisionModels>
  /** `vision` of the configuration. */
  readonly vision: { readonly providers: readonly Provider[]; readonly threads: number }
}

/**
 * Whether each network is the file that its manifest names, opens, and gives its stored answer, on a provider of the
 * configuration or the processor: as a station takes them. In a process of its own, which a provider may end.
 * @returns what computes them @throws Error naming the networks that nothing computes, and why
 */
export async function checkModels({ models, vision }: ModelOptions): Promise<string> {
  const { embedder, lens } = models
  let left: readonly string[] = [embedder, lens.locator, lens.text]
  const [works, refused]: [string[], string[]] = [[], []]
  for (const provider of new Set<Provider>([...vision.providers, 'cpu'])) {
    if (left.length === 0) break
    const trials = await tried(left, provider, vision.threads)
    left = trials.flatMap((trial) => ('reason' in trial ? [trial.folder] : []))
    for (const trial of trials) {
      const subject = `${basename(trial.folder)} on ${provider}`
      if ('reason' in trial) refused.push(`${subject}: ${trial.reason}`)
      else works.push(`${subject} ${trial.medianMs.toFixed(1)} ms`)
    }
  }
  if (left.length > 0) throw new Error(refused.join('; '))
  const also = refused.length === 0 ? [] : [`not used: ${refused.join(', ')}`]
  return [works.join(', '), ...also].join('; ')
}

async function tried(
  folders: readonly string[],
  provider: Provider,
  threads: number,
): Promise<readonly NetworkTrial[]> {
  try {
    return await tryNetworks({ folders: [...folders], provider, threads })
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    return folders.map((folder) => ({ folder, reason }))
  }
}
