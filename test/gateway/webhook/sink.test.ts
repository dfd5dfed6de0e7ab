import { execFile } from 'node:child_process'
import { createHmac, timingSafeEqual } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { createServer as createTcpServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text as textOf } from 'node:stream/consumers'
import { promisify } from 'node:util'
import { type Test, test } from 'tap'
import { systemClock } from '../../../drivers/clock.ts'
import { VirtualClock } from '../../../drivers/simulated/clock.ts'
import { silentLog } from '../../../gateway/log.ts'
import { type OutboxEntry, RefusedError, RetryLaterError } from '../../../gateway/outbox.ts'
import { Pump } from '../../../gateway/pump.ts'
import { webhookOptions, webhooksOptions } from '../../../gateway/webhook/options.ts'
import { parseKey, signatureOf } from '../../../gateway/webhook/signature.ts'
import { retryAfterMs, WebhookSink } from '../../../gateway/webhook/sink.ts'
import { entries, entry } from '../../fakes/inspections.ts'
import { MemoryOutbox } from '../../fakes/memory-outbox.ts'
import { installed } from '../../fakes/server-process.ts'

const never = new AbortController().signal

interface Received {
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

/** A server that answers as the test says, and what it was sent. */
async function serve(
  t: Test,
  answer: (response: ServerResponse, received: Received, count: number) => unknown,
): Promise<{ readonly url: string; readonly received: Received[] }> {
  const received: Received[] = []
  const server = createServer((request, response) => {
    void textOf(request).then((body) => {
      received.push({ headers: request.headers, body })
      answer(response, { headers: request.headers, body }, received.length)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.close()
    server.closeAllConnections()
  })
  return { url: `http://127.0.0.1:${portOf(server.address())}/hook`, received }
}

function portOf(address: unknown): number {
  return typeof address === 'object' && address !== null && 'port' in address ? Number(address.port) : 0
}

function open(t: Test, webhook: object): WebhookSink {
  const sink = new WebhookSink({ webhook: webhookOptions.parse(webhook), clock: systemClock })
  t.teardown(() => sink.stop())
  return sink
}

function sequencesOf(received: readonly Received[]): unknown[] {
  return received.map(({ body }) => JSON.parse(body).sequence)
}

function failure(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => 'no error',
    (error: unknown) => error,
  )
}

test('one inspection a request, in order, known by its id', async (t) => {
  const { url, received } = await serve(t, (response) => response.writeHead(204).end())
  t.equal(await open(t, { url }).send(entries(1, 5), never), 5)
  t.strictSame(sequencesOf(received), [1, 2, 3, 4, 5])
  t.match(received[2]?.headers, {
    'content-type': 'application/json',
    'idempotency-key': entry(3).id,
    'webhook-id': entry(3).id,
  })
  t.notHas(received[0]?.headers, 'webhook-signature')
})

test('a batch a request', async (t) => {
  const { url, received } = await serve(t, (response) => response.writeHead(200).end('{"taken":3}'))
  t.equal(await open(t, { url, body: 'ndjson' }).send(entries(1, 3), never), 3)
  t.equal(await open(t, { url, body: 'array' }).send(entries(4, 6), never), 6)
  t.equal(received[0]?.headers['content-type'], 'application/x-ndjson')
  t.equal(
    received[0]?.body,
    entries(1, 3)
      .map(({ payload }) => `${payload}\n`)
      .join(''),
  )
  t.strictSame(
    JSON.parse(received[1]?.body ?? '').map(({ id }: { id: string }) => id),
    entries(4, 6).map(({ id }) => id),
  )
  t.equal(received[1]?.headers['idempotency-key'], `${entry(4).id}_${entry(6).id}`)
})

test('one of several takes only the parts that it is for, behind a cursor of its own', async (t) => {
  const { url, received } = await serve(t, (response) => response.writeHead(204).end())
  const options = webhooksOptions.parse({
    rejects: { url, only: ['reject', 'hold'] },
    'all-of-them': { url, body: 'array' },
  })
  const [rejects, all] = Object.entries(options).map(
    ([name, webhook]) => new WebhookSink({ webhook, name, clock: systemClock }),
  )
  if (rejects === undefined || all === undefined) throw new RangeError('two are configured')
  t.teardown(() => Promise.all([rejects.stop(), all.stop()]))
  t.same([rejects.name, all.name], ['webhook-rejects', 'webhook-all-of-them'])
  const late = (sequence: number, action: 'reject' | 'hold'): OutboxEntry =>
    entry(sequence, { verdict: { kind: 'ungraded', action, reasons: ['late'], latency_ms: 600 } })
  const batch = [entry(1), late(2, 'reject'), entry(3), late(4, 'hold'), entry(5)]
  t.equal(await rejects.send(batch, never), 5, 'what is not for it is passed over')
  t.strictSame(sequencesOf(received), [2, 4])
  t.equal(await rejects.send(entries(6, 8), never), 8, 'without a request')
  t.equal(received.length, 2)
  t.equal(await all.send(batch, never), 5)
  t.equal(received[2]?.headers['idempotency-key'], `${entry(1).id}_${entry(5).id}`)
  t.throws(() => webhooksOptions.parse({ 'No Name': { url } }), { message: /1 to 48 of a-z/ })
})

test('a refused one among those that are passed over stops the cursor before it', async (t) => {
  const { url } = await serve(t, (response, { body }) =>
    response.writeHead(body.includes('"sequence":4,') ? 422 : 200).end(),
  )
  const sink = open(t, { url, body: 'ndjson', only: ['hold'] })
  const held = (sequence: number): OutboxEntry =>
    entry(sequence, {
      verdict: { kind: 'ungraded', action: 'hold', reasons: ['no-product'], latency_ms: 9 },
    })
  const batch = [entry(1), held(2), entry(3), held(4), entry(5)]
  t.equal(await sink.send(batch, never), 3)
  t.match(await failure(sink.send(batch.slice(3), never)), { name: 'RefusedError', sequence: 4 })
})

test('the signature', async (t) => {
  await t.test('is that of Standard Webhooks, on the example of its documentation', (t) => {
    const key = parseKey('whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw')
    const signed = { id: 'msg_p5jXN8AQM9LWM0D4loKWxJek', timestamp: 1614265330, body: '{"test": 2432232314}' }
    t.equal(signatureOf(signed, key), 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=')
    t.throws(() => parseKey('MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'), /expected whsec_/)
    t.throws(() => parseKey('whsec_c2hvcnQ='), /24 to 64 bytes/)
    t.end()
  })

  await t.test(
    'lets the receiver check who sent what, and when; keys and tokens come from files',
    async (t) => {
      const folder = await mkdtemp(join(tmpdir(), 'poincon-webhook-'))
      t.teardown(() => rm(folder, { recursive: true }))
      const key = Buffer.alloc(32, 7)
      await writeFile(join(folder, 'key'), `whsec_${key.toString('base64')}\n`)
      await writeFile(join(folder, 'token'), 'Bearer old\n')
      const { url, received } = await serve(t, (response, { headers }) =>
        response.writeHead(headers.authorization === 'Bearer new' ? 200 : 401).end(),
      )
      const sink = open(t, {
        ...{ url, secret_file: join(folder, 'key'), header_files: { authorization: join(folder, 'token') } },
        headers: { 'x-plant': 'lyon' },
      })
      t.match(await failure(sink.send(entries(1, 1), never)), { name: 'Error', message: /HTTP 401/ })
      await writeFile(join(folder, 'token'), 'Bearer new\n')
      t.equal(await sink.send(entries(1, 1), never), 1, 'a renewed token is read again')
      const { headers, body } = received[1] ?? { headers: {}, body: '' }
      const signed = `${headers['webhook-id']}.${headers['webhook-timestamp']}.${body}`
      const expected = `v1,${createHmac('sha256', key).update(signed).digest('base64')}`
      t.ok(timingSafeEqual(Buffer.from(expected), Buffer.from(String(headers['webhook-signature']))))
      t.equal(headers['x-plant'], 'lyon')
      t.ok(Math.abs(Number(headers['webhook-timestamp']) - Date.now() / 1000) < 60)
    },
  )

  await t.test('a file that is not there, or holds something else, is named, not repeated', async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'poincon-webhook-'))
    t.teardown(() => rm(folder, { recursive: true }))
    await writeFile(join(folder, 'key'), 'hunter2')
    const { url, received } = await serve(t, (response) => response.end())
    const wrong = await failure(open(t, { url, secret_file: join(folder, 'key') }).send(entries(1, 1), never))
    t.match(wrong, { message: /^webhook.secret_file: .*key: expected whsec_/ })
    t.notMatch(wrong, { message: /hunter2/ })
    const missing = { url, header_files: { authorization: join(folder, 'none') } }
    t.match(await failure(open(t, missing).send(entries(1, 1), never)), {
      message: /^webhook.header_files.authorization: ENOENT/,
    })
    t.equal(received.length, 0)
  })
})

