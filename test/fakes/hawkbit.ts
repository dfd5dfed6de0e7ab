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
  readonly update?: 'skip' | 'attempt' | 'forced'
  /** What the server says that the files' hashes are, where that is not so. */
  readonly sha256?: string
}

/**
 * The other end of hawkBit's Direct Device Integration API (v1), as its documentation describes it
 * (https://eclipse.dev/hawkbit/apis/ddi_api, https://eclipse.dev/hawkbit/rest-api/ddi/): one tenant, one device.
 */
export class HawkbitDdi {
  readonly feedback: DdiFeedback[] = []
  readonly attributes: unknown[] = []
  /** Requests in order: method and path. */
  readonly asked: string[] = []
  action: Action | undefined
  /** The id of an action that is to be given up. */
  cancels: string | undefined
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
    return this.#feedback(rest, body, response)
  }

  #get(path: string, request: IncomingMessage, response: ServerResponse): ServerResponse {
    const file = /^\/softwaremodules\/1\/artifacts\/(.+)$/.exec(path)?.[1]
    const content = file === undefined ? undefined : this.action?.files[file]
    if (content !== undefined) return send(content, request, response)
    if (path === '') return end(response, 200, this.#base())
    if (path === `/deploymentBase/${this.action?.id}`) return end(response, 200, this.#deployment())
    if (path === `/cancelAction/${this.cancels}`) {
      return end(response, 200, { id: this.cancels, cancelAction: { stopId: this.cancels } })
    }
    return end(response, 404)
  }

  #link(path: string): { href: string } {
    return { href: `${this.url}/${TENANT}/controller/v1/${CONTROLLER}${path}` }
  }

  #base(): object {
    const { action, cancels } = this
    return {
      config: { polling: { sleep: this.sleep } },
      _links: {
        ...(this.wantsAttributes && { configData: this.#link('/configData') }),
        ...(cancels !== undefined && { cancelAction: this.#link(`/cancelAction/${cancels}`) }),
        ...(cancels === undefined &&
          action !== undefined && {
            deploymentBase: this.#link(`/deploymentBase/${action.id}?c=-2129030598`),
          }),
      },
    }
  }

  #deployment(): object {
    const { id, files = {}, update = 'forced', sha256 } = this.action ?? {}
    const artifacts = Object.entries(files).map(([filename, content]) => ({
      filename,
      hashes: { sha256: sha256 ?? createHash('sha256').update(content).digest('hex') },
      size: content.length,
      _links: { 'download-http': this.#link(`/softwaremodules/1/artifacts/${filename}`) },
    }))
    const chunks = [{ part: 'bApp', name: 'poincon', version: '1', artifacts }]
    return { id, deployment: { download: 'forced', update, chunks } }
  }

  #feedback(path: string, body: unknown, response: ServerResponse): ServerResponse {
    const [, id] = /^\/(?:deploymentBase|cancelAction)\/([^/]+)\/feedback$/.exec(path) ?? []
    if (id === undefined) return end(response, 404)
    if (id !== this.action?.id && id !== this.cancels) return end(response, 410)
    const said = { path, ...statusOf(body) }
    this.feedback.push(said)
    if (said.execution === 'closed') {
      this.action = undefined
      this.cancels = undefined
    } else if (path.startsWith('/cancelAction/')) this.cancels = undefined
    return end(response, 200)
  }
}

const feedbackForm = z.looseObject({
  id: z.string(),
  time: z.string().regex(/^\d{8}T\d{6}$/),
  status: z.looseObject({
    execution: z.enum(['closed', 'proceeding', 'scheduled', 'rejected', 'download', 'canceled', 'resumed']),
    result: z.looseObject({ finished: z.enum(['success', 'failure', 'none']) }),
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
