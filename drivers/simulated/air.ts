/** The air around the simulated station. */
export interface Air {
  readonly temperatureC: number
  /** Relative, 0…100. */
  readonly humidityPercent: number
  readonly pressureHpa: number
}

/** What an environment sensor hangs in. */
export interface AirScene {
  /** @param at monotonic ms of the sensor's clock: the end of the measurement */
  air(at: number): Air
}
