import { test } from 'tap'
import { CHANNELS, type Channel } from '../../../drivers/as7341/counts.ts'
import { colourFlags, type FlagType } from '../../../gateway/analysis/colour-flags.ts'
import type { Reflectances } from '../../../gateway/analysis/reflectance.ts'

function surface(value: (nm: number) => number, std = 0.001, common = 0): Reflectances {
  const nm = (channel: Channel): number => Number(channel.slice(3, 6))
  return {
    basis: 'white-tile',
    value: Float64Array.from(CHANNELS, (channel) => value(nm(channel))),
    std: new Float64Array(CHANNELS.length).fill(std),
    common,
  }
}

function levelOf(type: FlagType, reflectances: Reflectances, bias = 0): string | undefined {
  return colourFlags(reflectances, { estimate: bias, std: 0.5 }).find((flag) => flag.type === type)?.level
}

const bloody = (ratio: number): Reflectances =>
  surface((nm) => (nm < 500 ? 0.15 : nm > 600 ? 0.15 * ratio : 0.2))
const green = (ratio: number): Reflectances => surface((nm) => (nm > 500 && nm < 580 ? 0.2 * ratio : 0.2))

test('each flag has the three thresholds of the quality references', (t) => {
  for (const [ratio, level] of [
    [1, 'none'],
    [2.49, 'none'],
    [2.51, 'minor'],
    [3.49, 'minor'],
    [3.51, 'major'],
    [5.01, 'critical'],
  ] as const) {
    t.equal(levelOf('hematoma', bloody(ratio)), level, `red over blue ${ratio}`)
  }
  for (const [ratio, level] of [
    [1, 'none'],
    [1.29, 'none'],
    [1.31, 'minor'],
    [1.61, 'major'],
    [2.01, 'critical'],
  ] as const) {
    t.equal(levelOf('bile', green(ratio)), level, `green over red ${ratio}`)
  }
  for (const [bias, level] of [
    [7.9, 'none'],
    [-8.1, 'minor'],
    [12.1, 'major'],
    [-16.1, 'critical'],
  ] as const) {
    t.equal(levelOf('oxidation', green(1), bias), level, `b* off by ${bias}`)
  }
  t.end()
})

test('a grey of any brightness, and whatever all channels share, raises none', (t) => {
  for (const grey of [0.05, 0.5, 1.1]) {
    for (const { level, value, type } of colourFlags(
      surface(() => grey, 0.001, 0.2),
      { estimate: 0, std: 1 },
    )) {
      t.equal(level, 'none', type)
      if (type !== 'oxidation') t.ok(Math.abs(value.estimate - 1) < 1e-12 && value.std < 0.05)
    }
  }
  t.end()
})

test('a flag says how probable it is', (t) => {
  const [at] = colourFlags(bloody(2.5), undefined)
  t.ok(Math.abs((at?.probability ?? 0) - 0.5) < 1e-3)
  const [sure] = colourFlags(bloody(3.2), undefined)
  t.ok((sure?.probability ?? 0) > 0.999)
  t.end()
})

test('what cannot be looked at has no flag', (t) => {
  const blind = surface(() => 0.5)
  blind.value[CHANNELS.indexOf('F7_630nm')] = Number.NaN
  t.same(colourFlags(blind, undefined), [], 'without 630 nm neither blood nor bile, without Lab no oxidation')
  t.notOk(
    colourFlags(
      surface((nm) => (nm < 500 ? 0.001 : 0.5)),
      undefined,
    ).some(({ type }) => type === 'hematoma'),
    'no blue that stands out of its noise: no ratio',
  )
  t.end()
})
