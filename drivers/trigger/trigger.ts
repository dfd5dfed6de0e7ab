/** What is wrong with what tells parts. */
export type TriggerFault =
  /** Its line or counter does not answer; it is asked again. */
  | 'lost'
  /** Something stands in the light barrier. */
  | 'jammed'
  /** The encoder moved faster than any belt: it was reset, or its signal is disturbed. */
  | 'jumped'

/** Parts may come by unseen, until the same source says that it is well again. */
export class TriggerError extends Error {
  override readonly name = 'TriggerError'
  readonly fault: TriggerFault

  constructor(fault: TriggerFault, detail: string, options?: ErrorOptions) {
    super(detail, options)
    this.fault = fault
  }
}
