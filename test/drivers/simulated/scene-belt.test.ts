import { test } from 'tap'
import { SimulatedLine } from '../../../drivers/simulated/line.ts'
import { LIGHT_CHANNELS } from '../../../drivers/simulated/optics.ts'
import { partOf } from '../../../drivers/simulated/parts.ts'
import { PROFILES } from '../../../drivers/simulated/profiles.ts'
import { Scene } from '../../../drivers/simulated/scene.ts'
import { exposureMiddle, TravellingTray } from '../../../drivers/simulated/scene-belt.ts'
import { castEmpty } from '../../../drivers/simulated/scene-tray.ts'
import type { RangeView } from '../../../drivers/simulated/vl53l8ch-scene.ts'

const TRAY = { lengthMm: 300, widthMm: 180, rimMm: 5 }
const PERFECT = { seed: 1, noise: 0, headErrors: 0 } as const

/** A clock that is told the time. */
class Hand {
  ms = 0
  now(): number {
    return this.ms
  }
}

function rangesOf(view: RangeView): number[] {
  return view.echoes.map(([echo]) => echo?.rangeMm ?? 0)
}

test('under the axis a moving part reads, to the last bit, as a still one; elsewhere as one placed there', (t) => {
  // Its ends are out of the field: as long as they are, only the part's place counts.
  const scene = new Scene({ seed: 3, tray: { ...TRAY, lengthMm: 400 }, noise: 0 })
  const lit = (): unknown => ({ ...scene.light(1e7, 0), Flicker: 0 })
  const part = partOf({ rotationDeg: 40, xMm: 3, yMm: -4 })
  scene.show(scene.prepare(part))
  const still = scene.look(64, 1e7)
  const light = lit()
  let place = 0
  scene.pass({ part, placeMm: () => place })
  t.strictSame(scene.look(64, 1e7), still)
  t.strictSame(lit(), light)
  place = 12
  const there = scene.look(64, 1e7)
  scene.show(scene.prepare(partOf({ rotationDeg: 40, xMm: 15, yMm: -4 })))
  t.strictSame(there.echoes, scene.look(64, 1e7).echoes)
  t.end()
})

test('the tray moves with its rim: as a tray cast where it is', (t) => {
  for (const rimMm of [5, 40]) {
    const bare = {
      headHeightMm: 320,
      slopeX: 0.004,
      slopeY: -0.006,
      trayReflectance: 72,
      tray: { ...TRAY, rimMm },
    }
    const travelling = new TravellingTray(castEmpty(bare))
    for (const trayXMm of [-500, -268, -155, 0, 20, 71, 160, 284.4]) {
      const { empty } = castEmpty({ ...bare, trayXMm })
      const found = travelling.at(trayXMm).empty
      const expected = [empty.signal, empty.first, empty.second]
      t.strictSame([found.signal, found.first, found.second], expected, `${trayXMm} mm, rim ${rimMm} mm`)
    }
  }
  t.end()
})

test('a part comes, passes and goes, at the speed of the belt and in the middle of the exposure', (t) => {
  const clock = new Hand()
  clock.ms = 5000
  const line = new SimulatedLine({ ...PERFECT, emptyRate: 0, belt: { clock, mmPerS: 100, fromMm: -250 } })
  t.same(line.belt, { clock, mmPerS: 100, fromMm: -250 })
  const truth = line.next()
  t.equal(line.part?.truth, truth)
  /** Centre of what stands out of the tray, along the belt. */
  const centre = (at: number): number | undefined => {
    let [sum, weight] = [0, 0]
    for (const [zone, range] of rangesOf(line.scene.look(64, at)).entries()) {
      const height = 320 - range
      if (height < 12) continue
      sum += height * (((zone % 8) - 3.5) / 8) * 2 * Math.tan(Math.PI / 8) * range
      weight += height
    }
    return weight === 0 ? undefined : sum / weight
  }
  t.equal(centre(5000), undefined, 'not yet in the field')
  const xMm = truth.present ? truth.xMm : Number.NaN
  for (const at of [7000, 7250, 7500, 7750]) {
    const expected = -250 + line.travelMm(at) + xMm
    const seen = centre(at) ?? Number.NaN
    t.ok(Math.abs(seen - expected) < 8, `at ${expected.toFixed(1)} mm, seen at ${seen.toFixed(1)}`)
  }
  t.equal(centre(10_000), undefined, 'gone')
  t.equal(line.travelMm(7500), 250)
  // Four exposures of 16 ms make a frame of 64 zones: 32 ms before its end it is where it is seen.
  t.equal(exposureMiddle(64, 7532, 16), 7500)
  t.equal(exposureMiddle(16, 7508, 16), 7500)
  const now = line.scene.look(64, 7532, 16)
  t.strictSame(now.echoes, line.scene.look(64, 7500).echoes)
  clock.ms = 20_000
  t.equal(line.next().number, 2)
  t.equal(centre(20_000), undefined, 'the next one enters where the first did')
  t.ok(centre(22_500) !== undefined)
  line.clear()
  t.equal(line.part, undefined)
  t.ok(
    rangesOf(line.scene.look(64, 22_500)).every((range) => Math.abs(range - 320) < 2),
    'the empty tray stands still',
  )
  t.end()
})

