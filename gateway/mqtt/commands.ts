import { z } from 'zod'
import type { Clock } from '../../drivers/clock.ts'
import type { Log } from '../log.ts'
import type { Unit, UnitStatus } from '../station.ts'
import { commandName, mayReplyTo, replyTopic, type StationTopics } from './topics.ts'

/** A message on a command topic, as the channel received it. */
export interface CommandRequest {
  readonly topic: string
  readonly payload: Buffer
  readonly retain: boolean
  /** MQTT 5: where the requester waits for the answer. */
  readonly responseTopic?: string
  /** MQTT 5: comes back with the reply, untouched. */
  readonly correlation?: Buffer
  /** The requester's client id, where the channel knows it: the embedded broker does, a connection does not. */
  readonly client?: string
  /** Who they are, where the channel has asked. */
  readonly user?: string
  /** Where they come from. */
  readonly address?: string
  /** Why they may not call this command: it is not run, and they are told. */
  readonly forbidden?: string
}

/** Where commands come from and replies go to: the embedded broker, or a connection to the plant's. */
export interface CommandChannel {
  readonly name: string
  /** Called once; `receive` is called for every message on the filters from then on, across reconnects. */
  listen(filters: readonly string[], receive: (request: CommandRequest) => void): void
  /** Publishes at QoS 1. A reply that cannot be delivered is lost: the requester has a deadline of its own. */
  reply(topic: string, payload: string, correlation?: Buffer): void
  /**
   * Publishes at QoS 1, and waits until it was taken: how fast that goes is how fast one may say more.
   * @throws when nobody listens there, or the connection is gone
   */
  tell(topic: string, payload: string, options?: TellOptions): Promise<void>
}

export interface TellOptions {
  /** MQTT 5: as the request gave it. */
  readonly correlation?: Buffer | undefined
  /** MQTT 5. */
  readonly userProperties?: Readonly<Record<string, string>>
}

/** What a command does: takes the parsed payload (`{}` for an empty one), returns what goes into `result`. */
export type CommandHandler = (payload: unknown) => Promise<unknown>

/** Who asks, and how they are told more than one reply. */
export interface Requester {
  /** The same for the same client: channel and client id or, where that is unknown, the reply topic. */
  readonly key: string
  /** For the log: channel, client, user, address, as far as they are known. */
  readonly who: Readonly<Record<string, string>>
  /** Aborts when the station stops, or the command is late. */
  readonly signal: AbortSignal
  /** Publishes on their reply topic, before the reply. @throws when nobody listens there any more */
  tell(payload: string, userProperties?: Readonly<Record<string, string>>): Promise<void>
}

/** A command that says more than its reply: its deadline runs anew with everything that was taken. */
export interface StreamingCommand {
  readonly stream: (payload: unknown, requester: Requester) => Promise<unknown>
}
/** A handler's refusal, in words for the requester. */
export class CommandError extends Error {
  override readonly name = 'CommandError'
}

const commandProblem = z.object({
  type: z.string().describe('`urn:poincon:problem:<what>`.'),
  title: z.string().describe('What went wrong, the same for every problem of this type.'),
  detail: z.string().describe('What went wrong this time.'),
  errors: z
    .array(z.object({ pointer: z.string().describe('JSON pointer (RFC 6901).'), detail: z.string() }))
    .exactOptional()
    .describe('Each wrong field of a payload that has the wrong form.'),
})
/** RFC 9457. */
export type CommandProblem = Readonly<z.infer<typeof commandProblem>>

const echoed = z.string().max(128).exactOptional().describe('As the request gave it.')

/** What every command is answered with. */
export const commandReply = z.discriminatedUnion('ok', [
  z.object({ ok: z.literal(true), result: z.unknown(), correlation: echoed }),
  z.object({ ok: z.literal(false), error: commandProblem, correlation: echoed }),
])
export type CommandReply = Readonly<z.infer<typeof commandReply>>

export interface CommandOptions {
  readonly topics: StationTopics
  readonly channel: CommandChannel
  /** By name as in the topic: `inspect`, `recipe/select`. */
  readonly handlers: Readonly<Record<string, CommandHandler | StreamingCommand>>
  readonly clock: Clock
  readonly log: Log
  /** Longest payload taken, bytes. Default 64 KiB. */
  readonly maxPayloadBytes?: number
  /** Commands at work at once; one more is refused. Default 16. */
  readonly maxInFlight?: number
  /** After this a requester is told that its command is late; it counts as in flight until it ends. Default 30 s. */
  readonly deadlineMs?: number
}

