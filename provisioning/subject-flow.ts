import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { Contents } from './content.ts'
import type { Subject } from './subject.ts'
import { contentSubject } from './subject-content.ts'
import type { UpdateRecord } from './update-machine.ts'
import { messageOf, type UpdateTools } from './update-tools.ts'

const nodes = z.array(z.looseObject({ id: z.string(), type: z.string() }))
const TIMEOUT_MS = 5000
const MAX_BYTES = 16 * 1024 * 1024

/** Flows: only Node-RED starts anew, whose process ever it is; the line goes on. It is asked what it runs then. */
export const flowSubject: Subject = {
  ...contentSubject('flow'),
  // Where the link leads does not tell whether Node-RED was asked: what was cut short is taken back, and waits anew.
  current: ({ from }) => Promise.resolve(from),
  besideTheLine: true,
  undone: (tools, signal) =>
    restart(tools, signal).catch((error: unknown) => tools.say(`flows: ${messageOf(error)}`)),
  restart: (_update, tools, signal) => restart(tools, signal),
  runs: () => true,
  unwell: async (update, tools, signal) => {
    const { clock, pace } = tools
    const wanted = await identityOf(update, tools)
    const over = clock.now() + pace.readyMs
    for (;;) {
      const seen = await running(tools).catch(messageOf)
      if (typeof seen !== 'string' && sameSet(seen, wanted)) return undefined
      if (clock.now() >= over) {
        return typeof seen === 'string'
          ? `Node-RED did not come up with them: ${seen}`
          : 'Node-RED runs other flows: somebody at this station has changed them, and they are kept'
      }
      await clock.sleep(pace.pollMs, signal)
    }
  },
}

async function restart({ link, supervisor }: UpdateTools, signal: AbortSignal): Promise<void> {
  // A station that does not answer has no Node-RED that runs.
  if (!(await link.restartFlows().catch(() => false))) await supervisor.restartFlows(signal)
}

async function identityOf(update: UpdateRecord, tools: UpdateTools): Promise<ReadonlySet<string>> {
  const text = await readFile(join(new Contents(tools).path(update, update.to), 'flows.json'), 'utf8')
  return identities(JSON.parse(text))
}

/** What Node-RED says that it runs (https://nodered.org/docs/api/admin/methods/get/flows/). */
async function running({ flowsPort }: UpdateTools): Promise<ReadonlySet<string>> {
  const response = await fetch(`http://127.0.0.1:${flowsPort}/flows`, {
    headers: { accept: 'application/json', 'node-red-api-version': 'v1' },
    signal: AbortSignal.timeout(TIMEOUT_MS),
    redirect: 'error',
  })
  const text = await response.text()
  if (response.status !== 200 || text.length > MAX_BYTES) throw new Error(`it answers ${response.status}`)
  return identities(JSON.parse(text))
}

/** Nodes with all that they say: Node-RED writes them in an order of its own. */
function identities(value: unknown): ReadonlySet<string> {
  return new Set(nodes.parse(value).map((node) => JSON.stringify(Object.entries(node).sort())))
}

function sameSet(a: ReadonlySet<string>, b: ReadonlySet<string>): boolean {
  return a.size === b.size && [...a].every((one) => b.has(one))
}
