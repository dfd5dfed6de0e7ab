import { type DefaultTreeAdapterTypes, parse } from 'parse5'

export type Element = DefaultTreeAdapterTypes.Element
type Node = DefaultTreeAdapterTypes.Node

/** A page as a browser would take it, whatever is missing or left open. */
export function documentOf(text: string): Node {
  return parse(text)
}

/** The value of an attribute, without what is around it; absent and empty are the same. */
export function attribute(element: Element, name: string): string | undefined {
  const value = element.attrs.find((one) => one.name === name)?.value.trim()
  return value === '' ? undefined : value
}

/**
 * What stands below a node, in the order of the page; what `closed` says is not looked into. Without recursion: a page
 * may be nested as deep as it likes.
 */
export function* below(node: Node, closed: (element: Element) => boolean = () => false): Generator<Node> {
  const waiting = [...childrenOf(node)].reverse()
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    yield next
    if (!(isElement(next) && closed(next))) waiting.push(...childrenOf(next).toReversed())
  }
}

/** The elements of these names below a node. */
export function elementsOf(node: Node, ...names: readonly string[]): readonly Element[] {
  const found: Element[] = []
  for (const one of below(node)) if (isElement(one) && names.includes(one.tagName)) found.push(one)
  return found
}

const SILENT = ['script', 'style', 'template', 'noscript']

/** What a reader sees of it: single spaces, a space for a line end. */
export function textOf(node: Node): string {
  let text = ''
  for (const one of below(node, ({ tagName }) => SILENT.includes(tagName))) {
    if (one.nodeName === '#text' && 'value' in one) text += one.value
    else if (isElement(one) && !INLINE.includes(one.tagName)) text += ' '
  }
  return text.replace(/\s+/g, ' ').trim()
}

/** Between these and what stands before them there need be no space: `1<sup>er</sup>`. */
const INLINE = [
  'a',
  'abbr',
  'b',
  'big',
  'em',
  'font',
  'i',
  'small',
  'span',
  'strong',
  'sub',
  'sup',
  'u',
  'wbr',
]

export function isElement(node: Node): node is Element {
  return 'tagName' in node
}

function childrenOf(node: Node): readonly Node[] {
  return 'childNodes' in node ? node.childNodes : []
}