test('what the server says', async (t) => {
  const said = async (
    t: Test,
    status: number,
    options: object = {},
    headers: Record<string, string> = {},
  ) => {
    const { url } = await serve(t, (response) => response.writeHead(status, headers).end('because'))
    return failure(open(t, { url, ...options }).send(entries(1, 1), never))
  }
  await t.test('of the inspection: refused for good', async (t) => {
    for (const status of [400, 406, 410, 413, 415, 422]) {
      const error = await said(t, status)
      t.ok(error instanceof RefusedError)
      t.match(error, { sequence: 1, message: new RegExp(`HTTP ${status}: because`) })
    }
  })
  await t.test('of the place, the client or the time: again later', async (t) => {
    for (const status of [401, 403, 404, 408, 409, 425, 429, 500, 502, 503]) {
      t.match(await said(t, status), { name: 'Error', message: new RegExp(`HTTP ${status}: because`) })
    }
  })
  await t.test('how much later', async (t) => {
    for (const status of [429, 503]) {
      const error = await said(t, status, {}, { 'retry-after': '7' })
      t.ok(error instanceof RetryLaterError)
      t.match(error, { afterMs: 7000 })
    }
    t.match(await said(t, 429, {}, { 'retry-after': '999999999' }), { afterMs: 3_600_000 }, 'within reason')
    t.equal(retryAfterMs('Wed, 21 Oct 2015 07:28:00 GMT', Date.UTC(2015, 9, 21, 7, 27)), 60_000)
    t.equal(retryAfterMs('soon', 0), 0)
  })
  await t.test('409 that it has it already, where it is told so', async (t) => {
    t.equal(await said(t, 409, { conflict: 'delivered' }), 'no error')
  })
  await t.test('to go elsewhere: that is not done', async (t) => {
    const other = await serve(t, (response) => response.end())
    t.match(await said(t, 307, {}, { location: other.url }), { message: /HTTP 307.*not followed/ })
    t.equal(other.received.length, 0)
  })
})

