import { distinctMarks, LENS_LIMITS, type Mark } from '../lens.ts'

const IMAGE = /<img\b[^>]*?\bsrc="([^"]+)"[^>]*>/gi
const ALT = /\balt="([^"]*)"/i
const URL_CELL = /^https?:\/\/\S+$/i

/**
 * The marks of a cell: a picture's URL; HTML with pictures; a text, of which `ou` and line ends between whole marks
 * separate one from another (`E3 ou E3S` is two). What a cell says twice is one mark.
 * @returns undefined when a text is too long to be an engraving, or a URL is none
 */
export function marksOf(cell: string): readonly Mark[] | undefined {
  const marks: Mark[] = []
  const rest = cell.replace(IMAGE, (tag, url: string) => {
    const alt = ALT.exec(tag)?.[1]
    marks.push({ kind: 'image', url, ...(alt === undefined ? {} : { alt: alt.replace(/\s+/g, ' ').trim() }) })
    return ' '
  })
  const text = unescaped(rest.replace(/<br\s*\/?>/gi, ' ').replace(/<[^>]*>/g, ' '))
  for (const part of text.split(/\s+ou\s+/)) {
    const mark = part.replace(/\s+/g, ' ').trim()
    if (mark === '') continue
    marks.push(URL_CELL.test(mark) ? { kind: 'image', url: mark } : { kind: 'text', text: mark })
  }
  const sound = marks.every((mark) =>
    mark.kind === 'text' ? mark.text.length <= LENS_LIMITS.mark : URL.canParse(mark.url),
  )
  return sound ? distinctMarks(marks) : undefined
}

const ENTITIES: Readonly<Record<string, string>> = {
  amp: '&',
  lt: '<',
  gt: '>',
  quot: '"',
  nbsp: ' ',
  '#39': "'",
}

function unescaped(text: string): string {
  return text.replace(/&(amp|lt|gt|quot|nbsp|#39);/g, (whole, name: string) => ENTITIES[name] ?? whole)
}
