import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'tap'
import { BusError, type I2cBus } from '../../../drivers/bus.ts'
import { VirtualClock } from '../../../drivers/simulated/clock.ts'
import { isTransfer, type Transcript, type TransferEntry } from '../../../drivers/transcript/entries.ts'
import { indexEntry, readTranscript, writeTranscript } from '../../../drivers/transcript/files.ts'
import { lineOf } from '../../../drivers/transcript/lines.ts'
import { PlaybackBus } from '../../../drivers/transcript/playback-bus.ts'
import { RecordingBus } from '../../../drivers/transcript/recording-bus.ts'
import { missing, sharedData } from '../../fakes/shared.ts'

/** How many of each hold all that was said. */
const FOLDERS = [
  ['vl53l8ch/transcripts', 30],
  ['as7341/transcripts', 25],
] as const

/** A device that answers 1, 2, 3, …, each transfer taking its ms of the clock; or fails. */
function counting(clock: VirtualClock, ms: number, fail: { fault?: BusError } = {}): I2cBus {
  return {
    transfer: (_address, _out, length) => {
      clock.spend(ms)
      if (fail.fault !== undefined) return Promise.reject(fail.fault)
      return Promise.resolve(Uint8Array.from({ length }, (_, at) => at + 1))
    },
  }
}

async function linesOf(folder: string, name: string): Promise<readonly string[]> {
  return (await readFile(join(folder, `${name}.jsonl`), 'utf8')).trimEnd().split('\n')
}

test('16-bit registers: waits and marks as ST’s transcripts have them', async (t) => {
  const clock = new VirtualClock()
  const recorder = new RecordingBus(counting(clock, 0.1), clock, { address: 0x29, registerBytes: 2 })
  await recorder.call('is_alive', async () => {
    await recorder.transfer(0x29, Uint8Array.of(0x7f, 0xff, 0x00), 0)
    await recorder.transfer(0x29, Uint8Array.of(0x00, 0x01), 4)
    await clock.sleep(10)
    await recorder.transfer(0x29, new Uint8Array(2 + 65).fill(7), 0)
    await recorder.transfer(0x30, Uint8Array.of(1), 0)
    await recorder.transfer(0x29, Uint8Array.of(0x00, 0x00), 65)
  })
  const folder = t.testdir()
  const entry = await writeTranscript(folder, recorder.recording('01_is_alive'), { targets_per_zone: 1 })
  const lines = await linesOf(folder, '01_is_alive')
  t.strictSame(lines.slice(0, 4), [
    '{"op": "mark", "cmd": "is_alive"}',
    '{"op": "w", "reg": "0x7fff", "len": 1, "data": "00"}',
    '{"op": "r", "reg": "0x0001", "len": 4, "data": "01020304"}',
    '{"op": "wait", "ms": 10}',
  ])
  t.match(lines[4], /^\{"op": "w", "reg": "0x0707", "len": 65, "sha256": "[0-9a-f]{64}"\}$/, 'by hash only')
  const read = /^\{"op": "r", "reg": "0x0000", "len": 65, "sha256": "([0-9a-f]{64})", "blob": "(.+)"\}$/
  const [, sha256 = '', blob = ''] = read.exec(lines[5] ?? '') ?? []
  t.equal(blob, `blobs/${sha256.slice(0, 16)}.bin`)
  t.equal((await readFile(join(folder, blob)))[64], 65)
  t.equal(lines.length, 6, 'what was said to another device is not part of it')
  t.match(entry, {
    file: '01_is_alive.jsonl',
    targets_per_zone: 1,
    transactions: 4,
    tx_bytes: 66,
    rx_bytes: 69,
    wait_ms: 10,
    calls: [{ cmd: 'is_alive', status: 0 }],
  })
})

