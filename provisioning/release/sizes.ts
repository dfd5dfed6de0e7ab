import type { Entry } from './tree.ts'

/** What a share of a release is told as: the first that a path begins with. */
const SHARES: readonly (readonly [name: string, start: string])[] = [
  ['Node.js', 'bin/'],
  ['onnxruntime', 'node_modules/onnxruntime-'],
  ['sharp and libvips', 'node_modules/@img/'],
  ['sharp and libvips', 'node_modules/sharp/'],
  ['Node-RED', 'node_modules/@node-red/'],
  ['Node-RED', 'node_modules/node-red/'],
  ['sqlite3', 'node_modules/sqlite3/'],
  ['API pages (Swagger UI)', 'node_modules/@fastify/swagger-ui/'],
  ['other packages', 'node_modules/'],
  ['gateway', 'dist/'],
  ['models', 'models/'],
]

/** Bytes of each share, the largest first. */
export function sharesOf(entries: readonly Entry[]): readonly (readonly [name: string, bytes: number])[] {
  const bytes = new Map<string, number>()
  for (const entry of entries) {
    if (entry.kind !== 'file') continue
    const name = SHARES.find(([, start]) => entry.path.startsWith(start))?.[0] ?? 'the rest'
    bytes.set(name, (bytes.get(name) ?? 0) + entry.size)
  }
  return [...bytes].sort(([, a], [, b]) => b - a)
}

/** Decimal megabytes with one digit. */
export function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`
}
