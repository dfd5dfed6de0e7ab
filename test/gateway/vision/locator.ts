import { fileURLToPath } from 'node:url'
import { renderLens } from '../../../drivers/simulated/lens-render.ts'
import { type LensOptions, lensScene } from '../../../drivers/simulated/lens-scene.ts'
import type { LensTruth } from '../../../drivers/simulated/lens-truth.ts'
import { Random } from '../../../drivers/simulated/random.ts'
import { readModel } from '../../../gateway/vision/model.ts'
import { Network } from '../../../gateway/vision/onnx.ts'
import type { Grey } from '../../../gateway/vision/picture.ts'

export const LOCATOR = fileURLToPath(new URL('../../../../models/lens-locator/', import.meta.url))

/** The shipped network, on one thread. */
export async function openLocator(): Promise<Network> {
  return Network.open(await readModel(LOCATOR), { providers: ['cpu'], threads: 1, refused: () => {} })
}

/** A picture of the simulated station, and what is true of it. */
export function pictureOf(options: LensOptions, seed: number): { picture: Grey; truth: LensTruth } {
  const scene = lensScene(options, new Random(seed))
  return { picture: renderLens(scene), truth: scene.truth }
}