test('a refused inspection never takes its neighbours along', async (t) => {
  for (const body of ['json', 'ndjson', 'array']) {
    const { url, received } = await serve(t, (response, { body: text }) =>
      response.writeHead(text.includes('"sequence":6,') ? 422 : 200).end(),
    )
    const sink = open(t, { url, body })
    t.equal(await sink.send(entries(1, 12), never), 5)
    const error = await failure(sink.send(entries(6, 12), never))
    t.ok(error instanceof RefusedError)
    t.match(error, { sequence: 6 })
    t.equal(await sink.send(entries(7, 12), never), 12)
    t.ok(received.length <= 16, `${received.length} requests`)
  }
})

test('what was taken before the server failed is not sent again, and its pause is kept', async (t) => {
  const { url, received } = await serve(t, (response, _, count) =>
    response.writeHead(count === 3 ? 429 : 200, { 'retry-after': '7' }).end(),
  )
  const clock = new VirtualClock()
  const outbox = new MemoryOutbox()
  outbox.append(...entries(1, 5))
  const askedAt: number[] = []
  const sink = open(t, { url })
  const pump = new Pump({
    ...{ outbox, clock, log: silentLog, random: () => 1, backlog: () => outbox.backlog('webhook') },
    sink: {
      ...{ name: sink.name, window: sink.window },
      send: (batch: readonly OutboxEntry[], signal: AbortSignal) => {
        askedAt.push(clock.now())
        return sink.send(batch, signal)
      },
    },
  })
  await pump.start()
  while (outbox.backlog('webhook') > 0) await new Promise(setImmediate)
  await pump.stop()
  t.strictSame(sequencesOf(received), [1, 2, 3, 3, 4, 5])
  t.strictSame(askedAt, [0, 0, 7000])
})

