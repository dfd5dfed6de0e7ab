import { type Content, contentFolder } from './content.ts'
import { modelsIn, type VisionModels } from './vision/model.ts'

/** The networks of a release, by their folders in `models`. */
export const MODEL_NAMES = ['engraving-embedder', 'lens-locator', 'engraving-text'] as const

/**
 * Where the networks lie: those that came as updates, else those of the release.
 * @param root the release's folder `models`
 */
export function modelsInForce(content: readonly Content[], root: string): Required<VisionModels> {
  const shipped = modelsIn(root)
  const [embedder, locator, text] = MODEL_NAMES.map((name) => contentFolder(content, 'model', name))
  return {
    embedder: embedder ?? shipped.embedder,
    lens: { locator: locator ?? shipped.lens.locator, text: text ?? shipped.lens.text },
  }
}
