/** The network that the embedder is measured beside: EfficientNet-B0, 224 × 224, random weights, made on the spot. */
import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { InferenceSession, Tensor } from 'onnxruntime-node'

const SCRIPT = fileURLToPath(new URL('../../models/training/peer.py', import.meta.url))
/** Debian's own first: that is where `python3-torch` is. */
const PYTHONS = ['/usr/bin/python3', 'python3']
const SHAPE = [1, 3, 224, 224] as const

export interface Peer {
  /** One picture through the network. */
  readonly run: () => Promise<unknown>
  readonly close: () => Promise<void>
}

/** @returns why there is none, where no Python with PyTorch makes it */
export async function openPeer(): Promise<Peer | string> {
  const folder = await mkdtemp(join(tmpdir(), 'poincon-peer-'))
  try {
    const path = join(folder, 'efficientnet-b0.onnx')
    const problem = await made(path)
    if (problem !== undefined) return problem
    const session = await InferenceSession.create(path, {
      executionProviders: ['cpu'],
      intraOpNumThreads: 1,
      interOpNumThreads: 1,
    })
    const image = new Tensor('float32', new Float32Array(3 * 224 * 224).fill(0.3), SHAPE)
    return { run: () => session.run({ image }), close: () => session.release() }
  } finally {
    await rm(folder, { recursive: true })
  }
}

async function made(path: string): Promise<string | undefined> {
  const problems: string[] = []
  for (const python of PYTHONS) {
    try {
      await promisify(execFile)(python, [SCRIPT, '--out', path], { timeout: 120_000 })
      return undefined
    } catch (error) {
      const lines = (error instanceof Error ? error.message : String(error)).trim().split('\n')
      problems.push(`${python}: ${lines.at(-1) ?? ''}`)
    }
  }
  return problems.join('; ')
}
