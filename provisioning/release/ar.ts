/** A member of an archive of `ar`. */
export interface Member {
  /** At most 15 characters. */
  readonly name: string
  readonly content: Uint8Array
}

/**
 * An archive as deb(5) wants it: root's, and no time but the one given.
 * @param seconds since 1970, of every member
 */
export function arOf(members: readonly Member[], seconds: number): Uint8Array {
  const parts: Uint8Array[] = [Buffer.from('!<arch>\n')]
  for (const { name, content } of members) {
    const fields = [
      name.padEnd(16),
      String(seconds).padEnd(12),
      '0'.padEnd(6),
      '0'.padEnd(6),
      '100644'.padEnd(8),
      String(content.length).padEnd(10),
    ]
    parts.push(Buffer.from(`${fields.join('')}\`\n`), content)
    if (content.length % 2 === 1) parts.push(Buffer.from('\n'))
  }
  return Buffer.concat(parts)
}
