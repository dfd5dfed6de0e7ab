import type { Photodiode } from '../as7341/smux.ts'
import type { LightScene } from './as7341.ts'
import { SimulatedHall } from './hall.ts'
import { type Disturbances, RANGING, SPECTRAL } from './optics.ts'
import type { Part } from './parts.ts'
import { Random } from './random.ts'
import { exposureMiddle, TravellingTray } from './scene-belt.ts'
import { castPart, checkClearance } from './scene-body.ts'
import {
  type DisturbanceOptions,
  disturbancesOf,
  disturbed,
  drawDeadZones,
  lampLevel,
  siliconTemperature,
  strayLevel,
} from './scene-disturbances.ts'
import { bedGlow, type Glow, sampleLight, trayGlow } from './scene-light.ts'
import { spotGlow } from './scene-spot.ts'
import { castEmpty, type EmptyScene, type RayFan, type Sums } from './scene-tray.ts'
import { drawHeadErrors, type HeadErrors, type ZoneMeans, zoneMeans } from './scene-zones.ts'
import type { RangeScene, RangeView, ZoneEcho } from './vl53l8ch-scene.ts'

export interface SceneOptions extends DisturbanceOptions {
  /** An integer: fixes the head's errors and all noise. */
  readonly seed: number
  readonly tray?: EmptyScene['tray']
  /** Sensor to tray plane, mm; default 320. */
  readonly headHeightMm?: number
  /** Scale of all noise from frame to frame; default 1, 0 for none. */
  readonly noise?: number
  /** Scale of tilt and per-zone offsets; default 1, 0 for a perfect head. */
  readonly headErrors?: number
  /**
   * Where the light comes from: `station`, a lamp that always burns (default), or `chip`, the LED on the spectral
   * chip's own pin, dark when it is not driven.
   */
  readonly lamp?: 'station' | 'chip'
}

/** How things stand for the sensors: computed once when they change, so that each look is only noise. */
export interface View {
  readonly sums: Sums
  readonly glow: Glow
  /** Filled at the first look with so many zones. */
  readonly means: Map<16 | 64, ZoneMeans>
}

/** A tray, with a part or without, that travels under the heads along x. */
export interface Passage {
  readonly part: Part | undefined
  /** Where its centre is, mm from the optical axis. @param at ms of the simulation's clock */
  readonly placeMm: (at: number) => number
}

/** Streams of random numbers, so that one head's noise does not depend on how often the other looked. */
const STREAM = { station: 1, ranging: 2, spectral: 3, deadZones: 6, day: 7 } as const
const NO_TARGET = 255
const NO_ECHO: readonly ZoneEcho[] = []

/** What both heads of one station look at: the tray, and at most one part on it. */
export class Scene implements RangeScene, LightScene {
  /** What the station's own ranging head has wrong, for those who compare with the truth. */
  readonly head: HeadErrors
  /** Rise of the tray plane in mm per mm along x and y, as the head sees it. */
  readonly slope: { readonly x: number; readonly y: number }
  /** Of the 64, those that never see a target. */
  readonly deadZones: ReadonlySet<number>
  /** What the station suffers from. */
  readonly disturbances: Disturbances
  readonly #fan: RayFan
  readonly #empty: View
  readonly #rangeNoise: Random
  readonly #lightNoise: Random
  readonly #noise: number
  readonly #lamp: 'station' | 'chip'
  readonly #lampPhase: number
  readonly #hall: SimulatedHall
  readonly #dayPhase: number
  #travelling: TravellingTray | undefined
  #view: View
  #passage: Passage | undefined

  constructor(options: SceneOptions) {
    const { seed, tray, headHeightMm = RANGING.headHeightMm, noise = 1, headErrors = 1 } = options
    this.disturbances = disturbancesOf(options)
    const station = new Random(seed, STREAM.station)
    this.slope = { x: drawSlope(station, headErrors), y: drawSlope(station, headErrors) }
    this.head = drawHeadErrors(station, headErrors, this.disturbances.ambientKcps)
    const trayReflectance = station.between(...RANGING.trayReflectance)
    this.#lampPhase = station.between(0, 2 * Math.PI)
    this.deadZones = drawDeadZones(this.disturbances.deadZones, new Random(seed, STREAM.deadZones))
    this.#hall = new SimulatedHall(seed)
    this.#dayPhase = new Random(seed, STREAM.day).between(0, 2 * Math.PI)
    this.#rangeNoise = new Random(seed, STREAM.ranging)
    this.#lightNoise = new Random(seed, STREAM.spectral)
    this.#noise = noise
    this.#lamp = options.lamp ?? 'station'
    const scene: EmptyScene = { headHeightMm, slopeX: this.slope.x, slopeY: this.slope.y, trayReflectance }
    this.#fan = castEmpty(tray === undefined ? scene : { ...scene, tray })
    this.#empty = { sums: this.#fan.empty, glow: trayGlow(), means: new Map() }
    this.#view = this.#empty
  }

