/** What errors of every camera call it. */
export const CAMERA = 'camera'

/** One picture as the camera sent it. */
export interface CameraImage {
  readonly kind: 'camera'
  /** A whole JPEG. */
  readonly jpeg: Uint8Array
  /** Pixels, as its frame header says: before the rotation that its EXIF block may ask for. */
  readonly width: number
  readonly height: number
  /** Its exposure began at or after this monotonic time of the clock, ms. */
  readonly takenAt: number
  /** From 1, without gaps for pictures that arrived whole; begins anew with each opening. */
  readonly sequence: number
}
