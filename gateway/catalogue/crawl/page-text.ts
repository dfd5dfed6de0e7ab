/** RFC 9110, 8.3.2, and what browsers look for within the first kilobyte of a page. */
const IN_HEADER = /charset\s*=\s*"?([^\s";]+)/i
const IN_PAGE = /<meta[^>]{1,200}?charset\s*=\s*["']?\s*([^\s"'/>;]+)/i

/** The text of a page, by its byte order mark, its header, its `meta`, else by what it can be. */
export function textOfPage(bytes: Buffer, contentType: string): string {
  const mark = bytes.subarray(0, 2).toString('hex')
  if (mark === 'feff' || mark === 'fffe')
    return new TextDecoder(`utf-16${mark === 'feff' ? 'be' : 'le'}`).decode(bytes)
  const inPage = IN_PAGE.exec(bytes.toString('latin1', 0, 1024))?.[1]
  // A page whose `meta` could be read is in no encoding of two bytes a letter, whatever it says.
  const byPage = inPage?.toLowerCase().startsWith('utf-16') ? undefined : decoderOf(inPage)
  const decoder = decoderOf(IN_HEADER.exec(contentType)?.[1]) ?? byPage ?? new TextDecoder()
  if (decoder.encoding !== 'utf-8') return decoder.decode(bytes)
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return new TextDecoder('windows-1252').decode(bytes)
  }
}

function decoderOf(label: string | undefined): InstanceType<typeof TextDecoder> | undefined {
  try {
    return label === undefined ? undefined : new TextDecoder(label)
  } catch {
    return undefined
  }
}
