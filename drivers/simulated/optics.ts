/**
 * Every physical number of the simulated scene, each with where it comes from. "Recorded" are the published captures
 * of real VL53L8CH/CX chips by the DEPZ sensor SDK (MIT); they fix orders of magnitude, not a data sheet.
 */
export const RANGING = {
  /** Sensor to tray plane along the optical axis; at 320 mm the 45° field covers a 300 mm tray (facts/VL53L8CH.md §13). */
  headHeightMm: 320,
  /** Tangent of one zone's width: the 45° field cut into eight (DS14161 rev 12; facts §13). */
  zoneWidth: (2 * Math.tan(Math.PI / 8)) / 8,
  /** Share of a zone's width over which its sensitivity falls at each edge: lens blur. Assumed, a fifth. */
  blur: 0.2,
  /** Sub-rays along each side of a zone's footprint. */
  raysPerSide: 5,
  /**
   * Return of a white, perpendicular surface at 1 m, kcps/spad. Recorded: the chip's reflectance is signal × d² / 191
   * within 1 % over 0.13…2.2 m, in all zones alike.
   */
  signalAtOneMetre: 191,
  /** A Lambertian surface seen through a lens: cos⁴ of the angle to the axis (natural vignetting). */
  vignettingPower: 4,
  /** Smallest cosine of incidence that counts: fat scatters below its surface, no flank is black. Assumed. */
  leastCosine: 0.05,
  /** The chip uses as many of 16 SPADs of a zone as keep their sum below this, kcps. Recorded: 32…37 × 10³. */
  spadBudgetKcps: 32_000,
  spadsPerZone: 16,
  /** The chip reports SPADs in steps of 1/256 (its threshold scale; facts §7). */
  spadUnit: 256,
  /** Ambient light at 940 nm, kcps/spad, and its spread from zone to zone. Recorded indoors: 1…18. */
  ambientKcps: 5,
  ambientSpread: 0.3,
  /**
   * Time in which a frame of 8×8 at 15 Hz really counts, ms. Recorded: ambient scatters by 0.88 √(kcps/SPADs) from
   * frame to frame, which is Poisson at 1 / 0.88² ms.
   */
  countingMs: 1.3,
  /** Width (rms) of the light pulse as a distance: about 10 bins of 37.5 mm at half height (facts §8). */
  pulseRmsMm: (10 * 37.5348) / 2.3548,
  /** What scatters however strong the signal is: range, and signal relative. Recorded: 0.3…0.6 mm and 0.2…0.6 % at contact. */
  rangeFloorMm: 0.4,
  signalFloor: 0.002,
  /**
   * The chip's own estimate, wider than the truth: √(1² + 200² (signal + ambient) / (signal² SPADs)) mm with signal and
   * ambient in kcps/spad. Recorded: 1.0…1.1 at contact, a factor of 150…250 at 0.3…2.2 m.
   */
  sigmaFloorMm: 1,
  sigmaShotMm: 200,
  /** Per-zone offset that calibration on the empty tray removes: order of ±15 mm below 200 mm in the family (facts §13). */
  zoneOffsetMm: 3,
  zoneOffsetLimitMm: 8,
  /** Drift of all zones with the silicon's temperature, mm/K. Assumed. */
  driftMmPerK: 0.03,
  /** Silicon temperature at the clock's 0, its end, and how fast it goes there. Recorded: 36…40 °C. */
  siliconStartC: 35,
  siliconEndC: 39,
  siliconWarmUpMs: 300_000,
  /** Tilt between head and tray, degrees (standard deviation about each axis, limit). Assumed for a bolted bracket. */
  tiltDeg: 0.3,
  tiltLimitDeg: 0.8,
  /** Fewer counts in a frame are no target. Assumed. */
  leastCounts: 10,
  /** A weaker signal is status 1, a wider estimate status 3. Recorded: valid down to 9.5 kcps/spad, up to 34 mm. */
  weakKcps: 4,
  wideSigmaMm: 35,
  /** Depths of one footprint that spread (rms) further than this merge into one broadened pulse: status 9. Assumed. */
  mergedSpreadMm: 30,
  /** Width of the tray's rim; its height is the profile's. Assumed. */
  rimWidthMm: 4,
  /** Reflectance at 940 nm, percent: the tray's is drawn from 65…80 (facts/SQAL.md §2); the bed beside it is assumed. */
  trayReflectance: [65, 80],
  bedReflectance: 40,
} as const

