import { connect, type Socket } from 'node:net'
import { type Test, test } from 'tap'
import { serveChip } from '../../tools/chip-server.ts'

/** A chip behind a socket. @returns the port */
async function served(t: Test): Promise<number> {
  const server = serveChip()
  t.teardown(() => server.close())
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}

test('a chip is driven over a socket as over its wires, commands cut anywhere', async (t) => {
  const port = await served(t)
  const say = (bytes: readonly (string | Uint8Array)[]) => conversation(t, port, bytes)
  const identify = ['W 7fff 1\n', Uint8Array.of(0), 'R 0000 2\n', 'Q\n']
  t.equal(await say(identify), 'OK\nOK 2\n\xf0\x0cOK\n')
  t.equal(
    await say(['W 000a 1\n', Uint8Array.of(1), 'R 0006 1\n', 'T 2.5\n', 'R 0006 1\n', 'Q\n']),
    'OK\nOK 1\n\x00OK\nOK 1\n\x01OK\n',
    'time passes when the host says that it slept',
  )
  t.equal(
    await say([
      'W 7fff 1\n',
      Uint8Array.of(0),
      'W 0004 1\n',
      Uint8Array.of(0x2a),
      'R 0001 1\n',
      'A 2a\n',
      'R 0001 1\n',
      'Q\n',
    ]),
    'OK\nOK\nNACK\nOK\nOK 1\n\x0cOK\n',
    'it moved to the address it was given',
  )
  t.equal(await say(['hello\n']), 'ERR hello\n')
  for (const wrong of ['T', 'T -1', 'T Infinity', 'R 0000 0', 'R 10000 1', 'W 0000 32769', 'A', 'x 1 2 3']) {
    t.equal(await say([`${wrong}\n`]), `ERR ${wrong}\n`)
  }
})

test('a host may ask without sleeping, write beside a page and end first', async (t) => {
  const port = await served(t)
  const restart = ['W 7fff 1\n', Uint8Array.of(0), 'W 000a 1\n', Uint8Array.of(1)]
  const polled = await conversation(t, port, [...restart, ...new Array(120).fill('R 0006 1\n'), 'Q\n'])
  t.ok(polled.endsWith('OK 1\n\x01OK\n'), 'transfers take time, too')
  t.equal(
    await conversation(t, port, ['W 9000 2\n', Uint8Array.of(1, 2), 'R 0001 1\n', 'Q\n']),
    'OK\nOK 1\n\x0cOK\n',
  )
  const heard = await new Promise<string>((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true }, () =>
      socket.end('R 0001 1\nT 5\n'.repeat(3)),
    )
    let text = ''
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1')
    })
    socket.on('end', () => resolve(text))
    socket.on('error', reject)
  })
  t.equal(heard, 'OK 1\n\x0cOK\n'.repeat(3), 'what was asked before the end is answered')
})

test('a host that does not listen waits, and others are served', async (t) => {
  const port = await served(t)
  const asked = 2000
  const deaf = connect(port, '127.0.0.1', () => {
    deaf.pause()
    deaf.write('R 0000 32768\n'.repeat(asked))
  })
  t.teardown(() => deaf.destroy())
  t.equal(await conversation(t, port, ['R 0001 1\n', 'Q\n']), 'OK 1\n\x0cOK\n')
  let bytes = 0
  await new Promise<void>((resolve, reject) => {
    deaf.on('data', (chunk: Buffer) => {
      bytes += chunk.length
    })
    deaf.on('end', resolve)
    deaf.on('error', reject)
    deaf.end('Q\n')
    deaf.resume()
  })
  t.equal(bytes, asked * (32768 + 'OK 32768\n'.length) + 'OK\n'.length, 'and nothing is lost')
})

/** Sends byte by byte, so that commands arrive cut, and collects until the far end closes. */
function conversation(t: Test, port: number, pieces: readonly (string | Uint8Array)[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket: Socket = connect(port, '127.0.0.1', () => {
      for (const byte of Buffer.concat(pieces.map((piece) => Buffer.from(piece))))
        socket.write(Uint8Array.of(byte))
    })
    socket.setNoDelay(true)
    let heard = ''
    socket.on('data', (chunk: Buffer) => {
      heard += chunk.toString('latin1')
    })
    socket.on('end', () => resolve(heard))
    socket.on('error', reject)
    t.teardown(() => socket.destroy())
  })
}
