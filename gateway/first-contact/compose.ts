import { Document, isMap, isPair, isScalar } from 'yaml'
import type { Texts } from './texts.ts'

/**
 * A configuration as a file that a person goes on writing: sections with a line each that says what they are for.
 * @param config keys of `poincon.yaml`, in the order in which they shall stand
 */
export function composed(config: Readonly<Record<string, unknown>>, texts: Texts): string {
  const document = new Document(config)
  document.commentBefore = ` ${texts.header}`
  const { contents } = document
  if (isMap(contents)) {
    for (const pair of contents.items) {
      if (!isPair(pair) || !isScalar(pair.key)) continue
      const comment = texts.section[String(pair.key.value)]
      if (comment === undefined) continue
      pair.key.commentBefore = ` ${comment}`
      pair.key.spaceBefore = true
    }
  }
  return document.toString({ lineWidth: 110 })
}
