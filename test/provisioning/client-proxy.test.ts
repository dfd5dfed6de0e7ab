import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer, type IncomingMessage, request, type Server } from 'node:http'
import { connect, type Server as PlainServer, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { createServer as createTlsServer } from 'node:tls'
import { type Test, test } from 'tap'
import type { OpenOptions } from '../../provisioning/client.ts'
import {
  chooseProxy,
  type ProxyChoice,
  type ProxySettings,
  proxySettings,
} from '../../provisioning/tuf-proxy.ts'
import { HostileRepository } from '../fakes/hostile-repository.ts'
import { clientOf, install, memoryFolder } from '../fakes/hostile-repository-client.ts'
import { Authority } from '../gateway/mqtt/certificates.ts'

const { signal } = new AbortController()
const CREDENTIALS = `Basic ${Buffer.from('line:pa:ss').toString('base64')}`

function portOf(server: PlainServer | Server): number {
  const address = server.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}

async function listen(t: Test, server: Server | PlainServer): Promise<number> {
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.on('error', () => socket.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return portOf(server)
}

/** A plant's proxy: passes on what it is asked for by those who know the password. */
async function proxy(t: Test): Promise<{ port: number; asked: string[] }> {
  const asked: string[] = []
  const known = ({ headers }: IncomingMessage): boolean => headers['proxy-authorization'] === CREDENTIALS
  const server = createServer((question, answer) => {
    asked.push(`${question.method} ${question.url}`)
    if (!known(question)) return void answer.writeHead(407).end()
    const onward = request(question.url ?? '', { headers: question.headers }, (found) => {
      answer.writeHead(found.statusCode ?? 502, found.headers)
      found.pipe(answer)
    })
    onward.end()
  })
  server.on('connect', (question: IncomingMessage, near: Duplex) => {
    asked.push(`CONNECT ${question.url}`)
    if (!known(question)) return void near.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n')
    const far = connect(Number(question.url?.split(':')[1]), '127.0.0.1', () => {
      near.write('HTTP/1.1 200 Connection established\r\n\r\n')
      far.pipe(near).pipe(far)
    })
    near.on('error', () => far.destroy())
    far.on('error', () => near.destroy())
  })
  return { port: await listen(t, server), asked }
}

/** A repository, also under an https: address that the test's own authority vouches for. */
async function stand(t: Test) {
  const repository = await HostileRepository.open()
  t.teardown(() => repository.close())
  const folder = memoryFolder(t)
  install(folder, repository)
  repository.release('1.1.0', Buffer.from('one one'))
  repository.publish()
  const authority = await Authority.open(folder)
  await authority.issue('server', 'localhost')
  const pem = (name: string): string => readFileSync(authority.file(name), 'utf8')
  const tls = createTlsServer({ cert: pem('server.crt'), key: pem('server.key') }, (near) => {
    const far = connect(Number(repository.url.port), '127.0.0.1')
    near.on('error', () => far.destroy())
    far.on('error', () => near.destroy())
    near.pipe(far).pipe(near)
  })
  const secure = new URL(`https://localhost:${await listen(t, tls)}/repo/`)
  const brings = async (options: Partial<OpenOptions>): Promise<string> => {
    const client = clientOf(folder, repository, options)
    const [offer] = await client.check(signal)
    if (offer === undefined) throw new Error('nothing was offered')
    return readFileSync((await client.fetch(offer, { signal })).path, 'utf8')
  }
  return { repository, secure, ca: pem('ca.crt'), brings }
}

/** The stand is on this machine, and is asked for as if it stood in the plant: to this machine no proxy leads. */
function throughPlant(settings: ProxySettings): ProxyChoice {
  const choose = chooseProxy(settings)
  return ({ protocol }) => choose(new URL(`${protocol}//updates.plant.example/`))
}

test('behind a proxy that asks for a password: https through CONNECT, http by the whole address', async (t) => {
  const { repository, secure, ca, brings } = await stand(t)
  const { port, asked } = await proxy(t)
  const network = (settings: ProxySettings) => ({ network: { proxy: throughPlant(settings), tls: { ca } } })
  const address = `http://line:pa%3Ass@127.0.0.1:${port}`

  t.equal(await brings({ repository: secure, ...network({ https: address }) }), 'one one')
  t.same([...new Set(asked)], [`CONNECT ${secure.host}`], 'it sees where to, no more')
  asked.length = 0
  t.equal(await brings(network({ http: address })), 'one one')
  t.ok(asked.length > 0 && asked.every((line) => line.startsWith(`GET ${repository.url.href}`)))
  asked.length = 0
  t.equal(
    await brings({ repository: secure, ...network({ https: address, no: '.plant.example' }) }),
    'one one',
  )
  t.same(asked, [], 'past the proxy, where it is told to')

  const wrong = network({ https: `http://line:wrong@127.0.0.1:${port}`, http: `http://127.0.0.1:${port}` })
  const refused = { name: 'RepositoryAway', code: 'unreachable', message: /407/ }
  await t.rejects(brings({ repository: secure, ...wrong }), refused)
  const said = await brings({ repository: secure, ...wrong }).catch((error: unknown) => String(error))
  t.notMatch(said, /wrong/, 'no password in what is said of it')
  await t.rejects(brings(wrong), { name: 'RepositoryAway', code: 'answer', message: /407/ })
})

test('a server that nobody vouches for, and a way that leaves https, are not taken', async (t) => {
  const { repository, secure, ca, brings } = await stand(t)
  const { port } = await proxy(t)
  const stranger = { name: 'RepositoryAway', code: 'unreachable', message: /certificate/ }
  await t.rejects(brings({ repository: secure }), stranger)
  const through = throughPlant({ https: `http://line:pa%3Ass@127.0.0.1:${port}` })
  await t.rejects(
    brings({ repository: secure, network: { proxy: through } }),
    stranger,
    'nor through a proxy',
  )
  const byNumber = new URL(secure.href.replace('localhost', '127.0.0.1'))
  const misnamed = { network: { proxy: through, tls: { ca } } }
  await t.rejects(
    brings({ repository: byNumber, ...misnamed }),
    { message: /IP|altname/i },
    'nor under another name',
  )

  const network = { proxy: () => undefined, tls: { ca } }
  repository.handlers.set('metadata/timestamp.json', (_, response) => {
    response.writeHead(302, { Location: new URL('metadata/elsewhere', repository.url).href }).end()
  })
  const plain = { name: 'RepositoryAway', code: 'answer', message: /redirects to http:.*not https/ }
  await t.rejects(brings({ repository: secure, network }), plain)
  repository.handlers.set('metadata/timestamp.json', (_, response) => {
    response.writeHead(307, { Location: '/repo/metadata/elsewhere' }).end()
  })
  repository.files.set('metadata/elsewhere', Buffer.from(repository.text('metadata/timestamp.json')))
  t.equal(await brings({ repository: secure, network }), 'one one', 'a way that stays there is')
  repository.handlers.set('metadata/elsewhere', (_, response) => {
    response.writeHead(307, { Location: '/repo/metadata/timestamp.json' }).end()
  })
  await t.rejects(brings({ repository: secure, network }), {
    code: 'answer',
    message: /more than 3 redirects/,
  })
})

test('which proxy: as curl reads the environment', (t) => {
  const at = (settings: ProxySettings, url: string) => chooseProxy(settings)(new URL(url))?.href
  const settings = proxySettings({
    HTTPS_PROXY: 'http://upper:1',
    https_proxy: 'http://lower:2',
    HTTP_PROXY: 'http://ignored:3',
    no_proxy: 'localhost, .plant.example,updates.example:8443, 10.0.0.1 *.factory',
  })
  t.same(settings, {
    https: 'http://lower:2',
    no: 'localhost, .plant.example,updates.example:8443, 10.0.0.1 *.factory',
  })
  const direct = [
    'localhost',
    'a.plant.example',
    'plant.example',
    'updates.example:8443',
    '10.0.0.1',
    'x.factory',
  ]
  for (const host of direct) t.equal(at(settings, `https://${host}/`), undefined, host)
  const proxied = ['updates.example', 'notplant.example', '10.0.0.11', 'localhost.example']
  for (const host of proxied) t.equal(at(settings, `https://${host}/`), 'http://lower:2/', host)
  t.equal(at(settings, 'http://updates.example/'), undefined)
  t.equal(at({ https: 'http://p:1', no: '*' }, 'https://x/'), undefined)
  t.equal(at({ https: 'http://p:1', no: '[fe80::2]:8443 fe80::1' }, 'https://[fe80::2]:8443/'), undefined)
  t.equal(at({ https: 'http://p:1', no: 'fe80::1' }, 'https://[fe80::1]/'), undefined)
  t.equal(at({ https: 'http://p:1', no: '[fe80::2]:8443' }, 'https://[fe80::2]/'), 'http://p:1/')
  // A tunnel that ends here is no affair of a proxy: it would read the token, and look for the server on itself.
  for (const here of [
    '127.0.0.1:8080',
    '127.8.0.1',
    'localhost',
    'ddi.localhost',
    '[::1]:80',
    '2130706433',
  ]) {
    t.equal(at({ http: 'http://p:1' }, `http://${here}/`), undefined, here)
    t.equal(at({ https: 'http://p:1' }, `https://${here}/`), undefined, here)
  }
  t.equal(at({ http: 'http://p:1' }, 'http://127.example/'), 'http://p:1/')
  t.throws(() => chooseProxy({ https: 'socks5://p:1080' }), /http:\/\/proxy/)
  t.end()
})
