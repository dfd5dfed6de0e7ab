/** What page headings put before the name of a supplier. */
const HEADING = /^(?:Fournisseur\s*:|Produits optiques\s*:|Gravures de verres de)\s*/i

/** A supplier's name out of the heading of its page; `complete` is false where the heading was cut (`HOYA Visio ...`). */
export function supplierOf(heading: string): { readonly name: string; readonly complete: boolean } {
  const text = heading.replace(HEADING, '').replace(/\s+/g, ' ').trim()
  const name = text.replace(/\s*(?:\.{3}|…)$/, '')
  return { name, complete: name === text }
}
