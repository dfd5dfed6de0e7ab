import { test } from 'tap'
import {
  CHANNELS,
  type Channel,
  decodeHalf,
  decodeSpectrum,
  type Exposure,
  fullScale,
  GAINS,
  gainCode,
  halvesOf,
  integrationMs,
  type Spectrum,
} from '../../../drivers/as7341/counts.ts'
import {
  EXPOSURE_LIMITS,
  type ExposureLimits,
  exposureAfterProbe,
  exposureFault,
  firstExposure,
  learntLimits,
  nextExposure,
  probeExposure,
} from '../../../drivers/as7341/exposure.ts'
import { chain, type Photodiode, PIXEL_IDS, PROBE } from '../../../drivers/as7341/smux.ts'
import { Random } from '../../../drivers/simulated/random.ts'
import { light, setUp } from './rig.ts'

/** Relative light of each channel, and of Clear: warm white, after the table of the datasheet. */
const WARM_WHITE: Readonly<Record<Channel, number>> = {
  ...{ F1_415nm: 0.055, F2_445nm: 0.11, F3_480nm: 0.21, F4_515nm: 0.39, F5_555nm: 0.59, F6_590nm: 0.84 },
  ...{ F7_630nm: 1.35, F8_680nm: 1.07, Clear: 1.75, NIR: 0.112 },
}

const HALVES: readonly (readonly Channel[])[] = [
  ['F1_415nm', 'F2_445nm', 'F3_480nm', 'F4_515nm', 'Clear', 'NIR'],
  ['F5_555nm', 'F6_590nm', 'F7_630nm', 'F8_680nm', 'Clear', 'NIR'],
]

/** What the chip would measure. `level` scales `shape` to counts per ms at gain 1. */
function spectrumOf(level: number, exposure: Exposure, shape = WARM_WHITE, analogueAt = 1): Spectrum {
  const limit = fullScale(exposure.atime, exposure.astep)
  const ms = integrationMs(exposure.atime, exposure.astep)
  const raw = HALVES.flatMap((channels) => {
    const counts = channels.map((channel) =>
      Math.min(limit, Math.floor(level * shape[channel] * exposure.gain * ms)),
    )
    const saturated = counts.some((count) => count >= limit || count > analogueAt * limit)
    return [
      (saturated ? 0x80 : 0) | gainCode(exposure.gain),
      ...counts.flatMap((count) => [count & 0xff, count >> 8]),
    ]
  })
  return decodeSpectrum(Uint8Array.from(raw), exposure, 0)
}

const SHORT = { atime: 29, astep: 599 }
const LONG = { atime: 59, astep: 599 }
const LONGEST = { atime: 119, astep: 599 }

/** Level at which warm white's Clear reaches a share of full scale at a gain. */
function levelOf(share: number, gain: number): number {
  return (share * 18000) / (WARM_WHITE.Clear * gain * integrationMs(29, 599))
}

test('an exposure that fits is left alone, and is the same object', (t) => {
  const exposure = { ...SHORT, gain: 16 }
  for (const share of [0.2, 0.5, 0.84]) {
    const spectrum = spectrumOf(levelOf(share, 16), exposure)
    t.equal(exposureFault(spectrum), undefined)
    t.equal(nextExposure(spectrum, exposure), exposure, `${share}`)
  }
  t.end()
})

test('too bright or too dark: the gain that brings the brightest channel below 60 %', (t) => {
  const cases = [
    // Share of full scale that Clear reaches at gain 16, and the gain that follows.
    [0.9, 8],
    [0.06, 128],
    [0.03, 256],
    [0.001, 512],
  ] as const
  for (const [share, gain] of cases) {
    const next = nextExposure(spectrumOf(levelOf(share, 16), { ...SHORT, gain: 16 }), { ...SHORT, gain: 16 })
    t.equal(next.gain, gain, `${share}`)
  }
  t.end()
})

