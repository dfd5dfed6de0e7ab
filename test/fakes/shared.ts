import { existsSync } from 'node:fs'
import { resolve } from 'node:path'

/**
 * Recorded data that the project tests with but does not ship (`POINCON_SHARED`, default `../shared`).
 * @returns the absolute path, or undefined where it is missing: skip the test then, and say so
 */
export function sharedData(path: string): string | undefined {
  const full = resolve(process.env.POINCON_SHARED ?? '../shared', 'data', path)
  return existsSync(full) ? full : undefined
}

/** What a skipped test says. */
export function missing(path: string): string {
  return `SKIPPED: ${path} not found; set POINCON_SHARED to the folder that holds data/`
}
