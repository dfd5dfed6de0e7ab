/**
 * What decides the last bits of a number besides the release: the processor, and the engine, which brings its own
 * exponentials and roots. E.g. `x64 v8-12.4`.
 */
export function architectureOf({ arch, versions }: Pick<NodeJS.Process, 'arch' | 'versions'>): string {
  return `${arch} v8-${versions.v8.split('.').slice(0, 2).join('.')}`
}
