import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { create } from 'tar'
import type { Section } from './sections.ts'

export const SUPPORT_SCHEMA = 'poincon.support/1'

/** What became of one section. */
export interface Collected {
  readonly file: string
  readonly about: string
  readonly bytes: number
  /** Why it is not there. */
  readonly missing?: string
}

export interface BundleOptions {
  readonly sections: readonly Section[]
  /** Takes secrets out of everything that is written, errors included. */
  readonly scrub: (text: string) => string
  /** Of the bundle, `.tar.gz`; it replaces nothing. */
  readonly out: string
  readonly about: Readonly<Record<string, unknown>>
  /** Told after each section. */
  readonly progress?: (section: Collected) => void
}

/**
 * Collects the sections and packs them, readable for its owner alone, with a `manifest.json` that
 * says what is there and what is not. A section that fails is missing, and no more.
 * @throws what the file system throws, and where `out` exists
 */
export async function writeBundle({
  sections,
  scrub,
  out,
  about,
  progress,
}: BundleOptions): Promise<readonly Collected[]> {
  const scratch = await mkdtemp(join(tmpdir(), 'poincon-support-'))
  try {
    await mkdir(dirname(out), { recursive: true })
    await writeFile(out, '', { flag: 'wx', mode: 0o600 })
    // At once: one that hangs until its time is over delays none of the others.
    const collected = await Promise.all(
      sections.map(async (section) => {
        const one = await collectInto(scratch, section, scrub)
        progress?.(one)
        return one
      }),
    )
    const manifest = { schema: SUPPORT_SCHEMA, ...about, sections: collected }
    await writeFile(join(scratch, 'manifest.json'), scrub(`${JSON.stringify(manifest, null, 2)}\n`))
    const there = collected.filter(({ missing }) => missing === undefined).map(({ file }) => file)
    await create({ gzip: true, cwd: scratch, file: out, portable: true }, ['manifest.json', ...there])
    await chmod(out, 0o600)
    return collected
  } finally {
    await rm(scratch, { recursive: true, force: true })
  }
}

async function collectInto(
  folder: string,
  { file, about, collect }: Section,
  scrub: (text: string) => string,
): Promise<Collected> {
  try {
    const text = scrub(await collect())
    await writeFile(join(folder, file), text, { mode: 0o600 })
    return { file, about, bytes: Buffer.byteLength(text) }
  } catch (error) {
    const reason = error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error)
    return { file, about, bytes: 0, missing: scrub(reason) }
  }
}
