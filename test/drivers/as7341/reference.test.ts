import { test } from 'tap'
import {
  cctOf,
  chromaticityOf,
  deltaE,
  duvOf,
  labOf,
  luxOf,
  type Xyz,
  xyzOf,
} from '../../../drivers/as7341/colorimetry.ts'
import { CHANNELS, type Channel, GAINS, type Spectrum } from '../../../drivers/as7341/counts.ts'
import { COUNT_NOISE, GAIN_CORRECTIONS, type Light, lightOf } from '../../../drivers/as7341/light.ts'
import { driftSince, reflectance } from '../../../drivers/as7341/reflectance.ts'
import { Random } from '../../../drivers/simulated/random.ts'
import { light, setUp } from './rig.ts'

/** A spectrum as somebody else recorded it: counts and exposure. */
function spectrumOf(
  counts: readonly number[],
  gain: number,
  ms: number,
  saturated: Channel[] = [],
): Spectrum {
  return {
    kind: 'as7341',
    takenAt: 0,
    counts: Object.fromEntries(CHANNELS.map((channel, at) => [channel, counts[at] ?? 0])),
    gain,
    integrationMs: ms,
    saturated,
  }
}

function even(count: number, gain = 64, saturated: Channel[] = []): Spectrum {
  return spectrumOf(Array(10).fill(count), gain, 50, saturated)
}

/** @throws when there is none, which the test wants to hear */
function lightFrom(...spectra: readonly Spectrum[]): Light {
  const found = lightOf(spectra)
  if (found === undefined) throw new Error('no light')
  return found
}

test("ams' worked example: XYZ, chromaticity, lux and colour temperature, to its last digit", (t) => {
  const counts = [1074, 1910, 2749, 3156, 3378, 3304, 3852, 4193, 12407, 5032]
  const xyz = xyzOf(lightFrom(spectrumOf(counts, 512, 182)))
  t.strictSame(
    [xyz?.x, xyz?.y, xyz?.z].map((value) => value?.toFixed(5)),
    ['0.13498', '0.14594', '0.17119'],
  )
  if (xyz === undefined) throw new Error('no colour')
  const chromaticity = chromaticityOf(xyz)
  t.equal(chromaticity?.x.toFixed(5), '0.29856')
  t.equal(chromaticity?.y.toFixed(5), '0.32279')
  t.equal(chromaticity?.uPrime.toFixed(5), '0.19027')
  t.equal(chromaticity?.vPrime.toFixed(5), '0.46287')
  t.equal(luxOf(xyz).toFixed(2), '99.68')
  t.equal(cctOf(xyz, 'ams')?.toFixed(0), '7413')
  t.equal(cctOf(xyz)?.toFixed(0), '7403')
  t.end()
})

/** From chromaticity, at Y = 1. */
function xyzAt(x: number, y: number): Xyz {
  return { x: x / y, y: 1, z: (1 - x - y) / y }
}

test('colour temperature only near the black body', (t) => {
  // CIE 15: D65 lies 0.0032 above the locus, illuminant A on it.
  const [d65, a] = [chromaticityOf(xyzAt(0.31271, 0.32902)), chromaticityOf(xyzAt(0.44757, 0.40745))]
  if (d65 === undefined || a === undefined) throw new Error('no chromaticity')
  t.equal(duvOf(d65).toFixed(4), '0.0032')
  t.ok(Math.abs(duvOf(a)) < 1e-4)
  t.ok(Math.abs((cctOf(xyzAt(0.31271, 0.32902)) ?? 0) - 6504) < 5)
  t.ok(Math.abs((cctOf(xyzAt(0.44757, 0.40745)) ?? 0) - 2856) < 5)
  t.equal(cctOf(xyzAt(0.3, 0.6)), undefined, 'a green lamp has none')
  t.equal(cctOf({ x: 0, y: 0, z: 0 }), undefined, 'nor has the dark')
  t.equal(chromaticityOf({ x: 0, y: 0, z: 0 }), undefined)
  t.end()
})

test('Lab beside the white tile: white, black, grey, and the sRGB red of a textbook', (t) => {
  const white = { x: 0.95047, y: 1, z: 1.08883 }
  t.strictSame(labOf(white, white), { l: 100, a: 0, b: 0 })
  t.equal(labOf({ x: 0, y: 0, z: 0 }, white)?.l.toFixed(9), '0.000000000')
  const grey = labOf({ x: 0.18 * 0.95047, y: 0.18, z: 0.18 * 1.08883 }, white)
  t.equal(grey?.l.toFixed(2), '49.50')
  t.ok(grey !== undefined && deltaE(grey, { ...grey, a: 3, b: 4 }) === 5)
  // sRGB (255, 0, 0) in D65 (IEC 61966-2-1).
  const red = labOf({ x: 0.4124564, y: 0.2126729, z: 0.0193339 }, white)
  t.strictSame([red?.l.toFixed(2), red?.a.toFixed(2), red?.b.toFixed(2)], ['53.24', '80.09', '67.20'])
  t.equal(labOf(white, { x: 0, y: 1, z: 1 }), undefined)
  t.end()
})

