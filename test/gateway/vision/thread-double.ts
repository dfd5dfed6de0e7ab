/**
 * A thread as ours, with a reader of which a picture's first pixel says what it does. Nothing is computed: what is tested is
 * how a thread is kept.
 */
import { existsSync } from 'node:fs'
import { parentPort, workerData } from 'node:worker_threads'
import { z } from 'zod'
import type { FrameReading } from '../../../gateway/vision/lens-view.ts'
import { ModelError } from '../../../gateway/vision/model.ts'
import type { Grey } from '../../../gateway/vision/picture.ts'
import { type Opened, serve } from '../../../gateway/vision/serve.ts'
import { Threshold } from '../../../gateway/vision/threshold.ts'
import { DEED } from './deeds.ts'

const { models, threshold: shared } = z
  .object({ models: z.object({ embedder: z.string() }), threshold: z.instanceof(SharedArrayBuffer) })
  .parse(workerData)
const threshold = new Threshold(shared)
const leave = (): never => process.exit()
const forever = new Promise<never>(() => {})
/** Resolved by the next gallery. */
let release = (): void => {}

async function done(picture: Grey): Promise<void> {
  switch (picture.pixels[0]) {
    case DEED.exit:
      return process.exit(7)
    case DEED.throw:
      setImmediate(() => {
        throw new Error('thrown beside an answer')
      })
      return await forever
    case DEED.fail:
      throw new Error('device lost')
    case DEED.wait:
      return await forever
    case DEED.spin:
      for (;;);
    case DEED.stick:
      return await threshold.within(() => {
        // As the runtime does: nobody else of this thread comes to anything.
        Atomics.wait(new Int32Array(shared), 0, 1, 300)
        return forever
      }, leave)
    case DEED.held:
      return await new Promise((resolve) => {
        release = resolve
      })
  }
}

/** The width of the picture says which it was. */
function readingOf({ width }: Grey): FrameReading {
  const view = { kind: 'unseen', fault: 'no-lens', detail: String(width) } as const
  return { view, engravings: [], timing: { locate: 3, symbols: 2, texts: 1 } }
}

function open(): Opened {
  if (existsSync(`${models.embedder}/hash`)) throw new ModelError('hash', 'sha256 differs')
  if (existsSync(`${models.embedder}/broken`)) throw new Error('libonnxruntime.so: cannot open')
  let symbols: readonly string[] = []
  return {
    reader: {
      read: async (picture) => {
        await done(picture)
        return readingOf(picture)
      },
      match: async (picture) => {
        await done(picture)
        return {
          kind: 'unknown',
          candidates: symbols.map((symbol) => ({ symbol, similarity: picture.width })),
        }
      },
      prototypes: async (picture, symbol) => {
        await done(picture)
        return [{ symbol, degrees: 0, vector: Float32Array.of(picture.width) }]
      },
      use: (prototypes) => {
        symbols = prototypes.map(({ symbol }) => symbol)
        release()
      },
    },
    networks: () => [{ network: 'double', sha256: '0'.repeat(64), provider: 'cpu' }],
    close: () => Promise.resolve(),
  }
}

if (parentPort !== null) await serve(parentPort, () => Promise.resolve().then(open))
