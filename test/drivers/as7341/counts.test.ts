import { readFileSync } from 'node:fs'
import { test } from 'tap'
import { z } from 'zod'
import {
  basicCounts,
  CHANNELS,
  decodeHalf,
  decodeSpectrum,
  fullScale,
  GAINS,
  gainCode,
  integrationMs,
} from '../../../drivers/as7341/counts.ts'
import { lampMaOf, ledCode } from '../../../drivers/as7341/registers.ts'
import { chain, HIGH_HALF, LOW_HALF, PIXEL_IDS, type Pixel } from '../../../drivers/as7341/smux.ts'
import { missing, sharedData } from '../../fakes/shared.ts'
import { decodeAs7341 } from '../../tools/decode-as7341.ts'

const EXPOSURE = { atime: 29, astep: 599 }
const LOW = '09000381050107820c0b37020a'
const HIGH = '09830f0415051a04160b37020a'

const PIXEL_NAMES = ['F1', 'F2', 'F3', 'F4', 'F5', 'F6', 'F7', 'F8', 'NIR'] as const

function pathOf(name: string): string | undefined {
  return sharedData(`as7341/${name}.public.json`)
}

/** Options of a test that needs recorded vectors. */
function recorded(name: string): { skip: string | false } {
  return { skip: pathOf(name) === undefined ? missing(`as7341/${name}.public.json`) : false }
}

function read(name: string): unknown {
  return JSON.parse(readFileSync(pathOf(name) ?? '', 'utf8'))
}

function bytes(hex: string): Uint8Array {
  return Uint8Array.from(Buffer.from(hex, 'hex'))
}

test('the chain of each half, byte for byte as ams and every driver have it', (t) => {
  t.equal(Buffer.from(chain(LOW_HALF)).toString('hex'), '3001000000420000500000002004003001500006')
  t.equal(Buffer.from(chain(HIGH_HALF)).toString('hex'), '0000004002001003501003000000240000500006')
  t.end()
})

test('no pixel is named twice, and none of them shares a place with another', (t) => {
  const ids = Object.values(PIXEL_IDS).flat()
  t.equal(new Set(ids).size, ids.length)
  t.ok(ids.every((id) => id >= 0 && id < 40))
  t.end()
})

test('a converter that the chip has not', (t) => {
  for (const adc of [-1, 6, 1.5]) t.throws(() => chain({ F1: adc }), RangeError)
  t.end()
})

test('recorded SMUX vectors', recorded('smux'), (t) => {
  const names: Readonly<Record<string, Pixel>> = {
    ...{ CLEAR: 'Clear', FLICKER: 'Flicker', DARK: 'Dark', EXT_GPIO: 'ExtGpio', EXT_INT: 'ExtInt' },
  }
  const pixel = z.string().transform((name): Pixel => names[name] ?? z.enum(PIXEL_NAMES).parse(name))
  const vectors = z.array(z.object({ map: z.record(z.string(), z.int()), bytes: z.string() }))
  for (const vector of vectors.parse(read('smux'))) {
    const assignments = Object.fromEntries(
      Object.entries(vector.map).map(([name, adc]) => [pixel.parse(name), adc]),
    )
    t.equal(Buffer.from(chain(assignments)).toString('hex'), vector.bytes, JSON.stringify(vector.map))
  }
  t.end()
})

test('recorded decode vectors', recorded('decode'), (t) => {
  const vectors = decodeAs7341(pathOf('decode') ?? '')
  t.equal(vectors.length, 22)
  for (const { name, different } of vectors) t.strictSame(different, [], name)
  t.end()
})

test('recorded vectors of every kind, through the tool that prints them', recorded('misc'), (t) => {
  for (const name of ['decode', 'smux', 'misc']) {
    const vectors = decodeAs7341(pathOf(name) ?? '')
    t.ok(vectors.length > 0, name)
    t.strictSame(
      vectors.filter(({ equal }) => !equal),
      [],
      name,
    )
  }
  t.end()
})

