import type { Rejection, Repair } from '../lens.ts'
import type { KeyedLink } from '../lens-links.ts'
import type { OldLink } from './verres-tables.ts'

/** The old system's links, and what is wrong with the others. */
export interface Linked {
  readonly links: readonly KeyedLink[]
  readonly repairs: readonly Repair[]
  readonly rejected: readonly Rejection[]
}

/**
 * Links of symbols to lenses, with confidence, and with whoever validated them where that is said.
 * @param keys the lenses that each old one became, by its number
 */
export function linksOf(
  old: readonly OldLink[],
  keys: ReadonlyMap<number, readonly string[]>,
  symbols: ReadonlySet<string>,
): Linked {
  const links: KeyedLink[] = []
  const repairs: Repair[] = []
  const rejected: Rejection[] = []
  for (const link of old) {
    const wrong = problemOf(link, keys, symbols)
    if (wrong !== undefined) {
      rejected.push({ line: link.id, ...wrong })
      continue
    }
    const { confidence, valid, validatedBy, createdAt, updatedAt } = link
    const by = (validatedBy ?? '').trim()
    const validatedAt = stampOf(updatedAt) ?? stampOf(createdAt)
    const linkedAt = stampOf(createdAt)
    const validation =
      valid && by !== '' && validatedAt !== undefined ? { validatedBy: by, validatedAt } : undefined
    if (validation === undefined && (valid || by !== '')) {
      const rule = valid
        ? 'validated, and not said by whom or when: not validated'
        : 'not found valid: not validated'
      repairs.push({
        line: link.id,
        field: 'verres_symboles.est_valide',
        from: `${valid}, ${by}`,
        to: 'false',
        rule,
      })
    }
    links.push({
      ...{ keys: keys.get(link.lens) ?? [], symbol: link.symbol ?? '', confidence: confidence ?? 1 },
      ...(linkedAt === undefined ? {} : { linkedAt }),
      ...validation,
    })
  }
  return { links, repairs, rejected }
}

function problemOf(
  { lens, symbol, confidence }: OldLink,
  keys: ReadonlyMap<number, readonly string[]>,
  symbols: ReadonlySet<string>,
): Omit<Rejection, 'line'> | undefined {
  if ((keys.get(lens) ?? []).length === 0) {
    return { field: 'verres_symboles.verre', value: String(lens), expected: 'a lens that comes in' }
  }
  if (symbol === null || !symbols.has(symbol)) {
    return { field: 'verres_symboles.symbole', value: String(symbol), expected: 'a symbol of symboles_tags' }
  }
  if (confidence !== null && !(confidence >= 0 && confidence <= 1)) {
    return {
      field: 'verres_symboles.score_confiance',
      value: String(confidence),
      expected: 'a number from 0 to 1',
    }
  }
  return undefined
}

/** The old system wrote UTC and did not say so: `2025-03-01 10:00:00.123456`. */
function stampOf(text: string | null): string | undefined {
  const [, day, time = '00:00:00', zone = 'Z'] =
    /^(\d{4}-\d\d-\d\d)(?:[ T](\d\d:\d\d(?::\d\d)?)(?:\.\d+)?(Z|[+-]\d\d:?\d\d)?)?$/.exec(
      text?.trim() ?? '',
    ) ?? []
  const date = new Date(`${day}T${time}${zone}`)
  return Number.isNaN(date.getTime()) ? undefined : date.toISOString()
}
