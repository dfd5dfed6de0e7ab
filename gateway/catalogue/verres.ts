import { folded, LENS_LIMITS, type Lens, lensKey, markValue, type Rejection, type Repair } from '../lens.ts'
import type { KeyedLink, NamedSymbol } from '../lens-links.ts'
import { marksOf } from './engraving-cell.ts'
import { materialOf } from './material.ts'
import { readRow } from './scraped-row.ts'
import { supplierOf } from './supplier-name.ts'
import { treatmentsIn } from './treatments.ts'
import { linksOf } from './verres-links.ts'
import type { OldLens, OldTables } from './verres-tables.ts'

/** What of the old system's database comes in. */
export interface VerresReading {
  readonly lines: number
  readonly lenses: readonly Lens[]
  readonly symbols: readonly NamedSymbol[]
  readonly links: readonly KeyedLink[]
  readonly repairs: readonly Repair[]
  readonly rejected: readonly Rejection[]
}

/**
 * Reads the old system's tables, and believes nothing that its cleaner is known to have written: see docs/catalogue.md.
 * @param live lenses that other sources know; an old one that is surely among them is not brought in a second time
 */
export function readVerres(tables: OldTables, live: readonly Lens[]): VerresReading {
  const doubts = doubtsOf(tables)
  const bySupplier = grouped(live, ({ supplier }) => folded(supplier))
  const theirs = (heading: string): readonly Lens[] => {
    const { name, complete } = supplierOf(heading)
    if (complete) return bySupplier.get(folded(name)) ?? []
    // A heading that was cut is whole elsewhere.
    return [...bySupplier].flatMap(([supplier, all]) => (supplier.startsWith(folded(name)) ? all : []))
  }
  const lenses: Lens[] = []
  const repairs: Repair[] = []
  const rejected: Rejection[] = []
  const keys = new Map<number, readonly string[]>()
  for (const old of tables.lenses) {
    const known = knownAs(old, theirs(old.supplier))
    if (known.length > 0) {
      keys.set(old.id, known.map(lensKey))
      const to = known.map(({ name }) => name).join(' / ')
      repairs.push({
        line: old.id,
        field: 'nom',
        from: old.name,
        to,
        rule: 'in the catalogue already, by its whole name',
      })
      continue
    }
    const one = readOld(old, doubts)
    lenses.push(...one.lenses)
    repairs.push(...one.repairs)
    if (one.rejection !== undefined) rejected.push(one.rejection)
    keys.set(old.id, one.lenses.map(lensKey))
  }
  const linked = linksOf(tables.links, keys, new Set(tables.symbols.map(({ name }) => name)))
  return {
    ...{ lines: tables.lenses.length, lenses, symbols: tables.symbols, links: linked.links },
    repairs: [...repairs, ...linked.repairs],
    rejected: [...rejected, ...linked.rejected],
  }
}

/** What the old cleaner wrote on every lens, so that it says nothing of any. */
interface Doubts {
  /** More than half of the lenses have every treatment that there is. */
  readonly treatments: number | undefined
  /** `14-14`: on more than half of the lenses of a variant, or one of the cleaner's own. */
  readonly heights: ReadonlySet<string>
}

/** What the cleaner wrote into every lens: 11 for `COURT`, 14 for the others. */
const ITS_HEIGHTS = ['11-11', '14-14']

function doubtsOf({ lenses, treatments }: OldTables): Doubts {
  const full = lenses.filter((lens) => treatments >= 2 && lens.treatments.length === treatments)
  const heights = new Set(ITS_HEIGHTS)
  for (const variant of grouped(lenses, ({ variant }) => variant).values()) {
    for (const [pair, those] of grouped(variant, heightsOf)) {
      if (those.length >= 4 && 2 * those.length > variant.length) heights.add(pair)
    }
  }
  return { treatments: 2 * full.length > lenses.length ? treatments : undefined, heights }
}

function grouped<K, T>(all: readonly T[], by: (one: T) => K): ReadonlyMap<K, readonly T[]> {
  const groups = new Map<K, T[]>()
  for (const one of all) {
    const group = groups.get(by(one))
    if (group === undefined) groups.set(by(one), [one])
    else group.push(one)
  }
  return groups
}

function heightsOf({ heightMin, heightMax }: OldLens): string {
  return `${heightMin}-${heightMax}`
}

/**
 * The lenses of a supplier that an old one is: same index, same mark, and a name that begins as the old one's, which was
 * cut to its first word. Without a mark only where there is just one.
 */
