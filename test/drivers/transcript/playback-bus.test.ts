import { test } from 'tap'
import type { I2cBus } from '../../../drivers/bus.ts'
import type { Entry, Transcript } from '../../../drivers/transcript/entries.ts'
import { sha256Of } from '../../../drivers/transcript/lines.ts'
import { PlaybackBus } from '../../../drivers/transcript/playback-bus.ts'

const write = (register: number, ...bytes: number[]): Entry => ({
  op: 'write',
  register,
  length: bytes.length,
  bytes: Uint8Array.from(bytes),
})
const read = (register: number, ...bytes: number[]): Entry => ({
  op: 'read',
  register,
  length: bytes.length,
  bytes: Uint8Array.from(bytes),
})
const transcript = (...entries: Entry[]): Transcript => ({ name: 'chip', registerBytes: 2, entries })

/** Reads from a 16-bit register. */
function ask(bus: I2cBus, register: number, length: number): Promise<Uint8Array> {
  return bus.transfer(0x29, Uint8Array.of(register >> 8, register & 0xff), length)
}

function say(bus: I2cBus, register: number, ...bytes: number[]): Promise<Uint8Array> {
  return bus.transfer(0x29, Uint8Array.of(register >> 8, register & 0xff, ...bytes), 0)
}

const frame = [1, 2, 3, 4, 5, 6, 7, 8]
/** A start, a poll that took three questions, a frame, and the same again. */
const STREAM = transcript(
  write(0x0009, 5),
  ...[read(0, 0xff), read(0, 0xff), read(0, 0x03), read(0, ...frame)],
  ...[read(0, 0x03), read(0, 0x07), read(0, ...frame.toReversed())],
  write(0x0009, 4),
)

test('strict: each transfer as it was, and no other', async (t) => {
  const bus = new PlaybackBus(STREAM, { mode: 'strict' })
  await say(bus, 9, 5)
  for (const answer of [0xff, 0xff, 0x03]) t.equal((await ask(bus, 0, 1))[0], answer)
  await t.rejects(ask(bus, 0, 1), {
    name: 'PlaybackDifference',
    message: 'chip:5: expected a read of 8 bytes at 0x0000; got a read of 1 byte at 0x0000',
  })
  await t.rejects(say(bus, 9, 1), {
    name: 'PlaybackDifference',
    message: 'chip:5: expected a read of 8 bytes at 0x0000; got a write of 1 byte at 0x0009: 01',
  })
  t.strictSame(await ask(bus, 0, 8), Uint8Array.from(frame), 'it stands where it stood')
  t.throws(() => bus.done(), { message: /^chip:5:/ }, 'the first difference')
})

test('strict: behind the end', async (t) => {
  const bus = new PlaybackBus(transcript(read(0, 1)), { mode: 'strict' })
  t.throws(() => bus.done(), { message: 'chip:1: expected a read of 1 byte at 0x0000; got nothing more' })
  const again = new PlaybackBus(transcript(read(0, 1)), { mode: 'strict' })
  await ask(again, 0, 1)
  again.done()
  await t.rejects(ask(again, 0, 1), {
    name: 'PlaybackDifference',
    message: 'chip, behind its end: expected nothing more; got a read of 1 byte at 0x0000',
  })
})

test('lenient: fewer polls than were recorded', async (t) => {
  const bus = new PlaybackBus(STREAM, { mode: 'lenient' })
  await say(bus, 9, 5)
  t.equal((await ask(bus, 0, 1))[0], 0xff)
  t.strictSame(await ask(bus, 0, 8), Uint8Array.from(frame))
  t.strictSame(await ask(bus, 0, 8), Uint8Array.from(frame.toReversed()))
  await say(bus, 9, 4)
  bus.done()
})