test('8-bit registers: times, calls and what they returned, probes, NACKs, reads behind an earlier pointer', async (t) => {
  const clock = new VirtualClock()
  const fail: { fault?: BusError } = {}
  const recorder = new RecordingBus(counting(clock, 0.05, fail), clock, { address: 0x39, registerBytes: 1 })
  await recorder.call('begin', () => recorder.transfer(0x39, Uint8Array.of(), 0))
  await recorder.call(
    'read',
    async () => {
      await recorder.transfer(0x39, Uint8Array.of(0x92), 1)
      await recorder.transfer(0x39, Uint8Array.of(0x80), 0)
      await clock.sleep(10)
      await recorder.transfer(0x39, Uint8Array.of(), 2)
      return 36
    },
    (value) => ({ value }),
  )
  fail.fault = new BusError('no-acknowledge', 'no acknowledge at 0x39')
  await t.rejects(recorder.call('gone', () => recorder.transfer(0x39, Uint8Array.of(0x80, 1), 0)))
  fail.fault = new BusError('timeout', 'timeout at 0x39')
  await t.rejects(recorder.transfer(0x39, Uint8Array.of(0x95), 12))
  const folder = t.testdir()
  await writeTranscript(folder, recorder.recording('begin'))
  const lines = await linesOf(folder, 'begin')
  t.strictSame(lines, [
    '{"t":0,"op":"call","name":"begin"}',
    '{"t":0,"op":"w","reg":null,"len":0,"data":""}',
    '{"t":50,"op":"ret","value":null}',
    '{"t":50,"op":"call","name":"read"}',
    '{"t":50,"op":"r","reg":"0x92","len":1,"data":"01","rs":true}',
    '{"t":100,"op":"w","reg":"0x80","len":0,"data":""}',
    '{"t":150,"op":"d","us":10000}',
    '{"t":10150,"op":"r","reg":"0x80","len":2,"data":"0102","rs":false}',
    '{"t":10200,"op":"ret","value":{"value":36}}',
    '{"t":10200,"op":"call","name":"gone"}',
    '{"t":10200,"op":"w","reg":"0x80","len":1,"data":"01","ack":false}',
    '{"t":10250,"op":"ret","value":{"error":"no acknowledge at 0x39"}}',
    '{"t":10250,"op":"r","reg":"0x95","len":12,"data":"","rs":true,"fault":"timeout"}',
  ])

  const playback = new PlaybackBus(await readTranscript(join(folder, 'begin.jsonl')), {
    mode: 'strict',
    address: 0x39,
  })
  await t.rejects(playback.transfer(0x29, Uint8Array.of(), 0), {
    name: 'BusError',
    message: 'no acknowledge at 0x29',
  })
  await playback.transfer(0x39, Uint8Array.of(), 0)
  t.strictSame(await playback.transfer(0x39, Uint8Array.of(0x92), 1), Uint8Array.of(1))
  await playback.transfer(0x39, Uint8Array.of(0x80), 0)
  t.strictSame(await playback.transfer(0x39, Uint8Array.of(), 2), Uint8Array.of(1, 2))
  await t.rejects(playback.transfer(0x39, Uint8Array.of(0x80, 1), 0), {
    name: 'BusError',
    message: 'no acknowledge at 0x39',
  })
  t.throws(() => playback.done(), {
    message: /^begin:13: expected a read of 12 bytes at 0x95; got nothing more/,
  })
})

test('every transfer counts in the queue it was in: times are those on the bus', async (t) => {
  const clock = new VirtualClock()
  const recorder = new RecordingBus(counting(clock, 2), clock, { address: 0x39, registerBytes: 1 })
  await Promise.all([1, 2, 3].map((register) => recorder.transfer(0x39, Uint8Array.of(register), 1)))
  t.strictSame(
    recorder.recording('queue').entries.map((entry) => [entry.op, entry.us]),
    [
      ['read', 0],
      ['read', 2000],
      ['read', 4000],
    ],
    'and no wait in between',
  )
})

test('a name that would leave the folder, an index that is none, a line that is none', async (t) => {
  const folder = t.testdir({
    'index.json': '{}',
    'bad.jsonl': '{"op":"w","reg":"0x80","len":2,"data":"01"}\n',
  })
  const empty = { name: '../out', registerBytes: 1, entries: [], calls: [] } as const
  await t.rejects(writeTranscript(folder, empty), { name: 'RangeError', message: /^name "\.\.\/out"/ })
  await t.rejects(writeTranscript(folder, { ...empty, name: 'fine' }), {
    name: 'TranscriptError',
    message: /index\.json: expected a list/,
  })
  const wrong = [
    ['{"op":"w","reg":"0x80","len":2,"data":"01"}', /^x\.jsonl:2: data: "01": expected 2 bytes/],
    ['{"op":"w","reg":"80","len":1,"data":"01"}', /reg: "80": expected 0x and two or four digits/],
    ['{"op":"w","len":1,"data":"01"}', /reg: undefined: expected a text/],
    ['{"op":"w","reg":"0x80","len":-1,"data":""}', /len: -1: expected a number from 0 on/],
    ['{"op":"w","reg":"0x80","len":1,"data":"0"}', /data: "0": expected hexadecimal bytes/],
    ['{"op":"w","reg":"0x80","len":1,"data":"00","fault":"tired"}', /fault: "tired": expected no-bus/],
    ['{"op":"jump"}', /op: "jump": expected w, r, wait/],
    ['{"op":"w","reg":"0x7fff","len":1,"data":"00"}', /registers of one and of two bytes/],
    ['[]', /not an object/],
    ['{', /not JSON/],
  ] as const
  for (const [line, message] of wrong) {
    await writeFile(join(folder, 'x.jsonl'), `{"op":"r","reg":"0x80","len":1,"data":"00"}\n${line}\n`)
    await t.rejects(readTranscript(join(folder, 'x.jsonl')), { name: 'TranscriptError', message })
  }
  await mkdir(join(folder, 'blobs'), { recursive: true })
  await writeFile(join(folder, 'blobs', 'aa.bin'), Uint8Array.of(1, 2))
  const hash = '0'.repeat(64)
  const damaged = `{"op":"r","reg":"0x80","len":2,"sha256":"${hash}","blob":"blobs/aa.bin"}`
  await writeFile(join(folder, 'x.jsonl'), `${damaged}\n`)
  await t.rejects(readTranscript(join(folder, 'x.jsonl')), {
    message: /^x\.jsonl:1: blob: "blobs\/aa\.bin": expected a file of the length and hash/,
  })
  t.strictSame(
    (await readdir(folder)).filter((file) => /[0-9a-f]-[0-9a-f]/.test(file)),
    [],
    'nothing half written is left',
  )
})

