/** One echo in one zone, before the chip quantises it. */
export interface ZoneEcho {
  /** Along the optical axis. */
  readonly rangeMm: number
  readonly sigmaMm: number
  readonly signalKcpsPerSpad: number
  readonly reflectancePercent: number
  /** ST's target status: 5 is valid. */
  readonly status: number
}

/** What the chip's optics see during one exposure, zones row-major, noise included. */
export interface RangeView {
  readonly ambientKcpsPerSpad: ArrayLike<number>
  readonly spads: ArrayLike<number>
  /** Per zone its echoes, strongest first, possibly none. */
  readonly echoes: readonly (readonly ZoneEcho[])[]
  readonly siliconTemperatureC: number
}

/** What stands in front of the simulated chip. */
export interface RangeScene {
  /**
   * @param at ms of the simulation's clock at the end of the exposure
   * @param integrationMs how long light is gathered; a scene without a model of it may leave it alone
   */
  look(zones: 16 | 64, at: number, integrationMs: number): RangeView
  /** What the cover glass throws back, kcps/spad of 64 zones: what a crosstalk calibration finds; default: as stored. */
  crosstalk?(): ArrayLike<number> | undefined
}
