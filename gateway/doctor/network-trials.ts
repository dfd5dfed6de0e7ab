import { fork } from 'node:child_process'
import { once } from 'node:events'
import { z } from 'zod'
import { PROVIDERS } from '../vision/providers.ts'

const networkErrand = z.object({
  kind: z.literal('networks'),
  folders: z.array(z.string()),
  provider: z.enum(PROVIDERS),
  threads: z.int(),
})
const frameErrand = z.object({
  kind: z.literal('frames'),
  models: z.object({
    embedder: z.string(),
    lens: z.object({ locator: z.string(), text: z.string() }).exactOptional(),
  }),
  providers: z.array(z.enum(PROVIDERS)),
  threads: z.int(),
  jpeg_base64: z.base64(),
  width: z.int(),
  height: z.int(),
})
/** What the process of the trials is sent. */
export const errand = z.discriminatedUnion('kind', [networkErrand, frameErrand])
export type Errand = Readonly<z.infer<typeof errand>>
export type NetworkErrand = Extract<Errand, { kind: 'networks' }>
export type FrameErrand = Extract<Errand, { kind: 'frames' }>

const networkTrial = z.union([
  z.object({ folder: z.string(), difference: z.number(), medianMs: z.number() }),
  z.object({ folder: z.string(), reason: z.string() }),
])
/** What one provider makes of one network: how far from the stored answer it is, and ms of a run; or why it cannot. */
export type NetworkTrial = Readonly<z.infer<typeof networkTrial>>

const frameTrial = z.object({ addedMb: z.number(), p50Ms: z.number(), p99Ms: z.number() })
/** From a camera's JPEG to what is read on it, and what that adds to the process, MB of RSS. */
export type FrameTrial = Readonly<z.infer<typeof frameTrial>>

/** As long as TensorRT may take for its engines. */
const LIMIT_MS = 300_000
const CHILD = new URL('./network-child.js', import.meta.url)

/** @throws Error that says how the process of the trials ended */
export async function tryNetworks(asked: Omit<NetworkErrand, 'kind'>): Promise<readonly NetworkTrial[]> {
  return z.array(networkTrial).parse(await send({ kind: 'networks', ...asked }))
}

/** @throws Error what kept the networks from reading */
export async function tryFrames(asked: Omit<FrameErrand, 'kind'>): Promise<FrameTrial> {
  return frameTrial.parse(await send({ kind: 'frames', ...asked }))
}

const reply = z.union([z.object({ found: z.unknown() }), z.object({ failed: z.string() })])

async function send(asked: Errand): Promise<unknown> {
  // What libraries write to the terminal is not the doctor's.
  const child = fork(CHILD, { stdio: ['ignore', 'ignore', 'ignore', 'ipc'], execArgv: [], timeout: LIMIT_MS })
  let message: unknown
  child.once('message', (said) => {
    message = said
  })
  child.send(asked)
  // Sent when all that it said has arrived, also where the process is no more.
  await once(child, 'disconnect')
  if (message === undefined) {
    const { exitCode, signalCode } = child
    throw new Error(`its process ended with ${signalCode ?? exitCode ?? 'no word'}`)
  }
  const said = reply.parse(message)
  if ('failed' in said) throw new Error(said.failed)
  return said.found
}
