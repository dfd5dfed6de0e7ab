import { createHash } from 'node:crypto'
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { InferenceSession } from 'onnxruntime-node'
import { type Test, test } from 'tap'
import { readModel } from '../../../gateway/vision/model.ts'
import { Network, type NetworkOptions, type Refusal } from '../../../gateway/vision/onnx.ts'

const EMBEDDER = fileURLToPath(new URL('../../../../models/engraving-embedder/', import.meta.url))
const INPUT = { data: new Float32Array(64 * 64).fill(0.5), shape: [1, 1, 64, 64] }

/** The options of a network, and what it refused. */
function watched(options: Partial<NetworkOptions> = {}): { options: NetworkOptions; refusals: Refusal[] } {
  const refusals: Refusal[] = []
  const refused = (refusal: Refusal): void => {
    refusals.push(refusal)
  }
  return { options: { providers: ['cpu'], threads: 1, refused, ...options }, refusals }
}

/** A copy of the model whose manifest, or file, is not what it was. */
async function spoiled(
  t: Test,
  spoil: { manifest?: (text: string) => string; file?: Buffer },
): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'poincon-model-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  await cp(EMBEDDER, folder, { recursive: true })
  const path = join(folder, 'manifest.json')
  let text = await readFile(path, 'utf8')
  if (spoil.file !== undefined) {
    await writeFile(join(folder, 'engraving-embedder.onnx'), spoil.file)
    const hash = createHash('sha256').update(spoil.file).digest('hex')
    text = text.replace(/"sha256": *"[0-9a-f]{64}"/, `"sha256": "${hash}"`)
  }
  await writeFile(path, spoil.manifest?.(text) ?? text)
  return folder
}

test('the network that ships computes what is stored with it, for any number of pictures', async (t) => {
  const network = await Network.open(await readModel(EMBEDDER), watched().options)
  t.teardown(() => network.close())
  t.equal(network.provider, 'cpu')
  const one = await network.run(INPUT)
  const three = await network.run({ data: new Float32Array(3 * 64 * 64).fill(0.5), shape: [3, 1, 64, 64] })
  t.strictSame(three.shape, [3, 128])
  for (const [d, value] of one.data.entries()) {
    if (Math.abs(value - (three.data[128 + d] ?? 0)) > 1e-5) t.fail(`dimension ${d} differs in a batch`)
  }
  t.ok(Math.abs(Math.hypot(...one.data) - 1) < 1e-4, 'unit length')
})

test('a machine without a GPU says why each provider is not used, and goes on', async (t) => {
  const { options, refusals } = watched({ providers: ['tensorrt', 'cuda', 'cpu'] })
  const network = await Network.open(await readModel(EMBEDDER), options)
  t.teardown(() => network.close())
  t.equal(network.provider, 'cpu')
  t.match(refusals, [
    { provider: 'tensorrt', reason: /engraving-embedder on tensorrt: .+/ },
    { provider: 'cuda', reason: /engraving-embedder on cuda: .+/ },
  ])
})

test('a provider that dies while it runs gives way to the processor, and the answer comes all the same', async (t) => {
  let runs = 0
  const { options, refusals } = watched({
    providers: ['webgpu', 'cpu'],
    open: async (bytes, provider, threads) => {
      const session = await InferenceSession.create(bytes, {
        executionProviders: ['cpu'],
        intraOpNumThreads: threads,
      })
      if (provider === 'cpu') return session
      return {
        inputMetadata: session.inputMetadata,
        outputMetadata: session.outputMetadata,
        release: () => session.release(),
        run: (feeds: InferenceSession.FeedsType) => {
          runs += 1
          return runs > 2 ? Promise.reject(new Error('device lost')) : session.run(feeds)
        },
      }
    },
  })
  const network = await Network.open(await readModel(EMBEDDER), options)
  t.teardown(() => network.close())
  const before = await network.run(INPUT)
  t.equal(network.provider, 'webgpu')
  const after = await network.run(INPUT)
  t.equal(network.provider, 'cpu')
  t.strictSame(after.data, before.data)
  t.strictSame(refusals, [{ provider: 'webgpu', reason: 'failed while it ran: device lost' }])
})

test('a provider that computes something else is not used', async (t) => {
  const { options, refusals } = watched({
    providers: ['cuda', 'cpu'],
    open: async (bytes, provider) => {
      const session = await InferenceSession.create(bytes)
      if (provider === 'cpu') return session
      return {
        inputMetadata: session.inputMetadata,
        outputMetadata: session.outputMetadata,
        release: () => session.release(),
        run: async (feeds: InferenceSession.FeedsType) => {
          const { embedding } = await session.run(feeds)
          const data = embedding?.data
          if (data instanceof Float32Array) data[0] = (data[0] ?? 0) + 0.5
          return embedding === undefined ? {} : { embedding }
        },
      }
    },
  })
  const network = await Network.open(await readModel(EMBEDDER), options)
  t.teardown(() => network.close())
  t.equal(network.provider, 'cpu')
  t.match(refusals, [{ provider: 'cuda', reason: /its answer differs from the stored one by 0\.[45]/ }])
})

test('a model that is not what its manifest says is not loaded', async (t) => {
  const onnx = await readFile(join(EMBEDDER, 'engraving-embedder.onnx'))
  const changed = Buffer.from(onnx)
  changed[changed.length >> 1] = 255 - (changed[changed.length >> 1] ?? 0)
  const other = await spoiled(t, {})
  await writeFile(join(other, 'engraving-embedder.onnx'), changed)
  await t.rejects(readModel(other), {
    fault: 'hash',
    message: /sha256 [0-9a-f]{64}, expected [0-9a-f]{64} of/,
  })
  await t.rejects(readModel('/nowhere'), { fault: 'missing', message: /nowhere/ })
  const text = await spoiled(t, { manifest: () => 'not JSON' })
  await t.rejects(readModel(text), { fault: 'manifest', message: /expected JSON/ })
  const wrong = await spoiled(t, { manifest: (json) => json.replace('"opset": 17', '"opset": "17"') })
  await t.rejects(readModel(wrong), { fault: 'manifest', message: /manifest\.json: opset: / })
})

test('a model that no runtime can use says which, and why', async (t) => {
  const open = async (folder: string) => await Network.open(await readModel(folder), watched().options)
  const onnx = await readFile(join(EMBEDDER, 'engraving-embedder.onnx'))
  const cut = await spoiled(t, { file: onnx.subarray(0, onnx.length >> 1) })
  await t.rejects(open(cut), { fault: 'unreadable', message: /^engraving-embedder on cpu: / })
  // ModelProto.opset_import, of the default domain: version 17 (onnx.proto3, field 8, in it field 2).
  const opset = onnx.lastIndexOf(Buffer.from([0x42, 0x02, 0x10, 17]))
  t.ok(opset > 0)
  const future = Buffer.from(onnx)
  future[opset + 3] = 99
  await t.rejects(open(await spoiled(t, { file: future })), {
    fault: 'unreadable',
    message: /^engraving-embedder on cpu: .*[Oo]pset/,
  })
  const shape = await spoiled(t, { manifest: (json) => json.replace('"name": "image"', '"name": "picture"') })
  await t.rejects(open(shape), {
    fault: 'shape',
    message: /has image: float32 \[batch 1 64 64\].* expected picture/,
  })
})
