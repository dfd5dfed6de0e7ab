import type { MatchRule } from './vision/decision.ts'
import { Embedder } from './vision/embedder.ts'
import { FrameReader } from './vision/frame-reader.ts'
import { ModelError, readModel } from './vision/model.ts'
import { Network, type NetworkOptions } from './vision/onnx.ts'

/** What looks at pictures of single symbols, in this thread. */
export interface SymbolReading {
  readonly reader: FrameReader
  /** SHA-256 of the network that makes vectors. */
  readonly embedder: string
  readonly rule: MatchRule
  readonly close: () => Promise<void>
}

/** @param folder of the embedder @throws ModelError */
export async function openSymbolReader(folder: string, options: NetworkOptions): Promise<SymbolReading> {
  const model = await readModel(folder)
  const { match: rule, sha256: embedder } = model.manifest
  if (rule === undefined) {
    throw new ModelError('manifest', `${folder}: match: expected a rule, this model compares nothing`)
  }
  const network = await Network.open(model, options)
  const reader = new FrameReader({
    ...{ embedder: new Embedder((input) => network.run(input)), rule, now: () => performance.now() },
  })
  return { reader, embedder, rule, close: () => network.close() }
}