test('saturated: by how much is unknown, so four gains less, and Clear alone is bounded by its filters', (t) => {
  const exposure = { ...SHORT, gain: 64 }
  const all = spectrumOf(levelOf(10, 64), exposure)
  t.ok(all.saturated.includes('F7_630nm'))
  t.equal(nextExposure(all, exposure).gain, 4)

  const clearAlone = spectrumOf(levelOf(1.2, 64), exposure)
  t.strictSame(clearAlone.saturated, ['Clear'])
  t.equal(nextExposure(clearAlone, exposure).gain, 8, 'the filters together see 3.2 times full scale')
  t.end()
})

test('analogue saturation: two gains less whatever the counts, and it is not come near again', (t) => {
  const exposure = { ...SHORT, gain: 64 }
  const spectrum = spectrumOf(levelOf(0.3, 64), exposure, WARM_WHITE, 0.2)
  t.strictSame(spectrum.saturated, CHANNELS)
  t.equal(nextExposure(spectrum, exposure).gain, 16)

  const halves = (seen: Spectrum) => halvesOf(seen.raw ?? new Uint8Array(), exposure)
  const learnt = learntLimits(EXPOSURE_LIMITS, halves(spectrum), exposure)
  t.ok(learnt.most < 0.25 && learnt.aim < 0.2 && learnt.least < learnt.aim / 2, JSON.stringify(learnt))
  t.equal(
    learntLimits(EXPOSURE_LIMITS, halves(spectrumOf(levelOf(2, 64), exposure)), exposure),
    EXPOSURE_LIMITS,
  )
  t.end()
})

test('a starving channel: more gain where there is room, else more time, else nothing', (t) => {
  const room = spectrumOf(levelOf(0.12, 16), { ...SHORT, gain: 16 })
  t.equal(exposureFault(room), 'starved')
  t.strictSame(nextExposure(room, { ...SHORT, gain: 16 }), { ...SHORT, gain: 64 })

  // One blue channel at 1/200 of Clear.
  const skewed = { ...WARM_WHITE, F1_415nm: WARM_WHITE.Clear / 200 }
  const full = spectrumOf(levelOf(0.5, 16), { ...SHORT, gain: 16 }, skewed)
  t.equal(full.counts.F1_415nm, 45)
  t.strictSame(nextExposure(full, { ...SHORT, gain: 16 }), { ...LONGEST, gain: 16 })

  // 0.33 of full scale may become 0.66, above `aim`, now that it starves; 0.38 not 0.77.
  for (const [share, gain] of [
    [0.3, 32],
    [0.35, 16],
  ] as const) {
    const starved = spectrumOf(levelOf(share, 16), { ...LONGEST, gain: 16 }, { ...skewed, F1_415nm: 0.004 })
    t.equal(nextExposure(starved, { ...LONGEST, gain: 16 }).gain, gain, `${share}`)
  }
  const scarce = spectrumOf(levelOf(0.5, 16), { ...LONGEST, gain: 16 }, { ...skewed, F1_415nm: 0.004 })
  t.equal(exposureFault(scarce), 'starved')
  const kept = { ...LONGEST, gain: 16 }
  t.equal(nextExposure(scarce, kept), kept)
  const glare = { ...SHORT, gain: 0.5 }
  t.equal(nextExposure(spectrumOf(1e4, glare), glare), glare)
  t.end()
})

test('a shorter integration again, once the dimmest has half as many counts again as it needs there', (t) => {
  const kept = { ...LONG, gain: 16 }
  const shapeOf = (counts: number) => ({ ...WARM_WHITE, F1_415nm: (WARM_WHITE.Clear * counts) / 9000 })
  const after = (counts: number) => nextExposure(spectrumOf(levelOf(0.5, 16), kept, shapeOf(counts)), kept)
  t.equal(after(60), kept, '120 now, 60 then')
  t.equal(after(140), kept, '280 now, 140 then: it would not stay')
  t.strictSame(after(160), { ...SHORT, gain: 16 })
  t.end()
})

