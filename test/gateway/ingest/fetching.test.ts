import { test } from 'tap'
import { VirtualClock } from '../../../drivers/simulated/clock.ts'
import { type Asked, Fetching } from '../../../gateway/ingest/fetching.ts'
import { until } from './fleet.ts'

interface Message {
  readonly name: string
  working(): void
}

function messageOf(name: string): Message {
  return { name, working: () => {} }
}

type Answer = Error | readonly string[]

/** A consumer that answers one request after the other as told, and then no more until it is closed. */
function consumerOf(answers: Answer[], info: Error[] = []): Asked<Message> {
  let over: () => void = () => {}
  const closed = new Promise<void>((resolve) => {
    over = resolve
  })
  const close = (): Promise<void> => {
    over()
    return closed
  }
  return {
    fetch: () => {
      const answer = answers.shift()
      if (answer instanceof Error) return Promise.reject(answer)
      const names: readonly string[] | undefined = answer
      async function* messages(): AsyncGenerator<Message> {
        if (names === undefined) await closed
        else yield* names.map(messageOf)
      }
      return Promise.resolve(Object.assign(messages(), { close }))
    },
    info: () => {
      const error = info.shift()
      return error === undefined ? Promise.resolve({}) : Promise.reject(error)
    },
  }
}

function fetching(consumer: Asked<Message>, take: (name: string) => void) {
  const told: (string | undefined)[] = []
  const trouble = (why: Error | undefined): void => void told.push(why?.message)
  const options = { ahead: 10, ackWaitMs: 30_000, clock: new VirtualClock(), trouble }
  const of = new Fetching(consumer, options, ({ name }, answered) => {
    take(name)
    answered()
  })
  const close = async (): Promise<void> => {
    await of.close()
    of.forget()
  }
  return { of, told, close }
}

test('a server that does not answer is told of at every attempt, and its first message ends that', async (t) => {
  const taken: string[] = []
  const answers = [new Error('no responders'), new Error('no responders'), ['a', 'b']]
  const { of, told, close } = fetching(consumerOf(answers), (name) => taken.push(name))
  await until(() => taken.length === 2)
  t.same(told.slice(0, 3), ['no responders', 'no responders', undefined])
  t.same(taken, ['a', 'b'])
  await close()
  t.equal(await of.closed(), undefined, 'it was closed, and nothing is wrong')
})

test('a request that brought nothing: the server is asked whether it is there', async (t) => {
  const { told, close } = fetching(consumerOf([[], []], [new Error('timeout')]), () => {})
  await until(() => told.includes(undefined))
  t.same(told.slice(0, 2), ['timeout', undefined], 'silent first, then there is nothing')
  await close()
})

test('an error of whoever takes them is the reason why it is over, and is not tried again', async (t) => {
  const answers = [['a', 'b'], ['c']]
  const taken: string[] = []
  const { of, told } = fetching(consumerOf(answers), (name) => {
    taken.push(name)
    throw new TypeError('not a part')
  })
  t.match(await of.closed(), { name: 'TypeError', message: 'not a part' })
  t.same(taken, ['a'])
  t.same(told, [undefined], 'the server is not to blame')
})
