/** How the first bytes of a picture read, in hex (PNG 3rd ed., 5.2; ITU-T T.81, B.1.1.3; GIF89a, 17; RFC 9649, 2.4). */
const BEGINNINGS: readonly (readonly [string, RegExp])[] = [
  ['image/png', /^89504e470d0a1a0a/],
  ['image/jpeg', /^ffd8ff/],
  ['image/gif', /^474946383[79]61/],
  ['image/webp', /^52494646.{8}57454250/],
]

/** By its bytes, whatever a server called it. @returns undefined for what is none of these */
export function mediaTypeOf(bytes: Buffer): string | undefined {
  const start = bytes.toString('hex', 0, 12)
  return BEGINNINGS.find(([, beginning]) => beginning.test(start))?.[0]
}
