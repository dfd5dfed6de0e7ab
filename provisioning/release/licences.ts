import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { ReleaseError } from './error.ts'
import { isAllowed } from './licence-rule.ts'

/** Something in a release that somebody has rights to. */
export interface Licensed {
  readonly name: string
  readonly version: string
  /** SPDX expression. */
  readonly licence: string
  /** What its authors ask to hand on; empty where their package has no text of it. */
  readonly text: string
}

/** What older packages call their licence, or do not, read in their files; by `name@version`. */
const STATED: Readonly<Record<string, string>> = {
  'cli-table@0.3.11': 'MIT',
  'nanotimer@0.3.10': 'MIT',
  'pause@0.0.1': 'MIT',
}

const MANIFEST = z.looseObject({
  name: z.string(),
  version: z.string(),
  license: z.union([z.string(), z.looseObject({ type: z.string() })]).optional(),
  licenses: z.array(z.looseObject({ type: z.string() })).optional(),
})

const TEXT = /^(licen[cs]e|copying|notice|third[-_ ]?party)/i

/** Every package below a folder's `node_modules`, also those within packages, in the order of their names. */
export async function licencesBelow(stage: string): Promise<readonly Licensed[]> {
  const found: Licensed[] = []
  for (const folder of await packageFolders(join(stage, 'node_modules'))) found.push(await licenceOf(folder))
  return found.sort((a, b) => compare(`${a.name}@${a.version}`, `${b.name}@${b.version}`))
}

/** Folders of packages: those below a `node_modules` that have a package.json with a name and a version. */
export async function packageFolders(modules: string): Promise<readonly string[]> {
  const found: string[] = []
  for (const entry of await readdir(modules, { withFileTypes: true })) {
    if (!entry.isDirectory()) continue
    const folder = join(modules, entry.name)
    const within = entry.name.startsWith('@') ? await readdir(folder) : ['']
    for (const name of within) {
      const path = join(folder, name)
      const names = await readdir(path)
      if (names.includes('package.json')) found.push(path)
      if (names.includes('node_modules')) found.push(...(await packageFolders(join(path, 'node_modules'))))
    }
  }
  return found
}

/** What a package says of its licence. @throws ReleaseError where it says nothing */
export async function licenceOf(folder: string): Promise<Licensed> {
  const text = await readFile(join(folder, 'package.json'), 'utf8')
  const { name, version, license, licenses } = MANIFEST.parse(JSON.parse(text))
  const named = typeof license === 'string' ? license : license?.type
  const several = licenses?.map(({ type }) => type).join(' OR ')
  const licence = named ?? STATED[`${name}@${version}`] ?? several
  if (licence === undefined) throw new ReleaseError(`${name}@${version}: says nothing of its licence`)
  return { name, version, licence, text: await textsIn(folder) }
}

async function textsIn(folder: string): Promise<string> {
  const names = (await readdir(folder, { withFileTypes: true }))
    .filter((entry) => entry.isFile() && TEXT.test(entry.name) && !entry.name.endsWith('.js'))
    .map(({ name }) => name)
  const texts = await Promise.all(names.sort(compare).map((name) => readFile(join(folder, name), 'utf8')))
  return texts.map((text) => text.replaceAll('\r\n', '\n').trim()).join('\n\n')
}

/** @throws ReleaseError naming all that are not on the list */
export function checkLicences(licensed: readonly Licensed[]): void {
  const wrong = licensed.filter(({ licence }) => !isAllowed(licence))
  if (wrong.length === 0) return
  const named = wrong.map(({ name, version, licence }) => `${name}@${version}: ${licence}`)
  throw new ReleaseError(`licences that are not allowed in a release:\n${named.join('\n')}`)
}

/** `licences.txt`: a list, then each text once, with those it holds for. */
export function licenceText(title: string, licensed: readonly Licensed[]): string {
  const list = licensed.map(({ name, version, licence }) => `${name} ${version}: ${licence}`)
  const byText = new Map<string, string[]>()
  for (const { name, version, licence, text } of licensed) {
    const key = text === '' ? `(${licence}; the package carries no text)` : text
    byText.set(key, [...(byText.get(key) ?? []), `${name} ${version}`])
  }
  const rule = '='.repeat(100)
  const texts = [...byText].map(
    ([text, names]) => `${rule}\n${names.join('\n')}\n${'-'.repeat(100)}\n${text}\n`,
  )
  return `${title}\n\n${list.join('\n')}\n\n${texts.join('\n')}`
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
