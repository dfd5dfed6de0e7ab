/**
 * Why a picture has no answer. `replaced`: a newer one came while it waited; `late`: its signal aborted; `stopped`: the
 * station stops; `died`: the thread ended, or is being started anew; `corrupt`: it is no picture that can be looked at;
 * `busy`: too many queries wait; `failed`: the networks could not compute it; `not-loaded`: this station has loaded no
 * networks for pictures of lenses.
 */
export type VisionFault =
  | 'replaced'
  | 'late'
  | 'stopped'
  | 'died'
  | 'corrupt'
  | 'busy'
  | 'failed'
  | 'not-loaded'

export class VisionError extends Error {
  override readonly name = 'VisionError'
  readonly fault: VisionFault

  constructor(fault: VisionFault, message: string, options?: ErrorOptions) {
    super(message, options)
    this.fault = fault
  }
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
