import Fastify, { type FastifyInstance } from 'fastify'
import type { Clock } from '../../drivers/clock.ts'
import type { Log } from '../log.ts'
import type { Unit, UnitStatus } from '../station.ts'
import { type AskAggregates, aggregateRoutes } from './aggregates.ts'
import { type AskCheckpoints, checkpointRoutes } from './checkpoints.ts'
import { addSchemas, docsRoutes } from './docs.ts'
import { noSchemaCompilers, useZodDoor } from './door.ts'
import type { Engravings } from './engraving-port.ts'
import { engravingRoutes } from './engravings.ts'
import { type AskEvidence, evidenceRoutes } from './evidence.ts'
import { healthRoutes } from './health.ts'
import { inspectionRoutes } from './inspections.ts'
import { lensLinkRoutes } from './lens-links.ts'
import { type Lenses, lensRoutes } from './lenses.ts'
import { type AskOldHeads, oldHeadRoutes } from './old-heads.ts'
import { PAGE_POLICY, pageRoutes } from './page.ts'
import type { AskPermit } from './permit.ts'
import type { AskStation, Exposition, Feed, Health, History } from './ports.ts'
import { ApiProblem, problemHandler, sendProblem } from './problem.ts'
import { type AskQuality, qualityRoutes } from './quality.ts'
import { realtimeRoutes, webSockets } from './realtime.ts'
import { RealtimeHub, type RealtimeLimits } from './realtime-hub.ts'
import { longestRead, type SensorDoor, sensorRoutes } from './sensors.ts'
import { stationRoutes } from './station.ts'
import { type AskStorage, storageRoutes } from './storage.ts'
import { type AskTrace, traceRoutes } from './trace.ts'
import { type Updates, updateRoutes } from './update.ts'
import { type FlowUpdates, updateFlowsRoutes } from './update-flows.ts'
import { type RecipeUpdates, updateRecipeRoutes } from './update-recipe.ts'

/** What the API shows, and where it comes from. */
export interface ApiSources {
  readonly version: string
  readonly history: History
  readonly health: Health
  readonly metrics: Exposition
  readonly station: AskStation
  readonly quality: AskQuality
  readonly aggregates: AskAggregates
  readonly storage: AskStorage
  readonly oldHeads: AskOldHeads
  readonly checkpoints: AskCheckpoints
  readonly trace: AskTrace
  readonly engravings: Engravings
  readonly lenses: Lenses
  readonly evidence: AskEvidence
  readonly updates: Updates
  /** What comes as updates while the station runs; absent: nothing does. */
  readonly delivered?: RecipeUpdates & FlowUpdates
  /** Who may change something. */
  readonly permit: AskPermit
  readonly feed: Feed
  /** The folder that Vite builds: `dist/console`. */
  readonly consoleDir: string
  readonly clock: Clock
  readonly log: Log
  readonly realtime?: Partial<RealtimeLimits>
  /** Heads of the old system; absent: they are not listened to. */
  readonly sensors?: SensorDoor | undefined
}

/** No route takes a large body, but for those of pictures. */
const MAX_BODY_BYTES = 64 * 1024
const REQUEST_TIMEOUT_MS = 10_000