test('lenient: more polls than were recorded never run past a frame', async (t) => {
  const bus = new PlaybackBus(STREAM, { mode: 'lenient' })
  await say(bus, 9, 5)
  const polls: (number | undefined)[] = []
  for (let i = 0; i < 6; i += 1) polls.push((await ask(bus, 0, 1))[0])
  t.strictSame(polls, [0xff, 0xff, 0x03, 0x03, 0x03, 0x03])
  t.strictSame(await ask(bus, 0, 8), Uint8Array.from(frame))
  await say(bus, 9, 4)
  bus.done()
})

test('lenient: a write may be cut into pieces, and nothing else', async (t) => {
  const long = {
    op: 'write',
    register: 0x100,
    length: 4,
    sha256: sha256Of(Uint8Array.of(1, 2, 3, 4)),
  } as const
  const open = (): PlaybackBus => new PlaybackBus(transcript(long), { mode: 'lenient' })
  const whole = open()
  await say(whole, 0x100, 1, 2, 3, 4)
  whole.done()
  const cut = open()
  await say(cut, 0x100, 1)
  await say(cut, 0x101, 2, 3)
  t.throws(() => cut.done(), { message: /^chip:1: expected a write of 4 bytes at 0x0100: sha256 9f64/ })
  const other = open()
  await t.rejects(say(other, 0x100, 1, 2, 3, 5), { name: 'PlaybackDifference' })
  const shifted = open()
  await say(shifted, 0x100, 1)
  await t.rejects(say(shifted, 0x100, 2, 3, 4), { name: 'PlaybackDifference', message: /at 0x0100: 020304$/ })
  await t.rejects(say(open(), 0x100, 1, 2, 3, 4, 5), { name: 'PlaybackDifference' }, 'more than was recorded')
  const strict = new PlaybackBus(transcript(long), { mode: 'strict' })
  await t.rejects(say(strict, 0x100, 1), { name: 'PlaybackDifference' })
})

test('lenient: what was never asked is a difference, or for the far bus', async (t) => {
  const none = new PlaybackBus(STREAM, { mode: 'lenient' })
  await t.rejects(ask(none, 0x7fff, 1), {
    name: 'PlaybackDifference',
    message: 'chip:1: expected a write of 1 byte at 0x0009: 05; got a read of 1 byte at 0x7fff',
  })
  const heard: string[] = []
  const far: I2cBus = {
    transfer: (_address, out, length) => {
      heard.push(Buffer.from(out).toString('hex'))
      return Promise.resolve(new Uint8Array(length).fill(9))
    },
  }
  const bus = new PlaybackBus(STREAM, { mode: 'lenient', far })
  t.equal((await ask(bus, 0x7fff, 1))[0], 9)
  await say(bus, 9, 5)
  t.equal((await ask(bus, 0, 1))[0], 0xff)
  t.strictSame(heard, ['7fff', '000905'], 'and every write')
})

test('a recorded fault comes again, and then what followed it', async (t) => {
  const nack: Entry = { op: 'read', register: 0, length: 1, fault: 'no-acknowledge' }
  const stuck: Entry = { op: 'read', register: 0, length: 1, fault: 'bus-stuck' }
  for (const mode of ['strict', 'lenient'] as const) {
    const bus = new PlaybackBus(transcript(nack, stuck, read(0, 7)), { mode })
    await t.rejects(ask(bus, 0, 1), { name: 'BusError', message: 'no acknowledge at 0x29' })
    await t.rejects(ask(bus, 0, 1), { name: 'BusError', message: 'bus-stuck at 0x29, as recorded' })
    t.equal((await ask(bus, 0, 1))[0], 7)
    bus.done()
  }
})

test('an answer that was kept by its hash only cannot be given', async (t) => {
  const unknown: Entry = { op: 'read', register: 0, length: 65, sha256: 'ab' }
  const bus = new PlaybackBus(transcript(unknown), { mode: 'strict' })
  await t.rejects(ask(bus, 0, 65), { name: 'PlaybackDifference', message: /has a hash only/ })
})
