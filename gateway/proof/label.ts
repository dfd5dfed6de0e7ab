import qrcode from 'qrcode-generator'

/** What is printed. */
export interface Label {
  /** First line, large. */
  readonly title: string
  readonly lines: readonly string[]
  /** What the code says. */
  readonly url: string
}

/** Modules of white around a code (ISO/IEC 18004 §6.3.8). */
const QUIET = 4
/** A quarter of the code may be dirty or torn. */
const CORRECTION = 'Q'

/** Row by row, with the white around it; true is dark. */
function modules(url: string): readonly (readonly boolean[])[] {
  const code = qrcode(0, CORRECTION)
  code.addData(url, 'Byte')
  code.make()
  const count = code.getModuleCount()
  const inside = (place: number): boolean => place >= QUIET && place < QUIET + count
  const places = Array.from({ length: count + 2 * QUIET }, (_, place) => place)
  return places.map((row) =>
    places.map((column) => inside(row) && inside(column) && code.isDark(row - QUIET, column - QUIET)),
  )
}

/** For a terminal or a printer of text: two rows of the code in one line, dark on light. */
export function labelText({ title, lines, url }: Label): string {
  const rows = modules(url)
  const drawn: string[] = []
  for (let row = 0; row < rows.length; row += 2) {
    const [upper = [], lower = []] = [rows[row], rows[row + 1]]
    drawn.push(upper.map((dark, column) => halves(dark, lower[column] ?? false)).join(''))
  }
  return `${[title, ...lines, url, '', ...drawn].join('\n')}\n`
}

function halves(upper: boolean, lower: boolean): string {
  if (upper) return lower ? '█' : '▀'
  return lower ? '▄' : ' '
}

/** Side of the code, mm: its modules are wider than 0.4 mm, which phones read at arm's length. */
const CODE_MM = 30
const HEIGHT_MM = 34
const WIDTH_MM = 90
const LINE_MM = 4.4

/** A label of 90 × 34 mm. */
export function labelSvg({ title, lines, url }: Label): string {
  const rows = modules(url)
  const path = rows
    .flatMap((row, y) => darkRuns(row).map(([x, width]) => `M${x} ${y}h${width}v1h-${width}z`))
    .join('')
  const scale = CODE_MM / rows.length
  const text = lines
    .map(
      (line, index) =>
        `<text x="36" y="${(13 + index * LINE_MM).toFixed(1)}" font-size="3.2">${escaped(line)}</text>`,
    )
    .join('\n')
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH_MM}mm" height="${HEIGHT_MM}mm" viewBox="0 0 ${WIDTH_MM} ${HEIGHT_MM}" font-family="sans-serif">
<rect width="${WIDTH_MM}" height="${HEIGHT_MM}" fill="#fff"/>
<path transform="translate(2 2) scale(${scale.toFixed(5)})" shape-rendering="crispEdges" d="${path}"/>
<text x="36" y="7.5" font-size="4.6" font-weight="bold">${escaped(title)}</text>
${text}
</svg>
`
}

/** Where dark modules begin in a row, and how many there are side by side. */
function darkRuns(row: readonly boolean[]): readonly (readonly [number, number])[] {
  return row.flatMap((dark, x) => {
    if (!dark || row[x - 1] === true) return []
    const end = row.indexOf(false, x)
    return [[x, (end < 0 ? row.length : end) - x] as const]
  })
}

/** Pixels of a module: the code of a usual address is some 500 pixels wide. */
const MODULE_PIXELS = 10

/** The code alone: letters would need the fonts of the machine. */
export async function codePng(url: string): Promise<Uint8Array> {
  const { default: sharp } = await import('sharp')
  const rows = modules(url)
  const size = rows.length
  const grey = Uint8Array.from(rows.flat(), (dark) => (dark ? 0 : 255))
  const side = size * MODULE_PIXELS
  return await sharp(grey, { raw: { width: size, height: size, channels: 1 } })
    .resize(side, side, { kernel: 'nearest' })
    .png()
    .toBuffer()
}

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }

function escaped(text: string): string {
  return text.replace(/[&<>"]/g, (character) => ENTITIES[character] ?? character)
}