test('light: comparable between exposures, corrected for what the gains really are', (t) => {
  const [at64, at512] = [lightFrom(even(1000, 64)), lightFrom(even(1000, 512))]
  t.equal(at64.channels.Clear?.value, 1000 / (64 * 50))
  t.equal(at512.channels.Clear?.value, 1000 * ((GAIN_CORRECTIONS[10] ?? 0) / (512 * 50)))
  t.equal(GAIN_CORRECTIONS.length, GAINS.length)
  t.strictSame(lightFrom(even(1, 512), even(1, 64)).gains, [64, 512])
  t.end()
})

test('light: what is not known is absent', (t) => {
  t.equal(lightOf([]), undefined)
  const { gain: _, ...unknownGain } = even(1000)
  t.equal(lightOf([unknownGain]), undefined)
  const saturated = lightFrom(even(1000), even(1000, 64, ['F3_480nm']))
  t.equal(saturated.channels.F3_480nm, undefined)
  t.equal(Object.keys(saturated.channels).length, 9)
  const lit = (lampMa: number): Spectrum => ({ ...even(1000), lampMa })
  t.throws(() => lightOf([lit(20), lit(40)]), RangeError)
  t.equal(lightFrom(lit(20)).lampMa, 20)
  t.end()
})

test('light: a count is uncertain by shot noise, readout and rounding, the mean of many by less', (t) => {
  const scale = 1 / (64 * 50)
  const one = lightFrom(even(1000)).channels.F1_415nm
  const { shotPerGain, readout } = COUNT_NOISE
  t.equal(one?.std, Math.sqrt(shotPerGain * 64 * 1000 + readout ** 2 + 1 / 12) * scale)
  const many = lightFrom(...Array<Spectrum>(16).fill(even(1000))).channels.F1_415nm
  t.ok(Math.abs((many?.std ?? 0) / (one?.std ?? 1) - 1 / 4) < 1e-12)
  const scattered = lightFrom(even(900), even(1100), even(900), even(1100)).channels.F1_415nm
  t.ok(Math.abs((scattered?.std ?? 0) / (scale * 57.7) - 1) < 0.01, 'more than the noise explains: it counts')
  const moved = lightFrom({ ...even(1000), drift: 0.02 }).channels.F1_415nm
  t.ok(Math.abs((moved?.std ?? 0) / (10 * scale) - 1) < 0.01, 'half of the drift')
  t.end()
})

test('reflectance: sample over white, both without the dark, times the certified tile', (t) => {
  const [sample, white, dark] = [lightFrom(even(3100)), lightFrom(even(6100)), lightFrom(even(100))]
  t.equal(reflectance(sample, white, dark).F5_555nm?.value, 0.5)
  t.equal(reflectance(sample, white, undefined).F5_555nm?.value, 3100 / 6100)
  const tile = { F5_555nm: 0.98 }
  t.strictSame(Object.keys(reflectance(sample, white, dark, { tile })), ['F5_555nm'])
  t.equal(reflectance(sample, white, dark, { tile }).F5_555nm?.value, 0.49)
  t.end()
})

test('reflectance: uncertain by lamp drift and by gains that differ', (t) => {
  const [sample, white, dark] = [lightFrom(even(5000)), lightFrom(even(10_000)), lightFrom(even(2))]
  const quiet = reflectance(sample, white, dark).Clear
  const drifting = reflectance(sample, white, dark, { lampDrift: 0.01 }).Clear
  t.ok(quiet !== undefined && quiet.std < 2e-4, `${quiet?.std}`)
  t.ok(Math.abs((drifting?.std ?? 0) - 0.005) < 1e-5)
  const otherGain = reflectance(lightFrom(even(5000, 128)), white, dark).Clear
  t.ok(Math.abs((otherGain?.std ?? 0) / (otherGain?.value ?? 1) - 0.0364) < 1e-3)
  t.end()
})

test('reflectance: uncertain by each of the three, the dark more the darker the sample', (t) => {
  const of = (value: number, std: number): Light => ({ channels: { Clear: { value, std } }, gains: [64] })
  const std = (sample: Light, white: Light, dark: Light): string | undefined =>
    reflectance(sample, white, dark).Clear?.std.toFixed(6)
  t.equal(std(of(30, 1), of(110, 0), of(10, 0)), '0.010000')
  t.equal(std(of(30, 0), of(110, 1), of(10, 0)), '0.002000')
  t.equal(std(of(30, 0), of(110, 0), of(10, 1)), '0.008000')
  t.end()
})