  /** What the heads would see of a part. It costs about ten looks. @throws RangeError when the part touches the head */
  prepare(part: Part): View {
    return { sums: castPart(this.#fan, part.pose), glow: part.glow, means: new Map() }
  }

  /** Puts a prepared part under the heads, or the empty tray. */
  show(view: View | 'empty'): void {
    this.#passage = undefined
    this.#view = view === 'empty' ? this.#empty : view
  }

  /**
   * Lets a tray travel under the heads: every look sees it where it is in the middle of the exposure. The height field is
   * the part's own; only the rays are cast anew. @throws RangeError when the part touches the head
   */
  pass(passage: Passage): void {
    if (passage.part !== undefined) checkClearance(this.#fan.scene, passage.part.pose)
    this.#travelling ??= new TravellingTray(this.#fan)
    this.#passage = passage
  }

  look(zones: 16 | 64, at: number, integrationMs = 0): RangeView {
    const means = this.#means(this.#viewAt(exposureMiddle(zones, at, integrationMs)), zones)
    const siliconTemperatureC = siliconTemperature(at)
    const driftMm = this.#noise * this.disturbances.driftMmPerK * (siliconTemperatureC - RANGING.siliconEndC)
    const ambient = new Float64Array(zones)
    const echoes: (readonly ZoneEcho[])[] = []
    for (let zone = 0; zone < zones; zone += 1) {
      const scatter = this.#noise * this.#rangeNoise.normal() * (means.ambientNoiseKcps[zone] ?? 0)
      ambient[zone] = Math.max(0, (means.ambientKcps[zone] ?? 0) + scatter)
      echoes.push(means.status[zone] === NO_TARGET ? NO_ECHO : [this.#echo(means, zone, driftMm)])
    }
    return { ambientKcpsPerSpad: ambient, spads: means.spads, echoes, siliconTemperatureC }
  }

  light(at: number, lampMa: number): Record<Photodiode, number> {
    const cycle = (2 * Math.PI * at) / SPECTRAL.driftPeriodMs + this.#lampPhase
    const drift = 1 + this.#noise * SPECTRAL.driftAmplitude * Math.sin(cycle)
    const level = lampLevel(this.disturbances, at, this.#hall.air(at))
    const lamp = drift * (this.#lamp === 'station' ? 1 : lampMa / SPECTRAL.lampMa) * level
    const stray = strayLevel(this.disturbances, at, this.#dayPhase)
    return sampleLight(this.#glowAt(at), { lamp, stray }, this.#lightNoise, this.#noise)
  }

  #viewAt(at: number): Pick<View, 'sums' | 'means'> {
    const passage = this.#passage
    if (passage === undefined || this.#travelling === undefined) return this.#view
    const { part } = passage
    const xMm = passage.placeMm(at)
    const fan = this.#travelling.at(xMm)
    const sums = part === undefined ? fan.empty : castPart(fan, { ...part.pose, xMm: part.pose.xMm + xMm })
    return { sums, means: new Map() }
  }

  #glowAt(at: number): Glow {
    const passage = this.#passage
    if (passage === undefined) return this.#view.glow
    const { tray } = this.#fan.scene
    const { glow } = this.#empty
    return spotGlow(
      { xMm: passage.placeMm(at), tray, part: passage.part },
      // A line without trays is calibrated on its bare bed.
      { tray: glow, bed: tray === undefined ? glow : bedGlow() },
    )
  }

  #means(view: Pick<View, 'sums' | 'means'>, zones: 16 | 64): ZoneMeans {
    const known = view.means.get(zones)
    if (known !== undefined) return known
    const sums = disturbed(view.sums, this.disturbances, this.deadZones)
    const means = zoneMeans(sums, this.head, zones, this.disturbances.shotNoise)
    view.means.set(zones, means)
    return means
  }

  #echo(means: ZoneMeans, zone: number, driftMm: number): ZoneEcho {
    const random = this.#rangeNoise
    const rangeScatter = this.#noise * random.normal() * (means.rangeNoiseMm[zone] ?? 0)
    const signalScatter = this.#noise * random.normal() * (means.signalNoise[zone] ?? 0)
    const rangeMm = (means.rangeMm[zone] ?? 0) + driftMm + rangeScatter
    const signal = (means.signalKcps[zone] ?? 0) * Math.max(0, 1 + signalScatter)
    return {
      rangeMm,
      sigmaMm: means.sigmaMm[zone] ?? 0,
      signalKcpsPerSpad: signal,
      // As the chip reckons it: whatever the surface's slope and the zone's place (recorded, see RANGING).
      reflectancePercent: (1e-4 * signal * rangeMm * rangeMm) / RANGING.signalAtOneMetre,
      status: means.status[zone] ?? NO_TARGET,
    }
  }
}

function drawSlope(random: Random, size: number): number {
  const { tiltDeg, tiltLimitDeg } = RANGING
  return size * Math.tan((random.clippedNormal(0, tiltDeg, -tiltLimitDeg, tiltLimitDeg) * Math.PI) / 180)
}
