import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { matchRule } from './decision.ts'

/**
 * Why a model is not loaded: `missing`; `manifest`: not as `poincon.model/1` says; `hash`: other bytes than the manifest
 * names; `unreadable`: no ONNX, or of an operator set that the runtime does not know; `shape`: other inputs or outputs;
 * `output`: it computes something else than was stored with it.
 */
export type ModelFault = 'missing' | 'manifest' | 'hash' | 'unreadable' | 'shape' | 'output'

export class ModelError extends Error {
  override readonly name = 'ModelError'
  readonly fault: ModelFault

  constructor(fault: ModelFault, message: string, options?: ErrorOptions) {
    super(message, options)
    this.fault = fault
  }
}

/** Where the networks lie, each in a folder with its manifest. */
export interface VisionModels {
  readonly embedder: string
  /** For pictures of whole lenses; absent: only single symbols are looked at. */
  readonly lens?: { readonly locator: string; readonly text: string }
}

/** As a release has them. @param root its folder `models` */
export function modelsIn(root: string): Required<VisionModels> {
  return {
    embedder: join(root, 'engraving-embedder'),
    lens: { locator: join(root, 'lens-locator'), text: join(root, 'engraving-text') },
  }
}

/** A number, or the name of a dimension that is as long as the caller likes. */
const dimension = z.union([z.int().min(1), z.string().min(1)])
const port = z.object({ name: z.string().min(1), shape: z.array(dimension).min(1) })
export type Port = Readonly<z.infer<typeof port>>

/** What the device reads of `manifest.json`; the rest is for people and scripts. */
const manifest = z.object({
  schema: z.literal('poincon.model/1'),
  name: z.string().regex(/^[a-z0-9-]{1,64}$/),
  file: z.string().regex(/^[\w.-]+\.onnx$/),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  opset: z.int().min(1),
  input: port,
  output: port,
  /** Of a model whose vectors are compared: how similarities become an answer. */
  match: matchRule.optional(),
  /** One input, in 8 bits for 0 to 1, and what it gives. */
  check: z.object({
    shape: z.array(z.int().min(1)).min(1),
    input_8bit_base64: z.base64(),
    output: z.array(z.number()).min(1),
    /** Largest absolute difference that is still the same answer. */
    tolerance: z.number().positive(),
  }),
})
export type ModelManifest = Readonly<z.infer<typeof manifest>>

/** A model as it lies on disk, its hash checked. */
export interface Model {
  readonly manifest: ModelManifest
  readonly bytes: Uint8Array
}

/**
 * Reads `folder/manifest.json` and the model that it names.
 * @throws ModelError `missing`, `manifest`, `hash`
 */
export async function readModel(folder: string): Promise<Model> {
  const path = join(folder, 'manifest.json')
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    throw new ModelError('missing', `${path}: ${reason(error)}`, { cause: error })
  })
  const parsed = manifest.safeParse(jsonOf(text, path))
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    const where = issue?.path.join('.') ?? ''
    throw new ModelError('manifest', `${path}: ${where}: ${issue?.message ?? 'not a manifest'}`)
  }
  const file = join(folder, parsed.data.file)
  const bytes = await readFile(file).catch((error: unknown) => {
    throw new ModelError('missing', `${file}: ${reason(error)}`, { cause: error })
  })
  const found = createHash('sha256').update(bytes).digest('hex')
  if (found !== parsed.data.sha256) {
    throw new ModelError('hash', `${file}: sha256 ${found}, expected ${parsed.data.sha256} of ${path}`)
  }
  return { manifest: parsed.data, bytes }
}

function jsonOf(text: string, path: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new ModelError('manifest', `${path}: expected JSON`, { cause: error })
  }
}

/** The first line of what went wrong. */
export function reason(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error)
  return text.split('\n')[0] ?? text
}
