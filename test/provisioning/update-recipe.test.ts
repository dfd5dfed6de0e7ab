import { once } from 'node:events'
import { mkdir, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { Contents } from '../../provisioning/content.ts'
import { recipeSubject } from '../../provisioning/subject-recipe.ts'
import type { UpdateRecord } from '../../provisioning/update-machine.ts'
import type { UpdateTools } from '../../provisioning/update-tools.ts'
import { toolsOf } from './kills/tools.ts'

const NEVER = new AbortController().signal
const AT = '2026-11-22T04:00:00.000Z'
const RECIPE: UpdateRecord = {
  ...{ schema: 'poincon.update-journal/1', id: 'u', by: 'schedule', kind: 'recipe', name: 'foie-gras' },
  ...{ phase: 'held', from: 'none', to: '1.1.0', from_schema: 1, began: AT, since: AT, interrupted: 0 },
  target: { path: 'stable/recipe/x', channel: 'stable', length: 1, hash: 'h' },
}

interface Said {
  readonly revision: number
  readonly revised_by?: string
  /** Why it does not look at it; why it does not take it. */
  readonly wrong?: string
  readonly lost?: string
}

/** A station, as far as it is asked about recipes. */
async function station(t: Test): Promise<{ tools: UpdateTools; says: (said: Said) => void }> {
  let now: Said = { revision: 4 }
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = await request.toArray()
    const { take } = JSON.parse(Buffer.concat(chunks).toString())
    const detail = now.wrong ?? (take ? now.lost : undefined)
    response.writeHead(detail === undefined ? 200 : 409, { 'content-type': 'application/json' })
    response.end(JSON.stringify(detail === undefined ? { in_force: true, changes: [], ...now } : { detail }))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const [address, dir] = [server.address(), t.testdir({})]
  const port = typeof address === 'object' && address !== null ? address.port : 0
  const tools = toolsOf({ slotsDir: dir, updateDir: dir, configFile: dir, restartFile: dir, port })
  const folder = new Contents(tools).path(RECIPE, RECIPE.to)
  await mkdir(folder, { recursive: true })
  await writeFile(join(folder, 'recipe.yaml'), 'id: foie-gras\n')
  return { tools, says: (said) => (now = said) }
}

test('what somebody has saved since it was tested is not written over', async (t) => {
  const { tools, says } = await station(t)
  const tested = { ...RECIPE, tested: '4' }
  t.match(await recipeSubject.test(RECIPE, tools, NEVER), { type: 'tested', tested: '4' })
  t.equal(await recipeSubject.before?.(tested, tools), '4')
  says({ revision: 6 })
  t.equal(await recipeSubject.before?.(tested, tools), '6', 'revisions of updates are nobody’s work')
  says({ revision: 5, revised_by: 'ann' })
  await t.rejects(async () => await recipeSubject.before?.(tested, tools), {
    message: 'revision 5 was saved at this station by ann since it was tested',
  })
  t.equal(await recipeSubject.before?.({ ...RECIPE, tested: '5' }, tools), '5', 'that one was shown')
})

test('a recipe that the station refuses is at fault, a line that was lost is not', async (t) => {
  const { tools, says } = await station(t)
  says({ revision: 4, wrong: 'the heads are too slow for it' })
  await t.rejects(recipeSubject.put(RECIPE, tools, NEVER), { name: 'IntegrityError', message: /too slow/ })
  says({ revision: 4, lost: 'the line is not the update’s' })
  await t.rejects(recipeSubject.put(RECIPE, tools, NEVER), { name: 'Error', message: /not the update’s/ })
})
