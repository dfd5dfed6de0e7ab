import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { replaceFile } from '../gateway/replace-file.ts'

const CHECKED_FILE = 'checked.json'
const checked = z.object({ at: z.number(), next: z.number() })

/**
 * Whether it is time to look for updates. A clock that was set back makes it due: else it would be quiet for as long.
 * @param wallMs now
 */
export async function isDue(dir: string, wallMs: number): Promise<boolean> {
  try {
    const { at, next } = checked.parse(JSON.parse(await readFile(join(dir, CHECKED_FILE), 'utf8')))
    return wallMs >= next || wallMs < at
  } catch {
    return true
  }
}

/** Writes down that it has looked, and when it does again. @param random in [0, 1) */
export async function checkedNow(
  dir: string,
  { everyMin, jitterMin }: { readonly everyMin: number; readonly jitterMin: number },
  wallMs: number,
  random: () => number,
): Promise<void> {
  const next = wallMs + (everyMin + jitterMin * random()) * 60_000
  await replaceFile(join(dir, CHECKED_FILE), JSON.stringify({ at: wallMs, next }), 0o640)
}