test('a longer integration than there is to choose from stays, where the ones to choose from would starve', (t) => {
  const kept = { atime: 104, astep: 599, gain: 16 }
  const skewed = { ...WARM_WHITE, F1_415nm: WARM_WHITE.Clear / 200 }
  const spectrum = spectrumOf(levelOf(0.5, 16), kept, skewed)
  t.equal(exposureFault(spectrum), undefined)
  t.equal(nextExposure(spectrum, kept), kept)
  t.end()
})

test('what no integration saves costs no time: NIR under a lamp that has none, everything in the dark', (t) => {
  const dark = { ...LONGEST, gain: 512 }
  t.strictSame(nextExposure(spectrumOf(0, dark), dark), { ...SHORT, gain: 512 })
  const short = { ...SHORT, gain: 512 }
  t.equal(nextExposure(spectrumOf(0, short), short), short)
  const whiteLed = { ...WARM_WHITE, NIR: 0 }
  for (const exposure of [SHORT, LONGEST].map((integration) => ({ ...integration, gain: 16 }))) {
    const next = nextExposure(spectrumOf(levelOf(0.5, 16), exposure, whiteLed), exposure)
    t.strictSame(next, { ...SHORT, gain: 16 })
  }
  const hardly = { ...WARM_WHITE, NIR: (WARM_WHITE.Clear * 9) / 9000 }
  const seen = spectrumOf(levelOf(0.5, 16), { ...SHORT, gain: 16 }, hardly)
  t.strictSame(nextExposure(seen, { ...SHORT, gain: 16 }), { ...LONGEST, gain: 16 }, '36 counts are some')
  t.end()
})

test('a channel that may starve: NIR under a lamp that has none', (t) => {
  const channels = CHANNELS.filter((channel) => channel !== 'NIR')
  const whiteLed = spectrumOf(levelOf(0.5, 16), { ...SHORT, gain: 16 }, { ...WARM_WHITE, NIR: 0 })
  t.equal(exposureFault(whiteLed), 'starved')
  t.equal(exposureFault(whiteLed, { ...EXPOSURE_LIMITS, channels }), undefined)
  t.end()
})

test('beyond 182 ms full scale no longer grows with time: a longer integration must fit too', (t) => {
  const integrations = [SHORT, { atime: 239, astep: 599 }]
  const limits: ExposureLimits = { ...EXPOSURE_LIMITS, integrations }
  const skewed = { ...WARM_WHITE, F1_415nm: WARM_WHITE.Clear / 200 }
  const exposure = { ...SHORT, gain: 16 }
  const next = nextExposure(spectrumOf(levelOf(0.5, 16), exposure, skewed), exposure, limits)
  t.equal(next, exposure, '8 × 9000 counts are more than 65535')
  const dim = nextExposure(spectrumOf(levelOf(0.32, 16), exposure, skewed), exposure, limits)
  t.strictSame(dim, { ...exposure, atime: 239 })
  t.end()
})

test('limits that contradict themselves', (t) => {
  const wrong: readonly Partial<ExposureLimits>[] = [
    { integrations: [] },
    { integrations: [LONG, SHORT] },
    { integrations: [{ atime: 0, astep: 0 }] },
    { least: 0.3 },
    { most: 1.1 },
    { aim: 0.9 },
    { aim: Number.NaN },
  ]
  for (const limits of wrong) {
    t.throws(() => firstExposure({ ...EXPOSURE_LIMITS, ...limits }), RangeError, JSON.stringify(limits))
  }
  t.strictSame(firstExposure(EXPOSURE_LIMITS), { ...SHORT, gain: 16 })
  t.end()
})

