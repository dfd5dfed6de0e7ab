import { readdir, readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { z } from 'zod'

const node = z.looseObject({ id: z.string().min(1), type: z.string().min(1) })
/** Part of the runtime itself, without a file of their own. */
const BUILT_IN = ['tab', 'subflow', 'group', 'global-config']

/**
 * Whether the Node-RED of this release can run flows: a list of nodes, each with an id of its own and of a type that is
 * installed. @returns what is wrong; undefined: nothing
 */
export async function flowsProblem(text: string): Promise<string | undefined> {
  const parsed = z.array(node).min(1).safeParse(jsonOf(text))
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    return `${issue?.path.join('.') || 'the whole'}: expected a list of nodes with id and type`
  }
  const ids = new Set<string>()
  const types = new Set([...BUILT_IN, ...(await installedTypes())])
  for (const { id, type } of parsed.data) {
    if (ids.has(id)) return `node ${id}: is there twice`
    ids.add(id)
    if (type.startsWith('subflow:')) {
      const of = type.slice('subflow:'.length)
      if (!parsed.data.some((other) => other.type === 'subflow' && other.id === of))
        return `node ${id}: subflow ${of} is not in the file`
    } else if (!types.has(type)) return `node ${id}: type ${type} is not known to this Node-RED`
  }
  return undefined
}

/** Of Node-RED's own nodes, as their editor's halves name them; nothing else is ever installed at a station. */
async function installedTypes(): Promise<readonly string[]> {
  const nodeRed = createRequire(import.meta.url).resolve('node-red/package.json')
  const core = join(dirname(createRequire(nodeRed).resolve('@node-red/nodes/package.json')), 'core')
  const names = (await readdir(core, { recursive: true })).filter((name) => name.endsWith('.html'))
  const texts = await Promise.all(names.map((name) => readFile(join(core, name), 'utf8')))
  return texts.flatMap((text) =>
    [...text.matchAll(/registerType\(\s*['"]([^'"]+)['"]/g)].map(([, type = '']) => type),
  )
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
