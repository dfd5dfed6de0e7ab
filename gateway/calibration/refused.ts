/** What lay under the heads cannot be calibrated with: what it says is for the person who put it there. */
export class CalibrationRefused extends Error {
  override readonly name = 'CalibrationRefused'
}
