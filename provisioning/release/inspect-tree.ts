import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { byNumbers, elfOf, foreignKind, headerOf, newestVersion } from './elf.ts'
import { ReleaseError } from './error.ts'
import type { Entry, PlainFile } from './tree.ts'

/** What the programs and libraries of a tree ask of a machine. */
export interface Needs {
  /** Newest version of the C library; the Debian package depends on it. */
  readonly glibc: string
  /** Newest version of libstdc++, where any file asks for it. */
  readonly glibcxx?: string
  /** How many ELF files there are. */
  readonly programs: number
}

/** File names that only another system's programs have. */
const FOREIGN_NAME = /\.(dylib|dll|exe|lib|so\.mips)$/i

/**
 * Looks at every file of a tree: none may be a program of another platform, or a library for an accelerator.
 * @param machine `e_machine` of the platform
 * @throws ReleaseError naming each that is
 */
export async function inspectTree(root: string, entries: readonly Entry[], machine: number): Promise<Needs> {
  const wrong: string[] = []
  const glibc: string[] = []
  const glibcxx: string[] = []
  let programs = 0
  for (const entry of entries.filter((one): one is PlainFile => one.kind === 'file')) {
    const path = join(root, entry.path)
    const header = await headerOf(path)
    const kind = FOREIGN_NAME.test(entry.path) ? 'a name of another system' : foreignKind(header, machine)
    if (kind !== undefined) wrong.push(`${entry.path}: ${kind}`)
    if (/cuda|cudnn|tensorrt|nvinfer/i.test(entry.path) && elfOf(header)) wrong.push(`${entry.path}: CUDA`)
    if (elfOf(header) === undefined) continue
    programs += 1
    const content = await readFile(path)
    glibc.push(newestVersion(content, 'GLIBC') ?? '2.17')
    glibcxx.push(...[newestVersion(content, 'GLIBCXX')].filter((version) => version !== undefined))
  }
  if (wrong.length > 0) throw new ReleaseError(`not for this platform:\n${wrong.join('\n')}`)
  const newest = glibcxx.sort(byNumbers).at(-1)
  return {
    glibc: glibc.sort(byNumbers).at(-1) ?? '2.28',
    ...(newest === undefined ? {} : { glibcxx: newest }),
    programs,
  }
}