/** Spectra until the exposure stays, at most ten. */
function settle(level: number, from: Exposure, shape = WARM_WHITE): readonly Exposure[] {
  const taken = [from]
  for (let exposure = from; taken.length < 10; ) {
    const next = nextExposure(spectrumOf(level, exposure, shape), exposure)
    if (next === exposure) break
    taken.push(next)
    exposure = next
  }
  return taken
}

test('whatever the light, it settles within five spectra, and neither saturates nor wastes range', (t) => {
  const failed: string[] = []
  for (let exponent = -3; exponent < 2.2; exponent += 0.01) {
    const level = 10 ** exponent
    const taken = settle(level, firstExposure(EXPOSURE_LIMITS))
    const last = taken.at(-1) ?? firstExposure(EXPOSURE_LIMITS)
    const { saturated, counts } = spectrumOf(level, last)
    const share = (counts.Clear ?? 0) / fullScale(last.atime, last.astep)
    if (taken.length > 5 || saturated.length > 0 || (share < 0.1 && last.gain < 512)) {
      failed.push(`level ${level}: ${taken.length} spectra, share ${share} at ${JSON.stringify(last)}`)
    }
  }
  t.strictSame(failed, [])
  t.end()
})

test('light that jumps: up to eight times as bright, the second try does not saturate', (t) => {
  const failed: string[] = []
  for (let jump = 1.1; jump <= 8; jump *= 1.07) {
    for (const share of [0.15, 0.3, 0.5, 0.8]) {
      const before = { ...SHORT, gain: 64 }
      const level = levelOf(share, 64) * jump
      const first = spectrumOf(level, before)
      const second = spectrumOf(level, nextExposure(first, before))
      if (second.saturated.length > 0) failed.push(`${jump} times ${share}`)
    }
  }
  t.strictSame(failed, [])
  t.end()
})

test('noise does not make it hunt: three changes at most in 200 spectra of a light that wavers by 3 %', (t) => {
  const random = new Random(7)
  const failed: string[] = []
  for (const gain of [1, 16, 256]) {
    for (let share = 0.11; share < 1; share += 0.04) {
      let exposure: Exposure = { ...SHORT, gain }
      let changes = 0
      for (let spectra = 0; spectra < 200; spectra += 1) {
        const level = levelOf(share, gain) * (1 + 0.03 * Math.max(-2, Math.min(2, random.normal())))
        const next = nextExposure(spectrumOf(level, exposure), exposure)
        if (next !== exposure) changes += 1
        exposure = next
      }
      if (changes > 3) failed.push(`gain ${gain}, share ${share}: ${changes} changes`)
    }
  }
  t.strictSame(failed, [])
  t.end()
})

/** The photodiodes' light of a level of warm white. */
function warmWhite(level: number, shape = WARM_WHITE): Record<Photodiode, number> {
  const entries = CHANNELS.map((channel) => [channel.split('_')[0], level * shape[channel]])
  return light(0, Object.fromEntries(entries))
}

test('the driver: one spectrum where the exposure fits, two where the light jumped, never more', async (t) => {
  let level = 1
  const { clock, chip, wires, open } = setUp({
    scene: { light: () => warmWhite(level) },
    driver: { exposure: 'auto', lampMa: 20 },
  })
  let conversions = 0
  wires.spoil = (answer) => {
    if (answer.length === 13) conversions += 1
    return answer
  }
  const sensor = await open()
  const take = async () => {
    conversions = 0
    const spectrum = await sensor.measure(clock.now())
    return { spectrum, tries: conversions / 2 }
  }
  const dim = await take()
  t.equal(dim.tries, 2)
  t.ok((dim.spectrum.gain ?? 0) > 16)
  t.equal((await take()).tries, 1, 'remembered')
  level = 30
  const bright = await take()
  t.equal(bright.tries, 2)
  t.strictSame(bright.spectrum.saturated, [])
  level = 1e5
  const glare = await take()
  t.equal(glare.tries, 2)
  t.ok(glare.spectrum.saturated.length > 0, 'a third would come too late: it says what it is')
  await take()
  level = 0
  for (const _ of [1, 2, 3]) await take()
  t.equal((await take()).tries, 1, 'in the dark nothing helps, so nothing is tried')
  t.equal(chip.state().lampMa, 0)
})