/** What the parts are made of. */
export const PRODUCT = {
  /** The original's (facts/SQAL.md §5); published: fat 0.836, emulsion 0.928 (10.1080/10942912.2016.1171776). */
  densityGPerCm3: 0.947,
} as const

export const LIGHT_CHANNELS = ['F1', 'F2', 'F3', 'F4', 'F5', 'F6', 'F7', 'F8', 'NIR', 'Clear'] as const
export type LightChannel = (typeof LIGHT_CHANNELS)[number]

/** One channel of the spectral head. */
export interface ChannelOptics {
  /** Counts of the ideal product at gain 1 in 100 ms, at 25 °C (facts/SQAL.md §2). */
  readonly reference: number
  /** Relative change from freshness 1 to 0 (same). */
  readonly ageing: number
  /** Relative change from oxidation 0 to 1 (same). */
  readonly oxidation: number
  /** Relative change from fat 1 to 0: the factor 0.7 + 0.3 fat of F6 and F7 (same). */
  readonly fat: number
  /**
   * Reflectance of the ideal product, 0…1. With the tray's it fixes what the empty tray shows: an ivory product, whose
   * reflectance rises to the red; Clear and NIR keep the tray within the converter's range at gain 4. Assumed.
   */
  readonly reflectance: number
}

export const SPECTRAL = {
  channels: {
    F1: { reference: 400, ageing: -0.4, oxidation: -0.3, fat: 0, reflectance: 0.36 },
    F2: { reference: 600, ageing: -0.3, oxidation: -0.2, fat: 0, reflectance: 0.41 },
    F3: { reference: 500, ageing: -0.2, oxidation: 0.1, fat: 0, reflectance: 0.47 },
    F4: { reference: 1900, ageing: 0.1, oxidation: 0.2, fat: 0, reflectance: 0.52 },
    F5: { reference: 900, ageing: 0.2, oxidation: -0.1, fat: 0, reflectance: 0.56 },
    F6: { reference: 600, ageing: -0.1, oxidation: 0.4, fat: -0.3, reflectance: 0.62 },
    F7: { reference: 1150, ageing: -0.3, oxidation: -0.2, fat: -0.3, reflectance: 0.68 },
    F8: { reference: 750, ageing: -0.5, oxidation: -0.4, fat: 0, reflectance: 0.71 },
    NIR: { reference: 600, ageing: 0.15, oxidation: 0.1, fat: 0, reflectance: 0.6 },
    Clear: { reference: 6500, ageing: -0.25, oxidation: -0.15, fat: 0, reflectance: 0.62 },
  } satisfies Record<LightChannel, ChannelOptics>,
  /**
   * Radius of the spot on the tray plane that the head sees, on the optical axis, mm. Only a moving part can leave it.
   * Assumed: a lens or tube that narrows the ±40° of the bare chip (facts/AS7341.md §3).
   */
  spotRadiusMm: 15,
  /** Grey reflectance of the tray in all channels: the white reference until a tile has been measured. Assumed. */
  trayReflectance: 0.75,
  /** The same of the bed beside it, as at 940 nm. Assumed. */
  bedReflectance: 0.4,
  /** What the references were counted in, ms. */
  referenceMs: 100,
  /** Relative change per kelvin of the part's temperature from 25 °C (facts/SQAL.md §2). */
  perKelvin: 0.001,
  referenceTemperatureC: 25,
  /** Ambient light that the empty tray adds to Clear, counts in 100 ms; a part brings its own (same). */
  ambientCounts: 100,
  /** Noise of one channel: 5 raw counts at gain 4 and 100 ms (same), counts per ms at gain 1. */
  noise: 5 / (4 * 100),
  /** Ripple common to all channels of one conversion, relative. Assumed for a driven LED. */
  ripple: 0.0005,
  /** Slow drift of the lamp: amplitude (relative) and period. Assumed. */
  driftAmplitude: 0.004,
  driftPeriodMs: 1_800_000,
  /** Current at which the chip's own LED is as bright as the station's light, mA. Assumed. */
  lampMa: 20,
  /** Flicker detector: 0…2 counts in 100 ms (facts/SQAL.md §2). */
  flickerCounts: 2,
  /** Dark: at most 3 counts at gain 512 in 98 ms with autozero (facts/AS7341.md §3). */
  dark: 1 / (512 * 98),
} as const