const misc = z.object({
  led: z.array(z.object({ ma: z.number(), code: z.int(), actual_ma: z.number() })),
  integration: z.array(z.object({ atime: z.int(), astep: z.int(), ms: z.number(), full_scale: z.int() })),
  invalid: z.array(z.object({ atime: z.int(), astep: z.int() })),
  gain_table: z.array(z.number()),
})

test('recorded integration times, gains and lamp currents', recorded('misc'), (t) => {
  const expected = misc.parse(read('misc'))
  for (const { atime, astep, ms, full_scale } of expected.integration) {
    t.equal(integrationMs(atime, astep), ms)
    t.equal(fullScale(atime, astep), full_scale)
  }
  for (const { atime, astep } of expected.invalid) t.throws(() => integrationMs(atime, astep), RangeError)
  t.strictSame(GAINS, expected.gain_table)
  for (const { ma, code, actual_ma } of expected.led) {
    t.equal(ledCode(ma), code)
    t.equal(lampMaOf(ledCode(ma)), actual_ma)
  }
  t.end()
})

test('what the chip cannot be set to', (t) => {
  for (const [atime, astep] of [
    [-1, 599],
    [256, 599],
    [29, -1],
    [29, 65535],
    [0, 0],
    [29.5, 599],
  ] as const) {
    t.throws(() => integrationMs(atime, astep), RangeError, `${atime}, ${astep}`)
    t.throws(() => fullScale(atime, astep), RangeError, `${atime}, ${astep}`)
  }
  for (const lampMa of [3.9, 259, Number.NaN]) t.throws(() => ledCode(lampMa), RangeError)
  for (const gain of [0, 3, 1024]) t.throws(() => gainCode(gain), RangeError)
  t.equal(gainCode(0.5), 0)
  t.equal(gainCode(512), 10)
  t.end()
})

test('a spectrum from its two halves', (t) => {
  const raw = bytes(LOW + HIGH)
  const spectrum = decodeSpectrum(raw, EXPOSURE, 1234.5)
  t.strictSame(spectrum, {
    kind: 'as7341',
    takenAt: 1234.5,
    counts: {
      F1_415nm: 768,
      F2_445nm: 1409,
      F3_480nm: 1793,
      F4_515nm: 3202,
      F5_555nm: 3971,
      F6_590nm: 5380,
      F7_630nm: 6661,
      F8_680nm: 5636,
      Clear: 14091,
      NIR: 2562,
    },
    gain: 256,
    integrationMs: 50.04,
    fullScale: 18000,
    saturated: [],
    drift: 0,
    raw,
    integration: EXPOSURE,
  })
  t.end()
})

test('Clear and NIR are the mean of the halves, and their change is the drift', (t) => {
  // Clear 14091 and 13091, NIR 2562 and 2563.
  const spectrum = decodeSpectrum(bytes(`${LOW}09830f0415051a04162333030a`), EXPOSURE, 0)
  t.equal(spectrum.counts.Clear, 13591)
  t.equal(spectrum.counts.NIR, 2562.5)
  t.equal(spectrum.drift, 1000 / 13591)
  t.end()
})

test('in the dark there is no drift to speak of', (t) => {
  const spectrum = decodeSpectrum(bytes('09'.padEnd(26, '0').repeat(2)), EXPOSURE, 0)
  t.equal(spectrum.counts.Clear, 0)
  t.equal('drift' in spectrum, false)
  t.end()
})

test('digital saturation names the channels at full scale, which is 18000 here and not 65535', (t) => {
  const f2Clear = bytes(`8900035046010782${'0c'}5046020a${HIGH}`)
  t.strictSame(decodeSpectrum(f2Clear, EXPOSURE, 0).saturated, ['F2_445nm', 'Clear'])
  t.end()
})

