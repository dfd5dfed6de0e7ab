import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { WebSocket } from 'ws'
import { ApiProblem } from './problem.ts'

/** Who hears one connection. */
export interface SensorConnection {
  heard(text: string): void
  /** A binary message came. */
  heardBytes(): void
  ponged(): void
}

/** What the route needs of the room of the old heads. */
export interface SensorDoor<Connection extends SensorConnection = SensorConnection> {
  readonly maxMessageBytes: number
  /** @returns undefined where the connection was sent away */
  welcome(
    socket: WebSocket,
    from: { readonly address: string; readonly port: number },
  ): Connection | undefined
  left(connection: Connection): void
}

/**
 * The longest message that is read at all: up to it the device is told what is too long, beyond it the connection ends
 * (1009). An option of the WebSocket plugin, for all its routes together.
 */
export function longestRead({ maxMessageBytes }: Pick<SensorDoor, 'maxMessageBytes'>): number {
  return 2 * maxMessageBytes
}

/** `/ws/sensors/`: heads of the old system. Needs the WebSocket plugin on `app`. */
export function sensorRoutes<Connection extends SensorConnection>(
  app: FastifyInstance,
  door: SensorDoor<Connection>,
): void {
  const options = { websocket: true, preValidation: noForeignPage, schema: { hide: true } } as const
  app.register((scope, _options, done) => {
    for (const path of ['/ws/sensors/', '/ws/sensors']) {
      scope.get(path, options, (socket, request) => admit(socket, request, door))
    }
    done()
  })
}

function admit<Connection extends SensorConnection>(
  socket: WebSocket,
  { socket: { remoteAddress = 'unknown', remotePort = 0 } }: FastifyRequest,
  door: SensorDoor<Connection>,
): void {
  const address = remoteAddress.replace(/^::ffff:(?=\d+\.)/, '')
  const connection = door.welcome(socket, { address, port: remotePort })
  // What is wrong with a connection ends it, and is told by `close`.
  socket.on('error', () => socket.terminate())
  if (connection === undefined) return
  socket.on('message', (message, isBinary) => {
    if (isBinary) connection.heardBytes()
    else connection.heard(String(message))
  })
  socket.on('pong', () => connection.ponged())
  socket.on('close', () => door.left(connection))
}

/**
 * Programs send no Origin, the Arduino library for WebSockets sends `file://`; a browser sends the page's, and no page has
 * anything to say here.
 */
function noForeignPage({ headers }: FastifyRequest, _reply: unknown, done: (error?: Error) => void): void {
  const { origin } = headers
  const foreign = origin !== undefined && origin !== 'file://'
  done(foreign ? new ApiProblem(403, `pages of ${origin} may not speak as a measuring head`) : undefined)
}