/** What a station suffers from beyond noise, offsets and tilt. The quiet station of `QUIET` has next to none of it. */
export interface Disturbances {
  /**
   * Share of each of its four neighbours' light that a zone sees besides its own: stray light in the lens. Recorded at
   * the border of a target at contact: zones with a tenth of their neighbour's signal, which may as well be partly
   * covered. So it is less than that; how much is assumed.
   */
  readonly zoneCrosstalk: number
  /**
   * What the chip's compensation leaves of the cover glass's reflection, kcps/spad at `glassMm`: it merges with the
   * pulse and draws a zone nearer. Recorded without compensation, before a wall 2 m away: 1,350…2,500 at 9…22 mm.
   */
  readonly coverGlassKcps: number
  /** How many zones, drawn from the seed, or which of the 64, never see a target: dirt, or SPADs that failed. */
  readonly deadZones: number | readonly number[]
  /** Ambient light at 940 nm, kcps/spad; it widens the range noise (see `RANGING.ambientKcps`). */
  readonly ambientKcps: number
  /**
   * Factor on the shot noise of ranges. Recorded: 1 at contact (a still target, 38 frames), 1.6 at 1.7…2.2 m (three
   * frames just after the start, whose drift is in it).
   */
  readonly shotNoise: number
  /** Drift of all ranges with the silicon's temperature. */
  readonly driftMmPerK: number
  /** The lamp per kelvin of the hall's air (see `SimulatedHall`), relative. White LEDs: −0.002 (flux over temperature). */
  readonly lampPerKelvin: number
  /** Share that the lamp loses while it warms up, exponentially over `lampWarmUpMs`, from the clock's 0 on. */
  readonly lampWarmUp: number
  /** What the lamp loses per hour of burning, relative. White LEDs: L70 after about 50,000 h, 6e-6 an hour. */
  readonly lampAgeingPerHour: number
  /**
   * Room light that reaches the spectral head past the part, counts per ms at gain 1 on Clear; the other channels by
   * the datasheet's counts under a warm white lamp. It follows the day by half. The nominal lamp gives 65.
   */
  readonly strayCounts: number
}

/** The station of every figure that says nothing else. */
export const QUIET: Disturbances = {
  zoneCrosstalk: 0,
  coverGlassKcps: 0,
  deadZones: 0,
  ambientKcps: RANGING.ambientKcps,
  shotNoise: 1,
  driftMmPerK: RANGING.driftMmPerK,
  lampPerKelvin: 0,
  lampWarmUp: 0,
  lampAgeingPerHour: 0,
  strayCounts: 0,
}

/** A neglected one: dusty glass, a dead zone, daylight, a lamp without control. Orders assumed, bounds as above. */
export const HARD: Disturbances = {
  zoneCrosstalk: 0.01,
  // A thousandth of what was recorded uncompensated.
  coverGlassKcps: 2,
  deadZones: 1,
  ambientKcps: 60,
  shotNoise: 1.6,
  driftMmPerK: 0.1,
  lampPerKelvin: -0.002,
  lampWarmUp: 0.03,
  lampAgeingPerHour: 6e-6,
  strayCounts: 0.5,
}

export const DISTURBED = {
  /** Axial distance of the cover glass's reflection. Recorded: 9…22. */
  glassMm: 12,
  /** Time constant of a lamp on a small heat sink. Assumed. */
  lampWarmUpMs: 900_000,
  /** Air of the hall at which the lamp is nominal. */
  hallC: 12,
  /** Share of the room's light that comes and goes with the day. Assumed. */
  straySwing: 0.5,
  /** Counts at 64×, 27.8 ms under a warm white lamp of 2700 K (AS7341 datasheet; facts/AS7341.md §3). */
  warmWhite: {
    F1: 55,
    F2: 110,
    F3: 210,
    F4: 390,
    F5: 590,
    F6: 840,
    F7: 1350,
    F8: 1070,
    Clear: 1750,
    NIR: 112,
  } satisfies Record<LightChannel, number>,
} as const
