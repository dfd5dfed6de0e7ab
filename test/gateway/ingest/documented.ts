import { readFileSync } from 'node:fs'

/**
 * A file of `docs/fleet` with the places of a test in it: what stands in the documents is what was run.
 * @param instead each left side must stand there, and is replaced wherever it does
 */
export function documented(name: string, instead: Readonly<Record<string, string>>): string {
  let text = readFileSync(`docs/fleet/${name}`, 'utf8')
  for (const [found, replacement] of Object.entries(instead)) {
    if (!text.includes(found)) throw new Error(`docs/fleet/${name} does not say ${found} any more`)
    text = text.replaceAll(found, replacement)
  }
  return text
}