/** Whether some gain and integration to choose from leave every channel between starved and saturated. */
function possible(shape: Readonly<Record<Channel, number>>, level: number): boolean {
  const seen = CHANNELS.map((channel) => level * shape[channel])
  return [SHORT, LONG, LONGEST].some((integration) =>
    GAINS.some((gain) => {
      const counts = seen.map((one) => one * gain * integrationMs(integration.atime, integration.astep))
      const most = fullScale(integration.atime, integration.astep) - 1
      return Math.max(...counts) < most && Math.min(...counts) >= 101
    }),
  )
}

test('the driver: light and colour that jump over seven decades; two tries, and nothing saturates', async (t) => {
  const random = new Random(11)
  const failed: string[] = []
  let [cases, starved] = [0, 0]
  for (const ratio of [1.5, 30, 200]) {
    let shape = WARM_WHITE
    let level = 1
    const { clock, wires, open } = setUp({
      scene: { light: () => warmWhite(level, shape) },
      chip: { sigmaCounts: 0.5, normal: () => random.normal() },
      driver: { exposure: 'auto' },
    })
    const sensor = await open()
    let looks = 0
    wires.spoil = (answer) => {
      if (answer.length === 13) looks += 1
      return answer
    }
    for (let jump = 0; jump < 300; jump += 1) {
      level = 10 ** (7 * random.uniform() - 4.5)
      const entries = CHANNELS.map((channel) => [channel, ratio ** -random.uniform()])
      shape = Object.assign({ ...WARM_WHITE, Clear: 1 }, Object.fromEntries(entries), { Clear: 1 })
      looks = 0
      const { saturated, counts, gain } = await sensor.measure(clock.now())
      if (looks > 5) failed.push(`${looks} looks`)
      if (!possible(shape, level)) continue
      cases += 1
      if (saturated.length > 0) failed.push(`${level} at ${gain}: ${saturated} of ${JSON.stringify(shape)}`)
      if (Math.min(...Object.values(counts)) < EXPOSURE_LIMITS.leastCounts) starved += 1
    }
  }
  t.strictSame(failed, [])
  t.ok(cases > 300, `${cases} cases`)
  // A jump into darkness at a low gain shows the dimmest channel as a count or two.
  t.ok(starved < cases / 50, `${starved} starved`)
})

test('the driver: light that saturates takes the place of the other half with a look at all channels', async (t) => {
  let level = 0.1
  const { clock, wires, open } = setUp({
    scene: { light: () => warmWhite(level) },
    driver: { exposure: 'auto' },
  })
  const sensor = await open()
  await sensor.measure(clock.now())
  for (const jump of [1000, 1 / 1000, 100]) {
    level *= jump
    wires.writes.length = 0
    const { saturated, counts } = await sensor.measure(clock.now())
    t.strictSame(saturated, [], `${jump}`)
    t.ok(Math.min(...Object.values(counts)) >= 100, `${jump}`)
    t.equal(wires.writes.filter((write) => write === '8003').length, 4, `${jump}`)
  }
})

