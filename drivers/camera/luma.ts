// Markers of ITU-T T.81, table B.1; each stands behind 0xFF.
const SOF_FIRST = 0xc0
const SOF_LAST = 0xc2
const SOS = 0xda
const APP0 = 0xe0
const APP2 = 0xe2
const APP14 = 0xee
const LAST_TABLE = 0xfe
const RGB_IDS = 'RGB'
/** Of a frame header (T.81 B.2.2): where its length field stands is 0. */
const COMPONENTS_AT = 7
const COMPONENT_BYTES = 3
/** Where the Adobe segment says how colours are transformed (T.872 §6.5.3): 0 not at all, 1 YCbCr. */
const TRANSFORM_AT = 13
const ADOBE = Buffer.from('\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00\x00', 'latin1')

/**
 * The same picture with its Y, Cb and Cr declared as red, green and blue: what then decodes as red is the luma as the
 * camera encoded it. Decoders convert to RGB on their own, and grey made from that costs as much again as the decoding.
 * Only labels change: the JFIF segment, which would mean YCbCr, loses its name, and an Adobe segment says RGB.
 * @returns undefined for what is not YCbCr without a profile: grey, CMYK, RGB, an ICC profile, no JPEG
 */
export function lumaAsRed(jpeg: Uint8Array): Uint8Array | undefined {
  const bytes = Buffer.concat([jpeg.subarray(0, 2), ADOBE, jpeg.subarray(2)])
  let adobe = false
  let colours = false
  for (let at = 2 + ADOBE.length; at + 4 <= bytes.length; ) {
    const marker = bytes[at + 1] ?? 0
    const start = at + 2
    const end = start + bytes.readUInt16BE(start)
    if (bytes[at] !== 0xff || marker < SOF_FIRST || marker > LAST_TABLE || end > bytes.length)
      return undefined
    if (marker === SOS) return colours ? (adobe ? withoutOurs(bytes) : bytes) : undefined
    if (marker >= SOF_FIRST && marker <= SOF_LAST) {
      if (!threeColours(bytes, start)) return undefined
      colours = true
    } else if (marker === APP0 && named(bytes, start, 'JFIF\0')) bytes[start + 2] = 0x6a
    else if (marker === APP2 && named(bytes, start, 'ICC_PROFILE\0')) return undefined
    else if (marker === APP14 && named(bytes, start, 'Adobe')) {
      if (bytes[start + TRANSFORM_AT] !== 1) return undefined
      bytes[start + TRANSFORM_AT] = 0
      adobe = true
    }
    at = end
  }
  return undefined
}

/** The picture's own Adobe segment says the same now. */
function withoutOurs(bytes: Buffer): Uint8Array {
  return Buffer.concat([bytes.subarray(0, 2), bytes.subarray(2 + ADOBE.length)])
}

function named(bytes: Buffer, start: number, name: string): boolean {
  return bytes.toString('latin1', start + 2, start + 2 + name.length) === name
}

/** Three components that are not called R, G and B: without any label libjpeg takes those for RGB. */
function threeColours(bytes: Buffer, start: number): boolean {
  if (bytes[start + COMPONENTS_AT] !== 3) return false
  const ids = [0, 1, 2].map((i) => bytes[start + COMPONENTS_AT + 1 + i * COMPONENT_BYTES] ?? 0)
  return String.fromCharCode(...ids) !== RGB_IDS
}
