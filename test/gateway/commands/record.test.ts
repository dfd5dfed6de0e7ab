import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'tap'
import { z } from 'zod'
import { VirtualClock } from '../../../drivers/simulated/clock.ts'
import { generateFirmware } from '../../../drivers/simulated/firmware.ts'
import { readTranscript } from '../../../drivers/transcript/files.ts'
import { PlaybackBus } from '../../../drivers/transcript/playback-bus.ts'
import { Vl53l8ch } from '../../../drivers/vl53l8ch/vl53l8ch.ts'
import { recordCommand, recordHead } from '../../../gateway/commands/record.ts'
import { type Config, parseConfig } from '../../../gateway/config.ts'

const index = z.array(
  z.looseObject({
    file: z.string(),
    source: z.string(),
    transactions: z.number(),
    calls: z.array(z.looseObject({ cmd: z.string(), status: z.number() })),
  }),
)

function config(input: unknown = {}): Config {
  const parsed = parseConfig(input)
  if ('problems' in parsed) throw new Error(JSON.stringify(parsed.problems))
  return parsed.config
}

const signal = new AbortController().signal

test('a ranging head: what is recorded plays to its driver', async (t) => {
  const out = t.testdir()
  const clock = new VirtualClock()
  const order = { config: config(), head: 'tof', out, name: 'three', frames: 3, clock, signal }
  const { path, failure } = await recordHead(order)
  t.equal(failure, undefined)
  t.equal(path, join(out, 'three.jsonl'))
  const [entry] = index.parse(JSON.parse(await readFile(join(out, 'index.json'), 'utf8')))
  t.match(entry, { file: 'three.jsonl', source: 'simulated', targets_per_zone: 1, address: '0x29' })
  t.strictSame(
    entry?.calls.map(({ cmd, status }) => `${cmd} ${status}`),
    ['open 0', 'measure 0', 'next 0', 'next 0', 'close 0'],
  )

  const playback = new PlaybackBus(await readTranscript(path), { mode: 'lenient', address: 0x29 })
  const now = new VirtualClock()
  const options = { firmware: generateFirmware(1), zones: 64, rateHz: 15 } as const
  const head = await Vl53l8ch.open(playback, now, options)
  const frames = [await head.measure(now.now()), await head.next(), await head.next()]
  await head.close()
  playback.done()
  const shown = entry?.calls.flatMap(({ vl53l8ch }) => vl53l8ch ?? [])
  t.match(
    shown,
    frames.map(({ streamCount, rangeMm }) => ({ streamCount, rangeMm: [...rangeMm] })),
  )
})

test('a spectral head behind a multiplexer; both stand in one index', async (t) => {
  const out = t.testdir()
  const behind = config({
    buses: {
      host: { kind: 'simulated', hz: 400_000 },
      second: { kind: 'multiplexed', bus: 'host', channel: 2 },
    },
    heads: { colour: { kind: 'as7341', bus: 'second' }, other: { kind: 'as7341', bus: 'host', address: 56 } },
  })
  const order = { config: behind, out, frames: 2, clock: new VirtualClock(), signal }
  await recordHead({ ...order, head: 'colour', name: 'colour' })
  await recordHead({ ...order, head: 'colour', name: 'again' })
  await recordHead({ ...order, head: 'colour', name: 'colour' })
  const entries = index.parse(JSON.parse(await readFile(join(out, 'index.json'), 'utf8')))
  t.strictSame(
    entries.map(({ file }) => file),
    ['again.jsonl', 'colour.jsonl'],
    'a name stands there once',
  )
  const { entries: lines, registerBytes } = await readTranscript(join(out, 'colour.jsonl'))
  t.equal(registerBytes, 1)
  t.strictSame(
    lines.flatMap((entry) => (entry.op === 'call' ? entry.name : [])),
    ['open', 'measure', 'measure', 'close'],
  )
  t.notOk(
    lines.some((entry) => entry.op === 'write' && entry.length === 0),
    'what was said to the multiplexer is not part of it',
  )
})

test('a head that fails is recorded to its end', async (t) => {
  const out = t.testdir()
  const ended = AbortSignal.abort(new Error('interrupted'))
  const order = { config: config(), head: 'tof', out, name: 'cut', frames: 1, clock: new VirtualClock() }
  const { failure, entry } = await recordHead({ ...order, signal: ended })
  t.match(failure, { message: 'interrupted' })
  t.match(entry.calls, [{ cmd: 'open', status: 255, error: 'interrupted' }])
  await t.rejects(recordHead({ ...order, head: 'nose', signal }), {
    name: 'ConfigError',
    message: '--head nose: no such head: expected one of tof, spectral',
  })
})

test('the command says what it needs', async (t) => {
  const said: string[] = []
  t.intercept(process.stderr, 'write', { value: (text: string) => said.push(text) > 0 })
  const out = t.testdir()
  t.equal(await recordCommand(['--out', out]), 2)
  t.match(said.join(''), /poincon record --head ID/)
  t.equal(await recordCommand(['--head', 'tof', '--out', out, '--frames', '0']), 2)
  t.match(said.join(''), /--frames 0: expected 1 to 10000/)
  const file = join(t.testdir(), 'poincon.yaml')
  await writeFile(file, `data_dir: ${join(out, 'data')}\n`)
  await t.rejects(recordCommand(['--config', file, '--head', 'nose', '--out', out]), {
    message: /no such head: expected one of tof, spectral/,
  })
})
