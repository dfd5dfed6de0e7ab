import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'

/** What a network camera asks of its clients. */
export interface RtspOptions {
  readonly username: string
  readonly password: string
}

const TS_PACKET_BYTES = 188
const PACKETS_PER_RTP = 7
/** RTP version 2; payload type 33, an MPEG transport stream (RFC 3551 §6). */
const RTP_HEADER = [0x80, 33]
const CLOCK_HZ = 90_000

/**
 * A network camera in small: RTSP (RFC 2326) with basic authentication, the picture as an MPEG transport stream in RTP,
 * interleaved with the commands. ffmpeg makes the stream.
 * @returns its port; the requests that it saw; and what ends it, and every client's stream
 */
export async function rtspServer({ username, password }: RtspOptions) {
  const requests: string[] = []
  const sockets = new Set<Socket>()
  const encoders = new Set<ChildProcess>()
  const wanted = `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => sockets.delete(socket))
    let text = ''
    socket.on('data', (bytes) => {
      text += bytes.toString('latin1')
      for (let end = text.indexOf('\r\n\r\n'); end >= 0; end = text.indexOf('\r\n\r\n')) {
        const request = text.slice(0, end)
        text = text.slice(end + 4)
        requests.push(request.split(' ')[0] ?? '')
        socket.write(answer(request, wanted))
        if (request.startsWith('PLAY')) encoders.add(play(socket))
      }
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return {
    port: address.port,
    requests,
    async close() {
      for (const encoder of encoders) encoder.kill('SIGKILL')
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

function answer(request: string, wanted: string): string {
  const sequence = /^CSeq: (\d+)/im.exec(request)?.[1] ?? '0'
  const method = request.split(' ')[0]
  const reply = (status: string, headers: readonly string[] = [], body = ''): string =>
    [`RTSP/1.0 ${status}`, `CSeq: ${sequence}`, ...headers, `Content-Length: ${body.length}`, '', body].join(
      '\r\n',
    )
  if (method === 'OPTIONS') return reply('200 OK', ['Public: DESCRIBE, SETUP, PLAY, TEARDOWN'])
  if (/^Authorization: (.*)$/im.exec(request)?.[1]?.trim() !== wanted) {
    return reply('401 Unauthorized', ['WWW-Authenticate: Basic realm="camera"'])
  }
  if (method === 'DESCRIBE') {
    const body =
      'v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nm=video 0 RTP/AVP 33\r\na=control:track1\r\n'
    return reply('200 OK', ['Content-Type: application/sdp'], body)
  }
  if (method === 'SETUP') {
    return reply('200 OK', ['Transport: RTP/AVP/TCP;unicast;interleaved=0-1', 'Session: 1'])
  }
  return reply('200 OK', ['Session: 1'])
}

/** Sends pictures until the client is gone. */
function play(socket: Socket): ChildProcess {
  const picture = ['-re', '-f', 'lavfi', '-i', 'testsrc=size=320x180:rate=10']
  const stream = ['-c:v', 'mpeg2video', '-g', '5', '-f', 'mpegts', 'pipe:1']
  const encoder = spawn('ffmpeg', ['-nostdin', '-loglevel', 'error', ...picture, ...stream], {
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  let rest = Buffer.alloc(0)
  let sequence = 0
  encoder.stdout.on('data', (bytes: Buffer) => {
    rest = Buffer.concat([rest, bytes])
    while (rest.length >= TS_PACKET_BYTES) {
      const packets = Math.min(PACKETS_PER_RTP, Math.floor(rest.length / TS_PACKET_BYTES))
      const payload = rest.subarray(0, packets * TS_PACKET_BYTES)
      rest = rest.subarray(payload.length)
      sequence = (sequence + 1) & 0xffff
      const header = Buffer.alloc(16)
      // Interleaved data (RFC 2326 §10.12): '$', channel, length; then the RTP header.
      header.writeUInt8(0x24, 0)
      header.writeUInt16BE(payload.length + 12, 2)
      header.set(RTP_HEADER, 4)
      header.writeUInt16BE(sequence, 6)
      header.writeUInt32BE(Math.round((performance.now() * CLOCK_HZ) / 1000) >>> 0, 8)
      if (socket.writable) socket.write(Buffer.concat([header, payload]))
    }
  })
  socket.on('close', () => encoder.kill('SIGKILL'))
  return encoder
}
