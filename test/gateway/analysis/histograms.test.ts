import { readFileSync } from 'node:fs'
import { test } from 'tap'
import { z } from 'zod'
import { Random } from '../../../drivers/simulated/random.ts'
import { decodeHistograms, type Histograms } from '../../../drivers/vl53l8ch/histograms.ts'
import { type HistogramFinding, histogramFindings } from '../../../gateway/analysis/histograms.ts'
import { missing, sharedData } from '../../fakes/shared.ts'

const BIN_MM = 37.5348
/** From 0 in single bins: room for two echoes. */
const CONFIG = { startBin: 0, subSample: 1 }
const BINS = 48

interface Target {
  readonly mm: number
  readonly light: number
}

/** Gaussian pulses of 2.2 bins rms and noise of 1 per bin, as the chip packs them. */
function histogramOf(targets: readonly Target[], { noise = 1, seed = 1, sigmaBins = 2.2 } = {}): Histograms {
  const random = new Random(seed)
  const scaler = 12
  const mantissas = Int32Array.from({ length: BINS }, (_, bin) => {
    const light = targets.reduce((sum, { mm, light: total }) => {
      const off = (bin + 0.5 - mm / BIN_MM) / sigmaBins
      return sum + (total * Math.exp(-0.5 * off * off)) / (sigmaBins * Math.sqrt(2 * Math.PI))
    }, noise * random.normal())
    return Math.round(light * 2 ** scaler)
  })
  return {
    aggregates: 1,
    bins: BINS,
    referenceResidual: 0,
    mantissas,
    scalers: new Int8Array(BINS).fill(scaler),
    ambientMantissas: new Int32Array(1),
    ambientScalers: new Int8Array(1),
  }
}

function findingOf(histograms: Histograms): HistogramFinding {
  return histogramFindings([histograms], CONFIG)[0] ?? {}
}

test('an echo: where it is within a bin, how wide, how much light, the noise beside it', (t) => {
  for (const mm of [400, 612, 900]) {
    const { first, second, noise } = findingOf(histogramOf([{ mm, light: 500 }]))
    t.ok(Math.abs((first?.rangeMm?.estimate ?? 0) - mm) < 0.5 * BIN_MM, `${mm}: ${first?.rangeMm?.estimate}`)
    t.ok((first?.rangeMm?.std ?? 0) >= BIN_MM / Math.sqrt(12), 'no better than a bin is claimed')
    const width = first?.widthMm ?? { estimate: 0, std: 0 }
    t.ok(Math.abs(width.estimate - 2.3548 * 2.2 * BIN_MM) < 3 * width.std, `width ${width.estimate}`)
    t.ok(Math.abs((first?.light.estimate ?? 0) / 500 - 1) < 0.05)
    t.equal(second, undefined)
    t.ok((noise ?? 0) > 0.6 && (noise ?? 0) < 1.4, `noise ${noise}`)
  }
  t.end()
})

test('the range of many noisy echoes is right on average, and scatters less than it says', (t) => {
  const scores = Array.from({ length: 200 }, (_, seed) => {
    const { first } = findingOf(histogramOf([{ mm: 700, light: 120 }], { seed }))
    return ((first?.rangeMm?.estimate ?? 0) - 700) / (first?.rangeMm?.std ?? 1)
  })
  const mean = scores.reduce((sum, score) => sum + score, 0) / scores.length
  t.ok(Math.abs(mean) < 0.3, `${mean}`)
  t.ok(Math.sqrt(scores.reduce((sum, score) => sum + score * score, 0) / scores.length) < 1.2)
  t.end()
})