test('the look at the lowest gain sees each of the ten channels', (t) => {
  const map = chain(PROBE)
  for (const diode of ['F1', 'F2', 'F3', 'F4', 'F5', 'F6', 'F7', 'F8', 'Clear', 'NIR'] as const) {
    for (const id of PIXEL_IDS[diode])
      t.ok(((map[id >> 1] ?? 0) >> (4 * (id & 1))) & 0x0f, `${diode}, pixel ${id}`)
  }
  const exposure = probeExposure(EXPOSURE_LIMITS, { ...LONG, gain: 64 })
  t.strictSame(exposure, { ...SHORT, gain: 0.5 })
  const look = (count: number) =>
    decodeHalf(Uint8Array.of(0, count & 0xff, count >> 8, ...Array(10).fill(0)), SHORT)
  // 2159 of 18000 at gain 0.5 are 0.48 at gain 2, and 0.96 at gain 4.
  t.strictSame(exposureAfterProbe(look(2159), exposure, EXPOSURE_LIMITS), { ...LONGEST, gain: 2 })
  t.strictSame(exposureAfterProbe(look(0), exposure, EXPOSURE_LIMITS), { ...LONGEST, gain: 512 })
  t.strictSame(exposureAfterProbe(look(18000), exposure, EXPOSURE_LIMITS), { ...SHORT, gain: 0.5 })
  t.end()
})

test('the driver: the dimmer of two spectra where the light jumps up between them', async (t) => {
  let level = 0.12 / 16
  const { clock, chip, wires, open } = setUp({
    scene: { light: () => warmWhite(level * 100) },
    driver: { exposure: 'auto' },
  })
  const sensor = await open()
  let halves = 0
  wires.spoil = (answer) => {
    if (answer.length === 13) halves += 1
    if (halves === 2) level = 10
    return answer
  }
  const spectrum = await sensor.measure(clock.now())
  t.equal(halves, 4)
  t.strictSame(spectrum.saturated, [])
  t.equal(spectrum.gain, 16)
  t.equal(chip.state().registers.get(0x80), 1)
})

test('the driver: a front end that saturates early is learnt, and costs one second try', async (t) => {
  // Half of a digital full scale of 359.7 counts/ms.
  const { clock, wires, open } = setUp({
    scene: { light: () => warmWhite(3) },
    chip: { analogueLimit: 60 },
    driver: { exposure: 'auto' },
  })
  const sensor = await open()
  let halves = 0
  wires.spoil = (answer) => {
    if (answer.length === 13) halves += 1
    return answer
  }
  for (const _ of [1, 2, 3]) await sensor.measure(clock.now())
  halves = 0
  for (const _ of [1, 2, 3, 4, 5]) {
    t.strictSame((await sensor.measure(clock.now())).saturated, [])
  }
  t.equal(halves, 10)
})

test('the driver: a change of exposure that fails halfway is written again', async (t) => {
  let level = 1
  const { clock, wires, open } = setUp({
    scene: { light: () => warmWhite(level) },
    driver: { exposure: 'auto' },
  })
  const sensor = await open()
  await sensor.measure(clock.now())
  for (const register of ['81', 'ca', 'aa', '80']) {
    level = level === 0.5 ? 5 : 0.5
    let cut = true
    wires.cut = (write) => {
      const hit = cut && write.startsWith(register) && write.length > 2
      if (hit) cut = false
      return hit
    }
    await t.rejects(sensor.measure(clock.now()), { name: 'SensorError', fault: 'absent' }, register)
    const { gain, integrationMs: ms, counts } = await sensor.measure(clock.now())
    t.equal(counts.F7_630nm, Math.floor(level * 1.35 * (gain ?? 0) * (ms ?? 0)), register)
  }
})

test('the driver: limits and gains of its own choice', async (t) => {
  const limits = { ...EXPOSURE_LIMITS, integrations: [{ atime: 0, astep: 17999 }] }
  const { clock, open } = setUp({
    scene: { light: () => warmWhite(3) },
    driver: { exposure: 'auto', limits },
  })
  const spectrum = await (await open()).measure(clock.now())
  t.strictSame(spectrum.integration, { atime: 0, astep: 17999 })
  t.ok(GAINS.includes(spectrum.gain ?? 0))
  const wrong = setUp({ driver: { exposure: 'auto', limits: { ...limits, integrations: [] } } })
  await t.rejects(wrong.open(), RangeError)
})