/** Builds the server without listening: `inject` it in a test, or give it to `ApiServer`. */
export function buildServer(sources: ApiSources): FastifyInstance {
  const { log } = sources
  const app = Fastify({
    bodyLimit: MAX_BODY_BYTES,
    schemaController: noSchemaCompilers,
    requestTimeout: REQUEST_TIMEOUT_MS,
    forceCloseConnections: true,
    // The name of a symbol is the longest.
    routerOptions: { maxParamLength: 128 },
    frameworkErrors: (error, request, reply) =>
      sendProblem(request, reply, new ApiProblem(error.statusCode ?? 400, error.message)),
  })
  useZodDoor(app)
  app.setErrorHandler(problemHandler(log))
  app.setNotFoundHandler((request, reply) =>
    sendProblem(request, reply, new ApiProblem(404, `nothing answers ${request.method} here`)),
  )
  app.addHook('onRequest', (_request, reply, done) => {
    reply.headers({
      'content-security-policy': PAGE_POLICY,
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'cross-origin-resource-policy': 'same-origin',
    })
    done()
  })
  addSchemas(app)
  docsRoutes(app, sources.version)
  const { sensors } = sources
  webSockets(app, sensors === undefined ? 0 : longestRead(sensors), log)
  realtimeRoutes(app, new RealtimeHub({ ...sources, limits: sources.realtime ?? {} }))
  if (sensors !== undefined) sensorRoutes(app, sensors)
  app.register((routes, _options, done) => {
    healthRoutes(routes, sources.health, sources.metrics)
    stationRoutes(routes, sources.station)
    qualityRoutes(routes, sources.quality)
    inspectionRoutes(routes, sources.history)
    aggregateRoutes(routes, sources.aggregates)
    storageRoutes(routes, sources.storage)
    oldHeadRoutes(routes, sources.oldHeads)
    checkpointRoutes(routes, sources.checkpoints)
    traceRoutes(routes, sources.trace)
    engravingRoutes(routes, sources.engravings, sources.permit)
    lensRoutes(routes, sources.lenses)
    lensLinkRoutes(routes, sources.lenses, sources.permit)
    evidenceRoutes(routes, sources.evidence)
    updateRoutes(routes, sources.updates, sources.permit)
    if (sources.delivered !== undefined) {
      updateRecipeRoutes(routes, sources.delivered)
      updateFlowsRoutes(routes, sources.delivered)
    }
    pageRoutes(routes, sources.consoleDir)
    done()
  })
  return app
}

export interface ApiServerOptions extends ApiSources {
  readonly host: string
  /** 0 takes any free port. */
  readonly port: number
}

/** The HTTP side of the station: page, API, health and live events on one port. */
export class ApiServer implements Unit {
  readonly name = 'api'
  readonly #options: ApiServerOptions
  #app: FastifyInstance | undefined

  constructor(options: ApiServerOptions) {
    this.#options = options
  }

  /** @throws Error that names the setting to change, when the address cannot be listened on */
  async start(): Promise<void> {
    const { host, port, log } = this.#options
    const app = buildServer(this.#options)
    try {
      await app.listen({ host, port })
    } catch (error) {
      await app.close()
      throw explained(error, host, port)
    }
    this.#app = app
    log.info({ url: this.url }, 'page and API')
  }

  /** Cuts every connection. */
  async stop(): Promise<void> {
    await this.#app?.close()
    this.#app = undefined
  }

  status(): UnitStatus {
    const url = this.url
    return url === undefined ? { state: 'failed', detail: 'not listening' } : { state: 'ok', facts: { url } }
  }

  /** Where it listens, undefined while it does not. */
  get url(): string | undefined {
    const address = this.#app?.addresses()[0]
    if (address === undefined || typeof address === 'string') return undefined
    const { family, address: host, port } = address
    return `http://${family === 'IPv6' ? `[${host}]` : host}:${port}`
  }
}

const PORT_SETTING = 'http.port in poincon.yaml or POINCON_HTTP_PORT'
const HOST_SETTING = 'http.host in poincon.yaml or POINCON_HTTP_HOST'

function explained(error: unknown, host: string, port: number): Error {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  const reasons: Readonly<Record<string, string>> = {
    EADDRINUSE: `port ${port} on ${host} is taken by another process; change ${PORT_SETTING}`,
    EACCES: `port ${port} on ${host} needs more rights; change ${PORT_SETTING}`,
    EADDRNOTAVAIL: `${host} is no address of this machine; change ${HOST_SETTING}`,
    ENOTFOUND: `${host} is unknown; change ${HOST_SETTING}`,
  }
  const reason = reasons[String(code)] ?? `cannot listen on ${host}:${port}`
  return new Error(`http: ${reason}`, { cause: error })
}
