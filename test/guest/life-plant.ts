/**
 * `life-plant.js ADDRESS PORT FOLDER`: any web server of a plant, for the guest: shows the files below a folder, by ranges
 * too. The folder is a link that may come to lead elsewhere meanwhile.
 */
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { join, normalize } from 'node:path'

const [address = '', port = '', folder = ''] = process.argv.slice(2)

async function answer({ url = '/', headers }: IncomingMessage, response: ServerResponse): Promise<void> {
  const file = join(folder, normalize(new URL(url, 'http://plant').pathname))
  const found = await stat(file).catch(() => undefined)
  if (found?.isFile() !== true) return void response.writeHead(404).end()
  const from = Number(/^bytes=(\d+)-$/.exec(headers.range ?? '')?.[1] ?? 0)
  const part = { 'content-range': `bytes ${from}-${found.size - 1}/${found.size}` }
  response.writeHead(from > 0 ? 206 : 200, {
    'content-length': found.size - from,
    'accept-ranges': 'bytes',
    ...(from > 0 ? part : {}),
  })
  createReadStream(file, { start: from }).pipe(response)
}

createServer((request, response) => void answer(request, response)).listen(Number(port), address)
