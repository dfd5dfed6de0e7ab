import websocket from '@fastify/websocket'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Log } from '../log.ts'
import { ApiProblem } from './problem.ts'
import { MAX_MESSAGE_BYTES, type RealtimeHub } from './realtime-hub.ts'

/** The WebSockets of all routes. @param longest bytes of a message that is read at all */
export function webSockets(app: FastifyInstance, longest: number, log: Log): void {
  app.register(websocket, {
    options: { maxPayload: Math.max(MAX_MESSAGE_BYTES, longest), perMessageDeflate: false },
    errorHandler: (error, socket) => {
      log.debug({ err: error }, 'WebSocket client failed')
      socket.terminate()
    },
  })
}

/** `/ws/realtime`. Only pages of this server may connect from a browser: a foreign page could read along otherwise. */
export function realtimeRoutes(app: FastifyInstance, hub: RealtimeHub): void {
  app.register((scope, _options, done) => {
    scope.get(
      '/ws/realtime',
      { websocket: true, preValidation: sameOrigin, schema: { hide: true } },
      (socket) => hub.welcome(socket),
    )
    done()
  })
  app.addHook('onReady', (done) => {
    hub.start()
    done()
  })
  app.addHook('preClose', (done) => {
    hub.stop()
    done()
  })
}

/** Programs send no Origin; browsers always do (RFC 6455 §10.2). */
function sameOrigin(request: FastifyRequest, _reply: unknown, done: (error?: Error) => void): void {
  const { origin, host } = request.headers
  const foreign = origin !== undefined && (!URL.canParse(origin) || new URL(origin).host !== host)
  done(foreign ? new ApiProblem(403, `pages of ${origin} may not watch this station`) : undefined)
}
