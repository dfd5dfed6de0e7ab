/**
 * What a client likes best of what there is (RFC 9110 §12.5): the highest weight, then the order of `offered`.
 * @param header `Accept` or `Accept-Language`; absent or with nothing of `offered`: the first offered
 */
export function preferred<T extends string>(header: string | undefined, offered: readonly [T, ...T[]]): T {
  const wanted = (header ?? '').slice(0, 1000).toLowerCase().split(',').map(range)
  let [best, bestWeight] = [offered[0], 0]
  for (const one of offered) {
    // Of several ranges that take it in, the one that says most counts.
    const matching = wanted.filter(({ name }) => takesIn(name, one))
    const closest = matching.sort((a, b) => b.name.length - a.name.length)[0]
    if (closest !== undefined && closest.weight > bestWeight) [best, bestWeight] = [one, closest.weight]
  }
  return best
}

function range(text: string): { readonly name: string; readonly weight: number } {
  const [name = '', ...parameters] = text.split(';').map((piece) => piece.trim())
  const weight = parameters.find((parameter) => parameter.startsWith('q='))?.slice(2)
  const number = weight === undefined ? 1 : Number(weight)
  return { name, weight: number >= 0 && number <= 1 ? number : 0 }
}

/** `fr-CA` asks for `fr`, `text/*` for `text/html`. */
function takesIn(name: string, offered: string): boolean {
  if (name === offered || name.startsWith(`${offered}-`)) return true
  if (name === '*' || name === '*/*') return true
  return name.endsWith('/*') && offered.startsWith(name.slice(0, -1))
}
