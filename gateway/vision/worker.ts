import { parentPort, workerData } from 'node:worker_threads'
import { z } from 'zod'
import { Embedder } from './embedder.ts'
import { FrameReader, type FrameReaderOptions } from './frame-reader.ts'
import { locate } from './locate.ts'
import { type Model, ModelError, readModel, type VisionModels } from './model.ts'
import { Network, openSession } from './onnx.ts'
import { PROVIDERS } from './providers.ts'
import { type Opened, serve } from './serve.ts'
import { readTexts } from './text.ts'
import { readTextRule } from './text-rule.ts'
import type { ThreadSetup } from './thread-messages.ts'
import { overThreshold, Threshold } from './threshold.ts'

/** The entry of the thread that looks: networks are opened and warmed up, then it answers. */
const setup: ThreadSetup = z
  .object({
    models: z.object({
      embedder: z.string(),
      lens: z.object({ locator: z.string(), text: z.string() }).exactOptional(),
    }),
    providers: z.array(z.enum(PROVIDERS)),
    threads: z.int(),
    threshold: z.instanceof(SharedArrayBuffer),
  })
  .parse(workerData)
const threshold = new Threshold(setup.threshold)
const leave = (): never => process.exit()

async function open(folder: string): Promise<{ readonly model: Model; readonly network: Network }> {
  const model = await readModel(folder)
  const network = await Network.open(model, {
    providers: setup.providers,
    threads: setup.threads,
    refused: (refusal) =>
      parentPort?.postMessage({ kind: 'refused', network: model.manifest.name, ...refusal }),
    open: async (bytes, provider, threads) => {
      const session = await threshold.within(() => openSession(bytes, provider, threads), leave)
      return overThreshold(session, threshold, leave)
    },
  })
  return { model, network }
}

async function openAll(): Promise<Opened> {
  const { model, network } = await open(setup.models.embedder)
  const { match: rule } = model.manifest
  if (rule === undefined) {
    const said = `${setup.models.embedder}: match: expected a rule, this model compares nothing`
    throw new ModelError('manifest', said)
  }
  const lens = setup.models.lens === undefined ? undefined : await openLens(setup.models.lens)
  const all = [network, ...(lens?.networks ?? [])]
  const reader = new FrameReader({
    embedder: new Embedder((input) => network.run(input)),
    ...{ rule, now: () => performance.now(), ...(lens === undefined ? {} : { lens: lens.readers }) },
  })
  await reader.warmUp()
  return {
    reader,
    networks: () => all.map(({ name, sha256, provider }) => ({ network: name, sha256, provider })),
    close: async () => {
      for (const each of all) await each.close()
    },
  }
}

async function openLens(folders: NonNullable<VisionModels['lens']>) {
  const { network: locator } = await open(folders.locator)
  const rule = await readTextRule(folders.text)
  const { network: text } = await open(folders.text)
  const readers: NonNullable<FrameReaderOptions['lens']> = {
    locate: (picture) => locate(picture, (input) => locator.run(input)),
    readTexts: (picture, boxes) => readTexts(picture, boxes, (input) => text.run(input), rule),
  }
  return { networks: [locator, text], readers }
}

if (parentPort !== null) await serve(parentPort, openAll)