function knownAs(old: OldLens, theirs: readonly Lens[]): readonly Lens[] {
  const marks = new Set(marksOf(old.engraving ?? '')?.map((mark) => compared(markValue(mark))))
  const name = folded(old.name)
  const near = theirs.filter(
    (lens) =>
      (lens.index === old.index || doubtfulIndex(old)) &&
      (folded(lens.name) === name ||
        (!name.includes(' ') && folded(lens.name).split(/[\s(]/, 1)[0] === name)),
  )
  if (marks.size === 0) return near.length === 1 ? near : []
  return near.filter((lens) => lens.marks.some((mark) => marks.has(compared(markValue(mark)))))
}

/** The old system kept line ends that a table lost. */
function compared(mark: string): string {
  return folded(mark).replaceAll(' ', '')
}

/** Rows of these had no index, or had it in the material's place; the cleaner wrote 1.5. */
function doubtfulIndex({ supplier, index }: OldLens): boolean {
  return index === 1.5 && /\b(?:ZEISS|OPTOVISION)\b/i.test(supplier)
}

type Read = {
  readonly lenses: readonly Lens[]
  readonly repairs: readonly Repair[]
  readonly rejection?: Rejection
}

function readOld(old: OldLens, doubts: Doubts): Read {
  const repairs: Repair[] = []
  const drop = (field: string, from: string | number | null, rule: string, to = ''): void => {
    repairs.push({ line: old.id, field, from: String(from ?? ''), to, rule })
  }
  const open = doubtfulIndex(old)
  if (open) drop('indice', old.index, 'the old cleaner wrote 1.5 where there was none: left open')
  const trusted = trustedMaterial(old, drop)
  const row = readRow(
    {
      glass_name: old.name,
      glass_supplier_name: old.supplier,
      nasal_engraving: old.engraving ?? '',
      glass_index: open || old.index === null ? '' : String(old.index),
      material: trusted,
      range: groupOf('gamme', old.range, drop),
      series: groupOf('serie', old.series, drop),
      source_url: old.sourceUrl ?? '',
    },
    old.id,
  )
  if (row.rejection !== undefined)
    return { lenses: [], repairs: [], rejection: { ...row.rejection, line: old.id } }
  if (!/\s/.test(old.name.trim()))
    drop('nom', old.name, 'perhaps its first word only: kept as it is', old.name)
  const treatments = trustedTreatments(old, doubts, drop)
  const heightMm = trustedHeights(old, doubts, drop)
  // A name that was cut has no index to give; what is said of the index above is enough.
  const own = row.repairs.filter(({ field }) => !(open && field === 'glass_index'))
  const lenses = row.lenses.map((lens) => ({
    ...lens,
    treatments: [...new Set([...lens.treatments, ...treatments])].sort(),
    ...(heightMm === undefined ? {} : { heightMm }),
  }))
  return { lenses, repairs: [...own, ...repairs] }
}

type Drop = (field: string, from: string | number | null, rule: string, to?: string) => void

function trustedMaterial({ material }: OldLens, drop: Drop): string {
  if (material === null || material === '') return ''
  if (folded(material) === 'organique') {
    drop('materiau', material, 'the old cleaner called every material so: left open')
    return ''
  }
  if (materialOf(material) !== undefined) return material
  drop('materiau', material, 'no material known by this name')
  return ''
}

/** `STANDARD` and `INCONNU` are the cleaner's words for nothing. */
function groupOf(field: string, name: string | null, drop: Drop): string {
  if (name === null || name === '') return ''
  if (!['standard', 'inconnu'].includes(folded(name))) return name
  drop(field, name, 'the old system’s word for none: left open')
  return ''
}

function trustedTreatments({ treatments }: OldLens, doubts: Doubts, drop: Drop): Lens['treatments'] {
  if (doubts.treatments !== undefined && treatments.length === doubts.treatments) {
    drop('traitements', treatments.join(', '), 'every treatment on most lenses: left open')
    return []
  }
  return treatments.flatMap((name) => {
    const known = treatmentsIn(name)
    if (known.length === 0) drop('traitements', name, 'no treatment known by this name')
    return known
  })
}

function trustedHeights(old: OldLens, { heights }: Doubts, drop: Drop): Lens['heightMm'] {
  const { heightMin: min, heightMax: max } = old
  if (min === null || max === null) return undefined
  if (heights.has(heightsOf(old))) {
    drop('hauteur', heightsOf(old), 'the same height on most lenses: left open')
    return undefined
  }
  if (min >= 0 && min <= max && max <= LENS_LIMITS.heightMaxMm) return { min, max }
  drop('hauteur', heightsOf(old), `no heights from 0 to ${LENS_LIMITS.heightMaxMm} mm`)
  return undefined
}
