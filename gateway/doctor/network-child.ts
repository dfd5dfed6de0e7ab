/**
 * What networks do on this machine, tried in a process of its own: a provider's libraries may end the process that loads
 * them, and what they take of its memory can be seen. One errand, one answer.
 */
import { decode } from '../../drivers/camera/frame.ts'
import { systemClock } from '../../drivers/clock.ts'
import { silentLog } from '../log.ts'
import { readModel, reason } from '../vision/model.ts'
import { tryProvider } from '../vision/onnx.ts'
import { VisionThread } from '../vision/vision-thread.ts'
import {
  type Errand,
  errand,
  type FrameErrand,
  type FrameTrial,
  type NetworkErrand,
  type NetworkTrial,
} from './network-trials.ts'

const ROUNDS = 20

async function tryNetworks({ folders, provider, threads }: NetworkErrand): Promise<readonly NetworkTrial[]> {
  const found: NetworkTrial[] = []
  for (const folder of folders) {
    try {
      found.push({ folder, ...(await tryProvider(await readModel(folder), provider, threads)) })
    } catch (error) {
      found.push({ folder, reason: reason(error) })
    }
  }
  return found
}

/** As the station reads the pictures of its camera. */
async function tryFrames({ jpeg_base64, width, height, ...vision }: FrameErrand): Promise<FrameTrial> {
  const jpeg = new Uint8Array(Buffer.from(jpeg_base64, 'base64'))
  const image = { kind: 'camera', jpeg, width, height, takenAt: 0, sequence: 1 } as const
  const ever = new AbortController().signal
  const before = process.memoryUsage.rss()
  const thread = new VisionThread({
    ...{ ...vision, clock: systemClock, log: silentLog, random: Math.random },
    decode: () => decode(image),
  })
  await thread.start(ever)
  try {
    const { detail } = thread.status()
    if (detail !== undefined) throw new Error(detail)
    for (let round = 0; round < ROUNDS; round++) await thread.read(jpeg, ever)
    const addedMb = (process.memoryUsage.rss() - before) / 1e6
    const facts = thread.status().facts ?? {}
    return { addedMb, p50Ms: Number(facts.whole_ms_p50), p99Ms: Number(facts.whole_ms_p99) }
  } finally {
    await thread.stop()
  }
}

function answer(found: object): void {
  process.send?.(found, () => process.disconnect())
}

process.once('message', (message) => {
  const asked: Errand = errand.parse(message)
  const work = asked.kind === 'networks' ? tryNetworks(asked) : tryFrames(asked)
  work.then(
    (found) => answer({ found }),
    (error: unknown) => answer({ failed: reason(error) }),
  )
})
