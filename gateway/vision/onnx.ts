import { env, InferenceSession, Tensor } from 'onnxruntime-node'
import { type Model, ModelError, type Port, reason } from './model.ts'
import type { Provider } from './providers.ts'

/** A provider that is not used, and why. */
export interface Refusal {
  readonly provider: Provider
  readonly reason: string
}

/** An open network, as the runtime gives it. */
export type Session = Pick<InferenceSession, 'run' | 'release' | 'inputMetadata' | 'outputMetadata'>

export interface NetworkOptions {
  /** Tried in this order; the processor is the last resort also where it is not named. */
  readonly providers: readonly Provider[]
  /** Of the processor, for one network. */
  readonly threads: number
  /** Called for each provider that is refused, at the start or later. */
  readonly refused: (refusal: Refusal) => void
  /** Opens a session on one provider; default: onnxruntime's. */
  readonly open?: (bytes: Uint8Array, provider: Provider, threads: number) => Promise<Session>
}

/** A tensor of 32-bit floats, row-major. */
export interface Floats {
  readonly data: Float32Array
  readonly shape: readonly number[]
}

interface Opened {
  readonly provider: Provider
  readonly session: Session
}

/**
 * A network on the first provider that opens it and computes the stored answer. One that fails later gives way to the
 * next, and the same input is computed there. It blocks the thread that calls it: use it in a thread of its own.
 */
export class Network {
  readonly #model: Model
  readonly #options: NetworkOptions
  #opened: Opened
  /** Those not tried yet. */
  readonly #left: Provider[]

  private constructor(model: Model, options: NetworkOptions, opened: Opened, left: Provider[]) {
    this.#model = model
    this.#options = options
    this.#opened = opened
    this.#left = left
  }

  /** @throws ModelError when no provider can, with what the processor said */
  static async open(model: Model, options: NetworkOptions): Promise<Network> {
    const left = [...options.providers.filter((provider) => provider !== 'cpu'), 'cpu' as const]
    const wanted = options.providers.indexOf('cpu')
    // What stands behind the processor is never reached.
    if (wanted >= 0) left.splice(wanted, left.length, 'cpu')
    const opened = await next(model, options, left)
    return new Network(model, options, opened, left)
  }

  /** Of the manifest. */
  get name(): string {
    return this.#model.manifest.name
  }

  /** Of the file. */
  get sha256(): string {
    return this.#model.manifest.sha256
  }

  get provider(): Provider {
    return this.#opened.provider
  }

  /** @throws the runtime's error when the processor cannot either */
  async run(input: Floats): Promise<Floats> {
    try {
      return await compute(this.#opened.session, this.#model, input)
    } catch (error) {
      const { provider, session } = this.#opened
      if (this.#left.length === 0) throw error
      this.#options.refused({ provider, reason: `failed while it ran: ${reason(error)}` })
      // A provider that failed may not close either.
      await session.release().catch(() => {})
      this.#opened = await next(this.#model, this.#options, this.#left)
      return await this.run(input)
    }
  }

  async close(): Promise<void> {
    await this.#opened.session.release()
  }
}

/** Takes providers from the front of `left` until one computes as it should. */
async function next(model: Model, options: NetworkOptions, left: Provider[]): Promise<Opened> {
  for (;;) {
    const provider = left.shift()
    if (provider === undefined) throw new ModelError('unreadable', `${model.manifest.name}: no provider left`)
    try {
      const { session } = await openOn(provider, model, options)
      return { provider, session }
    } catch (error) {
      if (provider === 'cpu') throw error
      options.refused({ provider, reason: reason(error) })
    }
  }
}

async function openOn(
  provider: Provider,
  model: Model,
  { open = openSession, threads }: NetworkOptions,
): Promise<{ readonly session: Session; readonly difference: number }> {
  const session = await open(model.bytes, provider, threads).catch((error: unknown) => {
    throw new ModelError('unreadable', `${model.manifest.name} on ${provider}: ${reason(error)}`, {
      cause: error,
    })
  })
  try {
    checkPorts(session, model)
    return { session, difference: await checkAnswer(session, model, provider) }
  } catch (error) {
    await session.release().catch(() => {})
    throw error
  }
}

/** Opens a session as the networks of a station are opened; nothing of it is checked. @throws the runtime's error */
export function openSession(bytes: Uint8Array, provider: Provider, threads: number): Promise<Session> {
  // What fails is thrown, and said once, by us; the runtime would write it to the terminal as well.
  env.logLevel = 'fatal'
  return InferenceSession.create(bytes, {
    executionProviders: [provider],
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    graphOptimizationLevel: 'all',
    logSeverityLevel: 4,
  })
}

function checkPorts(session: Session, { manifest }: Model): void {
  const found = [...session.inputMetadata, ...session.outputMetadata].map((metadata) =>
    metadata.isTensor
      ? `${metadata.name}: ${metadata.type} ${shapeText(metadata.shape)}`
      : `${metadata.name}: no tensor`,
  )
  const expected = [manifest.input, manifest.output].map(portText)
  if (found.join() !== expected.join()) {
    const said = `has ${found.join(', ')}, expected ${expected.join(', ')}`
    throw new ModelError('shape', `${manifest.name} ${said}`)
  }
}

function portText({ name, shape }: Port): string {
  return `${name}: float32 ${shapeText(shape)}`
}

function shapeText(shape: readonly (number | string)[]): string {
  return `[${shape.join(' ')}]`
}

/** @returns by how much its answer differs from the stored one at most; @throws ModelError `output` when that is too much */
async function checkAnswer(session: Session, model: Model, provider: Provider): Promise<number> {
  const { check, name } = model.manifest
  const { data } = await compute(session, model, checkInput(model))
  const off = check.output.reduce((most, value, at) => Math.max(most, Math.abs(value - (data[at] ?? NaN))), 0)
  if (data.length === check.output.length && off <= check.tolerance) return off
  const said = `its answer differs from the stored one by ${off}, expected at most ${check.tolerance}`
  throw new ModelError('output', `${name} on ${provider}: ${said}`)
}

function checkInput({ manifest: { check } }: Model): Floats {
  const data = Float32Array.from(Buffer.from(check.input_8bit_base64, 'base64'), (level) => level / 255)
  return { data, shape: check.shape }
}

/** What a provider of this machine makes of a model's stored input. */
export interface Trial {
  /** From the stored answer, at most. */
  readonly difference: number
  /** Of a run, ms. */
  readonly medianMs: number
}

/** Opens a model on one provider, and on no other. @throws ModelError why it cannot be used there */
export async function tryProvider(
  model: Model,
  provider: Provider,
  threads: number,
  rounds = 21,
): Promise<Trial> {
  const refused = (): void => {}
  const { session, difference } = await openOn(provider, model, { providers: [provider], threads, refused })
  try {
    const times: number[] = []
    for (let round = 0; round < rounds; round++) {
      const beganAt = performance.now()
      await compute(session, model, checkInput(model))
      times.push(performance.now() - beganAt)
    }
    times.sort((a, b) => a - b)
    return { difference, medianMs: times[times.length >> 1] ?? 0 }
  } finally {
    await session.release()
  }
}

async function compute(session: Session, { manifest }: Model, input: Floats): Promise<Floats> {
  const results = await session.run({ [manifest.input.name]: new Tensor('float32', input.data, input.shape) })
  const tensor = results[manifest.output.name]
  if (!(tensor?.data instanceof Float32Array)) {
    throw new ModelError('shape', `${manifest.name}: it gave no ${manifest.output.name} of float32`)
  }
  return { data: tensor.data, shape: tensor.dims }
}
