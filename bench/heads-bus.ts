/**
 * A simulated bus with its chips, in a thread of its own: what a transfer takes on the wires it takes here, to some tens
 * of microseconds, while the thread that asked for it goes on. One message asks, one answers, as one ioctl would.
 */
import { readlinkSync } from 'node:fs'
import { parentPort, workerData } from 'node:worker_threads'
import { z } from 'zod'
import { transferBits } from '../drivers/bus.ts'
import { SimulatedVl53l8ch } from '../drivers/simulated/vl53l8ch.ts'
import { StillScene } from '../test/fakes/still-scene.ts'
import { absoluteMs, type BusSetup, type Reply, type Request } from './heads-wires.ts'

const setup: BusSetup = z.object({ hz: z.number(), addresses: z.array(z.number()) }).parse(workerData)
const clock = { now: () => performance.now() }
const chips = new Map(
  setup.addresses.map((address) => [address, new SimulatedVl53l8ch({ clock, scene: new StillScene() })]),
)
const bell = new Int32Array(new SharedArrayBuffer(4))
const STREAM_COUNT = Uint8Array.of(0, 0)
const FRAME_FOOT = 12
let freeAt = 0

/** Timers know whole milliseconds; a futex does not. */
function sleepUntil(at: number): void {
  const ms = at - absoluteMs()
  if (ms > 0) Atomics.wait(bell, 0, 0, ms)
}

function move({ address, out, length, askedAt }: Extract<Request, { kind: 'transfer' }>): Reply {
  // A transfer that waited for the one before begins when that ends, however late this thread got to it.
  freeAt = Math.max(askedAt, freeAt) + (transferBits(out.length, length) * 1000) / setup.hz
  const chip = chips.get(address)
  const answer = chip?.write(out) === true ? chip.read(length) : undefined
  sleepUntil(freeAt)
  if (chip === undefined || answer === undefined) return { kind: 'refused' }
  if (length > FRAME_FOOT && out[0] === 0 && out[1] === 0) tear(chip, answer)
  return { kind: 'answer', answer }
}

/** A frame that was replaced while it crossed the wires ends as the one after it. */
function tear(chip: SimulatedVl53l8ch, frame: Uint8Array): void {
  chip.write(STREAM_COUNT)
  if (chip.read(1)?.[0] === frame[0]) return
  chip.write(STREAM_COUNT)
  const next = chip.read(frame.length)
  if (next !== undefined) frame.set(next.subarray(-FRAME_FOOT), frame.length - FRAME_FOOT)
}

const port = parentPort
if (port === null) throw new Error('this is a thread of heads.bench')
port.on('message', (request: Request) => {
  if (request.kind === 'empty') {
    freeAt = Math.max(absoluteMs(), freeAt) + request.lastsMs
    sleepUntil(freeAt)
    port.postMessage({ kind: 'empty' } satisfies Reply)
    return
  }
  const reply = move(request)
  port.postMessage(reply, reply.kind === 'answer' ? [reply.answer.buffer as ArrayBuffer] : [])
})
port.postMessage({
  kind: 'thread',
  id: Number(readlinkSync('/proc/thread-self').split('/').at(-1)),
} satisfies Reply)
