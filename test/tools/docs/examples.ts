import { readFileSync } from 'node:fs'

/** A fenced block of a document. */
export interface Example {
  /** Behind the language: what the example is one of, where it says so. */
  readonly label: string
  readonly text: string
}

/**
 * The fenced blocks of one language in a document, in order.
 * @param document path from the root of the repository
 */
export function examplesIn(document: string, language: string): readonly Example[] {
  const fence = new RegExp(`^\`\`\`${language}\\b[ ]*(.*)\\n([^]*?)^\`\`\`$`, 'gm')
  return [...readFileSync(document, 'utf8').matchAll(fence)].map(([, label = '', text = '']) => ({
    label,
    text,
  }))
}
