import type { Air, AirScene } from './air.ts'
import { Random } from './random.ts'

/** Of the two waves that the air follows, ms: the hall's day, and its ventilation. */
const DAY_MS = 24 * 3600 * 1000
const VENTILATION_MS = 17 * 60 * 1000

/** The air of a cooled hall: 12 °C and 65 %, a little different at every moment, the same for the same seed. */
export class SimulatedHall implements AirScene {
  readonly #phase: number
  readonly #pressureHpa: number

  constructor(seed: number) {
    const random = new Random(seed, 5)
    this.#phase = random.between(0, 2 * Math.PI)
    this.#pressureHpa = random.between(995, 1025)
  }

  air(at: number): Air {
    const day = Math.sin((2 * Math.PI * at) / DAY_MS + this.#phase)
    const ventilation = Math.sin((2 * Math.PI * at) / VENTILATION_MS + this.#phase)
    return {
      temperatureC: 12 + day + 0.4 * ventilation,
      humidityPercent: 65 - 3 * day - 2 * ventilation,
      pressureHpa: this.#pressureHpa + day,
    }
  }
}