test('the spectral spot sees bed, tray and part as they come', (t) => {
  const clock = new Hand()
  const line = new SimulatedLine({ ...PERFECT, emptyRate: 0, belt: { clock, mmPerS: 100, fromMm: -250 } })
  const tray = line.scene.light(0, 0)
  line.place(partOf({ temperatureC: 25, ambientCounts: 100 }))
  const at = (placeMm: number): number => 10 * (placeMm + 250)
  const product = line.scene.light(at(0), 0)
  for (const channel of LIGHT_CHANNELS) {
    const bed = line.scene.light(at(-250), 0)[channel]
    t.ok(bed < 0.6 * tray[channel], `${channel}: a darker bed`)
    t.ok(Math.abs(line.scene.light(at(-120), 0)[channel] / tray[channel] - 1) < 1e-9, 'then the tray')
    const [low, high] = [product[channel], tray[channel]].sort((a, b) => a - b)
    const edge = line.scene.light(at(-85), 0)[channel]
    t.ok(edge > (low ?? 0) && edge < (high ?? 0), 'then a little of both')
    t.equal(line.scene.light(at(-40), 0)[channel], product[channel], 'then the part alone')
  }
  t.end()
})

test('who moves: a line with a belt that has a speed, its own or its profile’s', (t) => {
  const clock = new Hand()
  const profile = 'foiegras_haute_resolution'
  t.equal(PROFILES[profile].beltMmPerS, 100)
  t.match(new SimulatedLine({ seed: 1, profile, belt: { clock } }).belt, { mmPerS: 100, fromMm: -300 })
  t.equal(new SimulatedLine({ seed: 1, profile }).belt, undefined, 'no belt, no movement')
  t.equal(new SimulatedLine({ seed: 1, belt: { clock } }).belt, undefined, 'a belt that stops for each part')
  const still = new SimulatedLine({ seed: 1, emptyRate: 0, belt: { clock } })
  const plain = new SimulatedLine({ seed: 1, emptyRate: 0 })
  t.strictSame(still.next(), plain.next())
  t.strictSame(still.scene.look(64, 5), plain.scene.look(64, 5))
  t.equal(still.travelMm(1e6), 0)
  t.throws(
    () => new SimulatedLine({ seed: 1, belt: { clock, mmPerS: -1 } }),
    /belt.mmPerS: -1: expected at least 0/,
  )
  t.throws(() => new SimulatedLine({ seed: 1, belt: { clock, fromMm: Number.NaN } }), /belt.fromMm: NaN/)
  const moving = new SimulatedLine({ seed: 1, belt: { clock, mmPerS: 50 } })
  t.throws(() => moving.place(partOf({ heightMm: 330 })), /part 330 mm high under a head at 320 mm/)
  t.end()
})

test('a profile of one’s own, trays that come empty, and a pool: also on a belt', (t) => {
  const clock = new Hand()
  const profile = { lengthMm: 120, widthMm: 80, margin: 0, type: 'normal', only: 'premium' } as const
  const line = new SimulatedLine({
    ...PERFECT,
    profile,
    emptyRate: 0.3,
    belt: { clock, mmPerS: 100, fromMm: 0 },
  })
  line.repeat(12)
  const round = (): unknown[] =>
    Array.from({ length: 12 }, () => {
      const truth = line.next()
      const highest = 320 - Math.min(...rangesOf(line.scene.look(64, clock.ms)))
      t.equal(highest > 40, truth.present, `${truth.number}: ${highest.toFixed(0)} mm`)
      t.equal(truth.tray, false)
      return truth
    })
  const once = round()
  t.strictSame(round(), once)
  t.ok(JSON.stringify(once).includes('"present":false'))
  t.end()
})