test('two echoes a pulse apart are two; nearer they are one, and it is wider', (t) => {
  const apart = findingOf(
    histogramOf([
      { mm: 500, light: 500 },
      { mm: 1300, light: 200 },
    ]),
  )
  t.ok(Math.abs((apart.second?.rangeMm?.estimate ?? 0) - 1300) < BIN_MM)
  const near = findingOf(
    histogramOf([
      { mm: 600, light: 300 },
      { mm: 720, light: 300 },
    ]),
  )
  const one = findingOf(histogramOf([{ mm: 660, light: 600 }]))
  t.equal(near.second, undefined)
  t.ok((near.first?.widthMm?.estimate ?? 0) > (one.first?.widthMm?.estimate ?? 0) + 10)
  t.end()
})

test('the skirt of a strong pulse is no second echo; a weak one apart from it is', (t) => {
  for (let seed = 0; seed < 50; seed += 1) {
    const strong = { mm: 500, light: 20_000 }
    const alone = findingOf(histogramOf([strong], { seed, sigmaBins: 2.5 }))
    t.equal(alone.second, undefined, `seed ${seed}`)
    const { second } = findingOf(histogramOf([strong, { mm: 1200, light: 200 }], { seed, sigmaBins: 2.5 }))
    t.ok(Math.abs((second?.light.estimate ?? 0) - 200) < 40, `seed ${seed}: ${second?.light.estimate}`)
  }
  t.end()
})

test('a tail behind the pulse is told from none by its uncertainty', (t) => {
  const clean = findingOf(histogramOf([{ mm: 600, light: 1000 }])).tail
  const scattered = findingOf(
    histogramOf([
      { mm: 600, light: 1000 },
      { mm: 600 + 8 * BIN_MM, light: 100 },
    ]),
  ).tail
  t.ok(Math.abs(clean?.estimate ?? 1) < 4 * (clean?.std ?? 0), `${clean?.estimate}`)
  t.ok((scattered?.estimate ?? 0) > 5 * (scattered?.std ?? 1), `${scattered?.estimate}`)
  t.end()
})

test('an echo that the end cuts has light, and no place', (t) => {
  const { first } = findingOf(histogramOf([{ mm: 30, light: 500 }]))
  t.ok((first?.light.estimate ?? 0) > 100)
  t.equal(first?.rangeMm, undefined)
  t.equal(first?.widthMm, undefined)
  t.end()
})

test('noise alone has no echo; nothing at all has no finding', (t) => {
  for (let seed = 0; seed < 100; seed += 1) {
    t.equal(findingOf(histogramOf([], { seed })).first, undefined, `seed ${seed}`)
  }
  t.same(findingOf(histogramOf([], { noise: 0 })), {})
  const none = { ...histogramOf([]), bins: 0, mantissas: new Int32Array(0), scalers: new Int8Array(0) }
  t.same(histogramFindings([none], CONFIG), [{}])
  t.end()
})

const CNH = 'vl53l8ch/frames_real.jsonl'
const cnhBlock = z.object({ kind: z.literal('cnh_block_only'), block: z.string() })

test('the recorded block: aggregates that see a wall, cut by the end of the window', (t) => {
  const path = sharedData(CNH)
  if (path === undefined) {
    t.pass(missing(CNH))
    t.end()
    return
  }
  const blocks = readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line.includes('"cnh_block_only"'))
    .map((line) => cnhBlock.parse(JSON.parse(line)).block)
  // Stored in host order: the bus carries each word the other way round.
  const words = Buffer.from(blocks[0] ?? '', 'hex').swap32()
  const findings = histogramFindings([decodeHistograms(words)], { startBin: 10, subSample: 2 })
  t.equal(findings.length, 16)
  for (const aggregate of [4, 5, 8, 9, 12, 13]) {
    const { first } = findings[aggregate] ?? {}
    t.ok((first?.light.estimate ?? 0) > 10, `aggregate ${aggregate} sees something`)
    t.equal(first?.rangeMm, undefined, 'whose pulse goes on past the last bin: no place is claimed')
  }
  for (const aggregate of [3, 7, 11])
    t.equal(findings[aggregate]?.first, undefined, `${aggregate} sees nothing`)
  for (const { noise = 1 } of findings) t.ok(noise > 0.2 && noise < 2, `noise ${noise}`)
  t.end()
})
