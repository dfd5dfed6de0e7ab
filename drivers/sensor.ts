/** What is wrong with a sensor, as a named state. */
export type SensorFault =
  /** Nothing answers at its address. */
  | 'absent'
  /** Something else answers at its address, or its firmware image is not one we know. */
  | 'wrong-chip'
  /** It answers, but did not finish in the time its exposure allows. */
  | 'timeout'
  /** It says it is ready, but delivers the same measurement again. */
  | 'frozen'
  /** What it sent contradicts itself. */
  | 'corrupt'
  /** It reports an internal error. */
  | 'failed'

/** A sensor gave no measurement. The caller may try again: after `absent` or `failed`, by opening it anew. */
export class SensorError extends Error {
  override readonly name = 'SensorError'
  readonly sensor: string
  readonly fault: SensorFault

  constructor(sensor: string, fault: SensorFault, detail: string, options?: ErrorOptions) {
    super(`${sensor}: ${detail}`, options)
    this.sensor = sensor
    this.fault = fault
  }
}