test('reflectance: no value where nothing can be said', (t) => {
  const black = lightFrom(even(2))
  t.strictSame(reflectance(lightFrom(even(5000)), black, black), {})
  const spoilt = lightFrom(even(5000, 64, ['F8_680nm']))
  t.equal(reflectance(spoilt, lightFrom(even(10_000)), undefined).F8_680nm, undefined)
  const lit = (lampMa: number): Light => lightFrom({ ...even(5000), lampMa })
  t.throws(() => reflectance(lit(20), lit(40), undefined), RangeError)
  t.end()
})

test('reflectance: the stated uncertainty is the scatter of 2000 noisy measurements', (t) => {
  const random = new Random(3)
  const noisy = (mean: number): Spectrum =>
    spectrumOf(
      CHANNELS.map(() => Math.floor(Math.max(0, mean + 5 * random.normal()) + random.uniform())),
      4,
      50,
    )
  const noise = { ...COUNT_NOISE, readout: 5 }
  const values: number[] = []
  let stated = 0
  for (let turn = 0; turn < 200; turn += 1) {
    const white = lightOf(
      Array.from({ length: 16 }, () => noisy(1200)),
      noise,
    )
    const dark = lightOf(
      Array.from({ length: 16 }, () => noisy(40)),
      noise,
    )
    const sample = lightOf([noisy(500)], noise)
    if (white === undefined || dark === undefined || sample === undefined) throw new Error('no light')
    for (const { value, std } of Object.values(reflectance(sample, white, dark))) {
      values.push(value)
      stated += std ** 2
    }
  }
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  const scatter = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length
  t.ok(Math.abs(mean - 460 / 1160) < 5e-4, `${mean}`)
  t.ok(
    Math.abs(Math.sqrt(scatter / (stated / values.length)) - 1) < 0.1,
    `${scatter} ${stated / values.length}`,
  )
  t.end()
})

test('drift: how far Clear and NIR of the same target moved, and what a dimmer lamp does not explain', (t) => {
  const then = lightFrom(spectrumOf([...Array(8).fill(1000), 10_000, 2000], 64, 50))
  const now = lightFrom(spectrumOf([...Array(8).fill(980), 9800, 2040], 64, 50))
  const { clear, nir, nirOverClear } = driftSince(then, now)
  t.equal(clear?.value.toFixed(6), '-0.020000')
  t.equal(nir?.value.toFixed(6), '0.020000')
  t.equal(nirOverClear?.value.toFixed(4), (1.02 / 0.98 - 1).toFixed(4))
  t.ok((clear?.std ?? 1) < 1e-3 && (nir?.std ?? 1) < 1e-3)
  const other = driftSince(then, lightFrom(spectrumOf([...Array(8).fill(980), 9800, 2040], 128, 50)))
  t.ok((other.clear?.std ?? 0) > 0.01 && (other.nirOverClear?.std ?? 1) < 1e-3, 'a gain moves both alike')
  t.strictSame(driftSince(then, lightFrom(even(1, 64, [...CHANNELS]))), {})
  t.end()
})

test('from the chip: white tile, dark and sample under its own lamp, a grey of 40 %', async (t) => {
  let paint = 1
  const { clock, chip, open } = setUp({
    scene: {
      light: (_, lampMa) => light(0.05 + paint * 0.02 * lampMa, { Clear: 0.05 + paint * 0.1 * lampMa }),
    },
    driver: { lampMa: 20, exposure: { atime: 29, astep: 599, gain: 64 } },
  })
  const sensor = await open()
  const white = await sensor.measure(clock.now())
  const dark = await sensor.measureDark(clock.now())
  paint = 0.4
  const grey = await sensor.measure(clock.now())
  t.equal(white.lampMa, 20)
  t.equal(dark.lampMa, 0)
  t.equal(chip.state().lampMa, 0)
  const found = reflectance(lightFrom(grey), lightFrom(white), lightFrom(dark))
  for (const channel of CHANNELS) {
    const { value, std } = found[channel] ?? { value: 0, std: 0 }
    t.ok(Math.abs(value - 0.4) < 3 * std && std < 2e-3, `${channel}: ${value} ± ${std}`)
  }
  const [xyz, whiteXyz] = [xyzOf(lightFrom(grey), lightFrom(dark)), xyzOf(lightFrom(white), lightFrom(dark))]
  if (xyz === undefined || whiteXyz === undefined) throw new Error('no colour')
  const lab = labOf(xyz, whiteXyz)
  t.ok(lab !== undefined && Math.abs(lab.l - 69.47) < 0.5 && Math.abs(lab.a) < 1 && Math.abs(lab.b) < 1)
})