for (const [name, least] of FOLDERS) {
  const folder = sharedData(name)
  test(
    `every transcript of ${name} is read, written again as it was, and played`,
    folder === undefined ? { skip: missing(name) } : {},
    async (t) => {
      const files = (await readdir(folder ?? '')).filter((file) => file.endsWith('.jsonl'))
      t.ok(files.length >= 25, `${files.length} transcripts`)
      let whole = 0
      for (const file of files) {
        const transcript = await readTranscript(join(folder ?? '', file))
        const { entries, registerBytes } = transcript
        const original = (await readFile(join(folder ?? '', file), 'utf8')).trimEnd().split('\n')
        t.strictSame(
          entries.map((entry) => comparable(lineOf(entry, registerBytes).text)),
          original.map(comparable),
          file,
        )
        if (await play(transcript)) whole += 1
      }
      // ST's own tables are known by their hash: nothing that could be said has it.
      t.ok(whole >= least, `${whole} played to their end`)
    },
  )
}

/** A line, letter by letter, but for the file of a written block (we keep none), and for blanks in a returned value. */
function comparable(text: string): string {
  const value = /^\{"t":\d+,"op":"ret"/.test(text) ? JSON.stringify(JSON.parse(text)) : text
  return value.replace(/, "blob": "[^"]+"/, '')
}

/** Says to the recorded device what was recorded. @returns whether all of it is known */
async function play(transcript: Transcript): Promise<boolean> {
  const playback = new PlaybackBus(transcript, { mode: 'strict' })
  const known = transcript.entries.filter(isTransfer)
  for (const entry of known) {
    const content = entry.bytes ?? new Uint8Array(entry.op === 'write' ? entry.length : 0)
    if (entry.bytes === undefined && entry.fault === undefined) return false
    const answer = playback.transfer(0x29, outOf(entry, transcript.registerBytes, content), lengthOf(entry))
    if (entry.fault === undefined) await answer
    else await answer.catch((error: unknown) => error)
  }
  playback.done()
  return true
}

function lengthOf({ op, length }: TransferEntry): number {
  return op === 'read' ? length : 0
}

function outOf(entry: TransferEntry, registerBytes: 1 | 2, content: Uint8Array): Uint8Array {
  const { op, register = 0, pointed = true } = entry
  if (entry.register === undefined || (op === 'read' && !pointed)) return new Uint8Array(0)
  const head = registerBytes === 1 ? [register] : [register >> 8, register & 0xff]
  return Uint8Array.of(...head, ...(op === 'write' ? content : []))
}

test('the numbers of an index are those of the recorded transfers', (t) => {
  const entries = [
    { op: 'write', register: 0x7fff, length: 1, bytes: Uint8Array.of(0) },
    { op: 'read', register: 0, length: 1, bytes: Uint8Array.of(0xf0) },
    { op: 'read', register: 1, length: 1, bytes: Uint8Array.of(0x0c) },
    { op: 'write', register: 0x7fff, length: 1, bytes: Uint8Array.of(2) },
  ] as const
  // As the index of ST's transcripts has them for `is_alive`.
  t.match(indexEntry({ name: 'is_alive', registerBytes: 2, entries, calls: [] }), {
    transactions: 4,
    tx_bytes: 2,
    rx_bytes: 2,
    wait_ms: 0,
    bus_bits: 172,
    bus_ms_400k: 0.43,
    bus_ms_1M: 0.17,
  })
  t.end()
})