test('servers that break off', async (t) => {
  await t.test('in the middle of the answer: not delivered, sent again under the same key', async (t) => {
    const { url, received } = await serve(t, (response, _, count) => {
      if (count > 1) return response.end()
      response.writeHead(200, { 'content-length': '100' })
      return response.write('{"ta', () => response.destroy())
    })
    const sink = open(t, { url })
    t.match(await failure(sink.send(entries(1, 1), never)), { message: /aborted|ECONNRESET|hang up/ })
    t.equal(await sink.send(entries(1, 1), never), 1)
    t.equal(received[0]?.headers['idempotency-key'], received[1]?.headers['idempotency-key'])
  })

  await t.test('before any answer', async (t) => {
    const url = await raw(t, (socket) => socket.once('data', () => socket.resetAndDestroy()))
    t.match(await failure(open(t, { url }).send(entries(1, 1), never)), { message: /ECONNRESET|hang up/ })
  })

  await t.test('that are silent, half open, or drip: the deadline is for the whole', async (t) => {
    const dripping = (socket: Socket): void => {
      socket.write('HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n')
      const timer = setInterval(() => socket.write('x'), 20)
      socket.once('close', () => clearInterval(timer))
    }
    for (const behaviour of [() => {}, (socket: Socket) => void socket.pause(), dripping]) {
      const url = await raw(t, behaviour)
      const sink = open(t, { url, timeout_ms: 150 })
      t.match(await failure(sink.send(entries(1, 1), never)), { message: /no answer within 150 ms/ })
    }
  })

  await t.test('that are not there', async (t) => {
    const url = await raw(t, () => {}, true)
    t.match(await failure(open(t, { url }).send(entries(1, 1), never)), { message: /ECONNREFUSED/ })
  })

  await t.test('that talk without end: what they said first is enough', async (t) => {
    const { url } = await serve(t, (response) => {
      response.writeHead(500)
      const more = (): void => void (response.destroyed || response.write('no '.repeat(10_000), more))
      more()
    })
    const error = await failure(open(t, { url }).send(entries(1, 1), never))
    t.match(error, { message: /HTTP 500: no no/ })
    t.ok(error instanceof Error && error.message.length < 500)
  })

  await t.test('while the gateway stops', async (t) => {
    const stopping = new AbortController()
    const url = await raw(t, (socket) => socket.once('data', () => stopping.abort(new Error('stopping'))))
    t.match(await failure(open(t, { url }).send(entries(1, 1), stopping.signal)), { message: 'stopping' })
  })
})

/** A server that speaks no HTTP by itself. @param gone it listened, and does no more */
async function raw(t: Test, behave: (socket: Socket) => unknown, gone = false): Promise<string> {
  const sockets = new Set<Socket>()
  const server = createTcpServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    behave(socket)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const port = portOf(server.address())
  const close = (): void => {
    server.close()
    for (const socket of sockets) socket.destroy()
  }
  if (gone) close()
  else t.teardown(close)
  return `http://127.0.0.1:${port}/`
}

test('TLS: the server must be who it says, and may ask who asks', {
  skip: installed('openssl') ? false : 'SKIPPED: openssl is not installed',
}, async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'poincon-webhook-'))
  t.teardown(() => rm(folder, { recursive: true }))
  const file = (name: string): string => join(folder, name)
  await certificates(folder)
  const server = createTlsServer(
    {
      ...{ key: await readFile(file('server.key')), cert: await readFile(file('server.crt')) },
      ...{ ca: await readFile(file('ca.crt')), requestCert: true, rejectUnauthorized: true },
    },
    (request, response) => {
      request.resume().once('end', () => response.writeHead(204).end())
    },
  )
  server.listen(0, 'localhost')
  await once(server, 'listening')
  t.teardown(() => {
    server.close()
    server.closeAllConnections()
  })
  const url = `https://localhost:${portOf(server.address())}/`
  const own = { cert_file: file('gw.crt'), key_file: file('gw.key') }
  t.equal(await open(t, { url, ca_file: file('ca.crt'), ...own }).send(entries(1, 3), never), 3)
  t.match(await failure(open(t, { url, ...own }).send(entries(1, 1), never)), { message: /certificate/ })
  t.match(await failure(open(t, { url, ca_file: file('ca.crt') }).send(entries(1, 1), never)), {
    message: /certificate|ECONNRESET|hang up|alert/,
  })
})

/** A CA, a server certificate for localhost, a client certificate. */
async function certificates(folder: string): Promise<void> {
  const openssl = (...args: string[]) => promisify(execFile)('openssl', args, { cwd: folder })
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '1']
  await openssl('req', '-x509', ...key, '-subj', '/CN=Test CA', '-keyout', 'ca.key', '-out', 'ca.crt')
  for (const name of ['server', 'gw']) {
    const signed = ['-CA', 'ca.crt', '-CAkey', 'ca.key', '-addext', 'subjectAltName=DNS:localhost']
    const files = ['-subj', '/CN=localhost', '-keyout', `${name}.key`, '-out', `${name}.crt`]
    await openssl('req', '-x509', ...key, ...signed, ...files)
  }
}

test('options that make no sense', (t) => {
  for (const [wrong, expectation] of [
    [{ url: 'ftp://x' }, /expected http/],
    [{ url: 'https://user:pw@x' }, /no user name/],
    [{ url: 'https://x', cert_file: 'a' }, /both cert_file and key_file/],
    [{ url: 'https://x', headers: { 'Webhook-Id': '1' } }, /none of the headers/],
    [{ url: 'https://x', headers: { a: 'b\r\nc: d' } }, /printable ASCII/],
  ] as const)
    t.match(webhookOptions.safeParse(wrong).error?.message, expectation)
  t.end()
})
