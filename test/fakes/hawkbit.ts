import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { z } from 'zod'

const TENANT = 'DEFAULT'
export const CONTROLLER = 'gateway-7'
export const TOKEN = 'a target token'

export interface DdiFeedback {
  readonly path: string
  readonly id: string
  readonly execution: string
  readonly finished: string
  readonly details: readonly string[]
}

/** One distribution set given to one device. */
export interface Action {
  readonly id: string
  readonly files: Readonly<Record<string, Uint8Array>>
  readonly download?: 'skip' | 'attempt' | 'forced'
  readonly update?: 'skip' | 'attempt' | 'forced'
  readonly maintenanceWindow?: 'available' | 'unavailable'
  /** It runs only once the device has said yes. */
  readonly confirm?: boolean
  /** What the server says that the files' hashes are, where that is not so. */
  readonly sha256?: string
}

/**
 * The other end of hawkBit's Direct Device Integration API (v1), as its documentation describes it
 * (https://eclipse.dev/hawkbit/apis/ddi_api, https://eclipse.dev/hawkbit/rest-api/ddi/) and its `DdiRootController`
 * answers: one tenant, one device, an action that waits for a yes, runs, is being cancelled, or is closed.
 */
export class HawkbitDdi {
  readonly feedback: DdiFeedback[] = []
  readonly attributes: unknown[] = []
  /** Answers to actions that wait for a yes. */
  readonly confirmations: unknown[] = []
  /** How actions ended, by their ids. */
  readonly closed = new Map<string, 'success' | 'failure' | 'canceled'>()
  /** Requests in order: method and path. */
  readonly asked: string[] = []
  /** The one that is not closed. */
  action: Action | undefined
  /** It is to be given up. */
  canceling = false
  sleep = '00:05:00'
  wantsAttributes = true
  /** Answers instead; undefined: go on. */
  fault: (request: IncomingMessage, response: ServerResponse) => boolean = () => false
  readonly #server: Server = createServer((request, response) => {
    this.#answer(request, response).catch(() => response.destroy())
  })

  static async start(): Promise<HawkbitDdi> {
    const ddi = new HawkbitDdi()
    ddi.#server.listen(0, '127.0.0.1')
    await once(ddi.#server, 'listening')
    return ddi
  }

  get url(): string {
    const address = this.#server.address()
    return `http://127.0.0.1:${address !== null && typeof address === 'object' ? address.port : 0}`
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    this.#server.close()
    await once(this.#server, 'close')
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<unknown> {
    const path = decodeURIComponent(new URL(request.url ?? '', this.url).pathname)
    this.asked.push(`${request.method} ${path}`)
    if (this.fault(request, response)) return undefined
    if (request.headers.authorization !== `TargetToken ${TOKEN}`) return end(response, 401)
    const base = `/${TENANT}/controller/v1/${CONTROLLER}`
    if (!path.startsWith(base)) return end(response, 404)
    const rest = path.slice(base.length)
    if (request.method === 'GET') return this.#get(rest, request, response)
    const body: unknown = JSON.parse(await textOf(request))
    if (rest === '/configData' && request.method === 'PUT') {
      this.attributes.push(body)
      this.wantsAttributes = false
      return end(response, 200)
    }
    return end(response, this.#taken(rest, body))
  }

  #get(path: string, request: IncomingMessage, response: ServerResponse): ServerResponse {
    const { action, canceling } = this
    const file = /^\/softwaremodules\/1\/artifacts\/(.+)$/.exec(path)?.[1]
    const content = file === undefined ? undefined : action?.files[file]
    if (content !== undefined) return send(content, request, response)
    if (path === '') return end(response, 200, this.#base())
    const [, kind, id] = /^\/(deploymentBase|confirmationBase|cancelAction)\/(.+)$/.exec(path) ?? []
    if (action === undefined || id !== action.id) return end(response, 404)
    if (canceling) {
      const cancel = { id, cancelAction: { stopId: id } }
      return kind === 'cancelAction' ? end(response, 200, cancel) : end(response, 404)
    }
    const wanted = action.confirm === true ? 'confirmationBase' : 'deploymentBase'
    if (kind !== wanted) return end(response, 404)
    const what = kind === 'confirmationBase' ? 'confirmation' : 'deployment'
    return end(response, 200, { id, [what]: this.#deployment(action) })
  }

  #link(path: string): { href: string } {
    return { href: `${this.url}/${TENANT}/controller/v1/${CONTROLLER}${path}` }
  }

  #base(): object {
    const { action, canceling } = this
    const links = (): object => {
      if (action === undefined) return {}
      if (canceling) return { cancelAction: this.#link(`/cancelAction/${action.id}`) }
      const kind = action.confirm === true ? 'confirmationBase' : 'deploymentBase'
      return { [kind]: this.#link(`/${kind}/${action.id}?c=-2129030598`) }
    }
    return {
      config: { polling: { sleep: this.sleep } },
      _links: { ...(this.wantsAttributes && { configData: this.#link('/configData') }), ...links() },
    }
  }

  #deployment({ files, download = 'forced', update = 'forced', maintenanceWindow, sha256 }: Action): object {
    const artifacts = Object.entries(files).map(([filename, content]) => ({
      filename,
      hashes: { sha256: sha256 ?? createHash('sha256').update(content).digest('hex') },
      size: content.length,
      _links: { 'download-http': this.#link(`/softwaremodules/1/artifacts/${filename}`) },
    }))
    const chunks = [{ part: 'bApp', name: 'poincon', version: '1', artifacts }]
    return { download, update, ...(maintenanceWindow !== undefined && { maintenanceWindow }), chunks }
  }

  /** @returns the status of the answer */
  #taken(path: string, body: unknown): number {
    const { action } = this
    const [, kind, id = ''] =
      /^\/(deploymentBase|cancelAction|confirmationBase)\/([^/]+)\/feedback$/.exec(path) ?? []
    if (this.closed.has(id)) return 410
    if (kind === undefined || action === undefined || id !== action.id) return 404
    if (kind === 'confirmationBase') {
      if (action.confirm !== true) return 404
      const said = confirmationForm.parse(body)
      this.confirmations.push(said)
      if (said.confirmation === 'confirmed') this.action = { ...action, confirm: false }
      return 200
    }
    if (kind === 'deploymentBase' && action.confirm === true) return 404
    const said = { path, ...statusOf(body) }
    this.feedback.push(said)
    const canceled = kind === 'cancelAction' && said.finished !== 'failure'
    if (said.execution === 'closed')
      this.#close(id, canceled ? 'canceled' : said.finished === 'success' ? 'success' : 'failure')
    else if (kind === 'cancelAction') this.canceling = false
    return 200
  }

  #close(id: string, how: 'success' | 'failure' | 'canceled'): void {
    this.closed.set(id, how)
    this.action = undefined
    this.canceling = false
    // What a device says of itself may be another thing after an update.
    if (how === 'success') this.wantsAttributes = true
  }
}

const confirmationForm = z.strictObject({
  confirmation: z.enum(['confirmed', 'denied']),
  code: z.int().optional(),
  details: z.array(z.string().max(512)).max(50),
})

const feedbackForm = z.looseObject({
  id: z.string(),
  time: z.string().regex(/^\d{8}T\d{6}$/),
  timestamp: z.int(),
  status: z.looseObject({
    execution: z.enum(['closed', 'proceeding', 'scheduled', 'rejected', 'download', 'canceled', 'resumed']),
    result: z.looseObject({
      finished: z.enum(['success', 'failure', 'none']),
      progress: z.strictObject({ cnt: z.int(), of: z.int() }).optional(),
    }),
    details: z.array(z.string().max(512)).max(50),
  }),
})

/** @throws ZodError for what the documentation does not allow */
function statusOf(body: unknown): Omit<DdiFeedback, 'path'> {
  const { id, status } = feedbackForm.parse(body)
  return { id, execution: status.execution, finished: status.result.finished, details: status.details }
}

async function textOf(request: IncomingMessage): Promise<string> {
  let text = ''
  for await (const piece of request) text += String(piece)
  return text
}

function end(response: ServerResponse, status: number, body?: object): ServerResponse {
  response.writeHead(status, { 'Content-Type': 'application/hal+json;charset=UTF-8' })
  return response.end(body === undefined ? '' : JSON.stringify(body))
}

function send(content: Uint8Array, request: IncomingMessage, response: ServerResponse): ServerResponse {
  const first = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0)
  const range = { 'Content-Range': `bytes ${first}-${content.length - 1}/${content.length}` }
  response.writeHead(first > 0 ? 206 : 200, {
    ...{ 'Content-Length': content.length - first, ETag: '"1"' },
    ...(first > 0 && range),
  })
  return response.end(content.subarray(first))
}