test('analogue saturation below full scale spoils all channels of its half', (t) => {
  const high = decodeSpectrum(bytes(`${LOW}8${HIGH.slice(1)}`), EXPOSURE, 0)
  t.strictSame(high.saturated, ['F5_555nm', 'F6_590nm', 'F7_630nm', 'F8_680nm', 'Clear', 'NIR'])
  const both = decodeSpectrum(bytes(`8${LOW.slice(1)}8${HIGH.slice(1)}`), EXPOSURE, 0)
  t.strictSame(both.saturated, CHANNELS)
  t.end()
})

test('analogue saturation beside a channel at full scale: STATUS2 tells, and the whole half is spoilt', (t) => {
  // F2 and Clear at full scale, F4 well below it: clipped as well, where the front end was the first to give up.
  const halves = `8900035046010782${'0c'}5046020a${HIGH}`
  t.strictSame(decodeSpectrum(bytes(`${halves}5040`), EXPOSURE, 0).saturated, ['F2_445nm', 'Clear'])
  t.strictSame(decodeSpectrum(bytes(`${halves}5840`), EXPOSURE, 0).saturated, [
    ...['F1_415nm', 'F2_445nm', 'F3_480nm', 'F4_515nm', 'Clear', 'NIR'],
  ])
  t.strictSame(
    decodeSpectrum(bytes(`${LOW}${HIGH}4848`), EXPOSURE, 0).saturated,
    [],
    'ASTATUS is of these counts',
  )
  const digital = decodeSpectrum(bytes(`8${LOW.slice(1)}${HIGH}5040`), EXPOSURE, 0)
  t.equal(digital.saturated.length, 6, 'ASAT without a count at full scale')
  t.end()
})

test('bytes that no chip sends', (t) => {
  const cases = {
    'a byte too few': LOW + HIGH.slice(2),
    'a byte too many': `${LOW}${HIGH}00`,
    'three bytes too many': `${LOW}${HIGH}404000`,
    'one half': LOW,
    'nothing answered: all ones': 'ff'.repeat(26),
    'a gain code beyond 10': `0b${LOW.slice(2)}${HIGH}`,
    'a reserved bit': `19${LOW.slice(2)}${HIGH}`,
    'halves of different gain': `08${LOW.slice(2)}${HIGH}`,
    'a count beyond full scale': `09514681050107820c0b37020a${HIGH}`,
  }
  for (const [name, hex] of Object.entries(cases)) {
    t.throws(() => decodeSpectrum(bytes(hex), EXPOSURE, 0), { name: 'SensorError', fault: 'corrupt' }, name)
  }
  t.throws(() => decodeHalf(new Uint8Array(12), EXPOSURE), { name: 'SensorError', fault: 'corrupt' })
  t.end()
})

test('an invalid gain code has no gain', (t) => {
  const half = decodeHalf(bytes(`0f${LOW.slice(2)}`), EXPOSURE)
  t.equal(half.gainCode, 15)
  t.equal('gain' in half, false)
  t.end()
})

test('basic counts: per ms and gain, for the channels there are', (t) => {
  const spectrum = decodeSpectrum(bytes(LOW + HIGH), EXPOSURE, 0)
  const basic = basicCounts(spectrum)
  t.match(Object.keys(basic ?? {}), CHANNELS)
  t.equal(basic?.F1_415nm, 768 / (256 * 50.04))
  t.equal(basic?.Clear, 14091 / (256 * 50.04))
  const foreign = { kind: 'as7341', takenAt: 0, counts: { F1_415nm: 100 }, saturated: [] } as const
  t.strictSame(basicCounts({ ...foreign, gain: 2, integrationMs: 10 }), { F1_415nm: 5 })
  t.equal(basicCounts({ ...foreign, gain: 2 }), undefined, 'without the exposure it cannot be said')
  t.equal(basicCounts({ ...foreign, integrationMs: 10 }), undefined)
  t.end()
})
