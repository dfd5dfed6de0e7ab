import { isMap, isScalar, isSeq, type LineCounter, type parseDocument } from 'yaml'

/**
 * The line of what `path` names in a document, from 1; of the nearest thing around it that is there, where it is not.
 * @param lines what the document was parsed with
 */
export function lineOf(
  document: ReturnType<typeof parseDocument>,
  lines: LineCounter,
  path: readonly (string | number)[],
): number | undefined {
  for (let depth = path.length; depth > 0; depth -= 1) {
    const parent: unknown = depth === 1 ? document.contents : document.getIn(path.slice(0, depth - 1), true)
    const offset = offsetOf(parent, path[depth - 1])
    if (offset !== undefined) return lines.linePos(offset).line
  }
  return undefined
}

/** Where a key of a mapping, or an entry of a list, begins. */
function offsetOf(parent: unknown, key: string | number | undefined): number | undefined {
  if (isSeq(parent) && typeof key === 'number') return startOf(parent.items[key])
  if (!isMap(parent)) return undefined
  return startOf(parent.items.find((pair) => isScalar(pair.key) && pair.key.value === key)?.key)
}

function startOf(node: unknown): number | undefined {
  if (typeof node !== 'object' || node === null || !('range' in node) || !Array.isArray(node.range)) {
    return undefined
  }
  const start: unknown = node.range[0]
  return typeof start === 'number' ? start : undefined
}