/**
 * What a 3.1.1 requester may add to its payload: its client id, where the channel does not know it, and a text that
 * comes back with the reply. Neither reaches the handler.
 */
const envelope = z.looseObject({
  client: z.string().min(1).max(64).optional(),
  correlation: z.string().max(128).optional(),
})

/** A payload taken apart: what the handler gets, and where the reply goes. */
interface ParsedRequest {
  readonly payload: unknown
  readonly client?: string | undefined
  readonly correlation?: string | undefined
}

/**
 * Answers the commands of a station: every request whose requester can be reached gets exactly one reply,
 * `{ ok: true, result }` or `{ ok: false, error }`.
 */
export class CommandServer implements Unit {
  readonly name: string
  readonly #options: CommandOptions
  readonly #serving = new Set<Promise<void>>()
  readonly #ended = new AbortController()
  #atWork = 0
  #received = 0
  #failed = 0
  #stopped = false

  constructor(options: CommandOptions) {
    this.#options = options
    this.name = `commands-${options.channel.name}`
  }

  start(): Promise<void> {
    const { channel, topics } = this.#options
    channel.listen(topics.commands, (request) => this.#receive(request))
    return Promise.resolve()
  }

  /** Takes no more commands; waits until those at work are answered, each at most until its deadline. */
  async stop(): Promise<void> {
    this.#stopped = true
    this.#ended.abort(new CommandError('the station stops'))
    await Promise.all(this.#serving)
  }

  status(): UnitStatus {
    const facts = { received: this.#received, failed: this.#failed, in_flight: this.#atWork }
    return { state: 'ok', facts }
  }

  #receive(request: CommandRequest): void {
    const { topics, log } = this.#options
    const name = commandName(topics, request.topic)
    if (this.#stopped || name === undefined) return
    this.#received += 1
    const { responseTopic, retain } = request
    // A retained command would run again at every connection, long after anybody asked for it.
    if (retain || (responseTopic !== undefined && !mayReplyTo(topics, responseTopic))) {
      this.#failed += 1
      log.warn({ command: name, retain, responseTopic }, 'command ignored')
      return
    }
    const served = this.#serve(name, request)
      .catch((err: unknown) => log.error({ command: name, err }, 'reply failed'))
      .finally(() => this.#serving.delete(served))
    this.#serving.add(served)
  }

  async #serve(name: string, request: CommandRequest): Promise<void> {
    const { channel, topics, log, maxPayloadBytes } = this.#options
    const parsed = parseRequest(request.payload, maxPayloadBytes ?? 65_536)
    const { client, correlation }: Partial<ParsedRequest> = 'type' in parsed ? {} : parsed
    const to = request.responseTopic ?? replyTopic(topics, name, client ?? request.client ?? 'anonymous')
    const call: Call = { name, to, request, client: client ?? request.client }
    const outcome = 'type' in parsed ? refuse(parsed) : await this.#run(call, parsed.payload)
    const who = { command: name, ...whoOf(call, channel.name) }
    if (outcome.ok) {
      log.info(who, 'command done')
    } else {
      this.#failed += 1
      log.warn({ ...who, problem: outcome.error }, 'command failed')
    }
    const reply: CommandReply = correlation === undefined ? outcome : { ...outcome, correlation }
    channel.reply(to, JSON.stringify(reply), request.correlation)
  }

  async #run(call: Call, payload: unknown): Promise<CommandReply> {
    const { handlers, deadlineMs = 30_000, maxInFlight = 16 } = this.#options
    const { name, request } = call
    if (request.forbidden !== undefined) return refuse(problem('forbidden', request.forbidden))
    const handler = Object.hasOwn(handlers, name) ? handlers[name] : undefined
    if (handler === undefined) return refuse(problem('unknown-command', `there is no command ${name}`))
    if (this.#atWork >= maxInFlight) {
      return refuse(problem('busy', `${this.#atWork} commands are at work already; try again`))
    }
    this.#atWork += 1
    const answered = new AbortController()
    const progress = { told: 0 }
    const work = Promise.resolve()
      .then(() =>
        'stream' in handler
          ? handler.stream(payload, this.#requester(call, { progress, over: answered.signal }))
          : handler(payload),
      )
      .finally(() => {
        this.#atWork -= 1
      })
    work.catch(() => {})
    const late = this.#late(progress, answered.signal)
    try {
      const result = await Promise.race([work, late])
      if (result !== LATE) return { ok: true, result }
      return refuse(problem('late', `${name} did not end within ${deadlineMs} ms; it may still take effect`))
    } catch (error) {
      return refuse(problemOf(error))
    } finally {
      answered.abort(new CommandError('late'))
      late.catch(() => {})
    }
  }

  /** Resolves when nothing was told for a whole deadline. */
  async #late(progress: { readonly told: number }, answered: AbortSignal): Promise<typeof LATE> {
    const { clock, deadlineMs = 30_000 } = this.#options
    for (let seen = -1; seen !== progress.told; ) {
      seen = progress.told
      await clock.sleep(deadlineMs, answered)
    }
    return LATE
  }

  #requester(
    call: Call,
    { progress, over }: { readonly progress: { told: number }; readonly over: AbortSignal },
  ): Requester {
    const { channel } = this.#options
    const { to, request, client } = call
    return {
      key: `${channel.name} ${request.client ?? client ?? to}`,
      who: whoOf(call, channel.name),
      signal: AbortSignal.any([over, this.#ended.signal]),
      tell: async (payload, userProperties) => {
        const { correlation } = request
        await channel.tell(to, payload, {
          correlation,
          ...(userProperties === undefined ? {} : { userProperties }),
        })
        progress.told += 1
      },
    }
  }
}

/** One command under way. */
interface Call {
  readonly name: string
  /** Where the reply goes. */
  readonly to: string
  readonly request: CommandRequest
  readonly client: string | undefined
}

/** Who calls, for the log: what the channel knows comes before what the payload says. */
function whoOf({ request, client }: Call, channel: string): Readonly<Record<string, string>> {
  const { user, address } = request
  const known = { channel, client: request.client ?? client, user, address }
  return Object.fromEntries(
    Object.entries(known).flatMap(([key, value]) => (value === undefined ? [] : [[key, value]])),
  )
}

const LATE: unique symbol = Symbol('late')

const TITLES = {
  'unknown-command': 'No such command',
  'payload-too-large': 'The payload is too large',
  'not-json': 'The payload is not JSON',
  'invalid-payload': 'The payload has the wrong form',
  busy: 'Too many commands at once',
  late: 'The command takes too long',
  forbidden: 'You may not call this command',
  refused: 'The station refuses this command now',
  failed: 'The command failed',
} as const

function problem(
  what: keyof typeof TITLES,
  detail: string,
  errors?: CommandProblem['errors'],
): CommandProblem {
  const base = { type: `urn:poincon:problem:${what}`, title: TITLES[what], detail }
  return errors === undefined ? base : { ...base, errors }
}

function refuse(error: CommandProblem): CommandReply {
  return { ok: false, error }
}

function problemOf(error: unknown): CommandProblem {
  if (error instanceof z.ZodError) return invalid(error)
  if (error instanceof CommandError) return problem('refused', error.message)
  return problem('failed', error instanceof Error ? error.message : String(error))
}

function invalid(error: z.ZodError): CommandProblem {
  const errors = error.issues.map(({ path, message }) => ({ pointer: jsonPointer(path), detail: message }))
  return problem(
    'invalid-payload',
    errors.map(({ pointer, detail }) => `${pointer || '/'}: ${detail}`).join('; '),
    errors,
  )
}

/** RFC 6901. */
function jsonPointer(path: readonly PropertyKey[]): string {
  return path.map((part) => `/${String(part).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('')
}

function parseRequest(payload: Buffer, maxBytes: number): ParsedRequest | CommandProblem {
  if (payload.length > maxBytes) {
    return problem('payload-too-large', `${payload.length} bytes; at most ${maxBytes} are taken`)
  }
  if (payload.length === 0) return { payload: {} }
  let json: unknown
  try {
    json = JSON.parse(payload.toString('utf8'))
  } catch (error) {
    return problem('not-json', error instanceof Error ? error.message : String(error))
  }
  const parsed = envelope.safeParse(json)
  if (!parsed.success) return invalid(parsed.error)
  const { client, correlation, ...rest } = parsed.data
  return { payload: rest, client, correlation }
}
