import { existsSync, readFileSync } from 'node:fs'
import { join, normalize } from 'node:path'
import { test } from 'tap'
import { parse } from 'yaml'
import { z } from 'zod'
import { ingestCommand, loadIngestOptions } from '../../../gateway/commands/ingest.ts'

const FOLDER = 'docs/fleet'
/** What its reader makes himself: the file says so. */
const OWN = ['cluster.conf', 'server.crt', 'server.key', 'ca.crt', 'secrets/database', 'secrets/ingest']

/** As much of the Compose Specification as the file uses: a key that is misspelt is no key. */
const service = z.strictObject({
  image: z.string().optional(),
  build: z.strictObject({ context: z.string(), dockerfile: z.string() }).optional(),
  command: z.array(z.string()).optional(),
  environment: z.record(z.string(), z.string()).default({}),
  volumes: z.array(z.string()).default([]),
  secrets: z.array(z.string()).default([]),
  ports: z.array(z.string().regex(/^\d+:\d+$/)).default([]),
  networks: z.strictObject({ default: z.strictObject({ aliases: z.array(z.string()) }) }).optional(),
  depends_on: z.array(z.string()).default([]),
  restart: z.enum(['no', 'always', 'on-failure', 'unless-stopped']).optional(),
  deploy: z.strictObject({ replicas: z.int() }).optional(),
})
const compose = z.strictObject({
  services: z.record(z.string(), service),
  secrets: z.record(z.string(), z.strictObject({ file: z.string() })),
  volumes: z.record(z.string(), z.strictObject({})),
})

const text = readFileSync(join(FOLDER, 'compose.yaml'), 'utf8')
const { services, secrets, volumes } = compose.parse(parse(text))

/** Where the paths of a container come from. */
function mountsOf({
  volumes: mounted,
  secrets: named,
}: z.infer<typeof service>): ReadonlyMap<string, string> {
  const binds = mounted.map((one): [string, string] => {
    const [from = '', to = ''] = one.split(':')
    return [to, from]
  })
  return new Map([...binds, ...named.map((name): [string, string] => [`/run/secrets/${name}`, name])])
}

test('compose.yaml: everything that is named is there', (t) => {
  for (const [name, { depends_on, secrets: named, volumes: mounted, build, image }] of Object.entries(
    services,
  )) {
    t.equal(image === undefined, build !== undefined, `${name} is either pulled or built`)
    for (const other of depends_on) t.ok(services[other], `${name} waits for ${other}`)
    for (const secret of named) t.ok(secrets[secret], `${name} may read ${secret}`)
    for (const one of mounted) {
      const [from = '', to = ''] = one.split(':')
      t.match(to, /^\//, one)
      const own = OWN.includes(normalize(from))
      if (from.startsWith('.')) t.ok(own || existsSync(join(FOLDER, from)), `${from} lies beside it`)
      else t.ok(volumes[from], `the volume ${from} is declared`)
    }
  }
  for (const file of OWN) t.ok(text.includes(file), `${file} is said to be the reader’s`)
  t.end()
})

test('the worker’s container', async (t) => {
  const { ingest } = services
  if (ingest?.build === undefined) throw new Error('no worker')
  const [verb, ...args] = ingest.command ?? []
  t.equal(verb, 'ingest')
  t.equal(await ingestCommand([...args, '--help']), 0, 'the command takes these options')
  await t.rejects(ingestCommand([...args, '--confg', 'x']), /--confg/, 'and would not take others')
  const mounts = mountsOf(ingest)
  t.equal(mounts.get(args[args.indexOf('--config') + 1] ?? ''), './ingest-compose.yaml')
  const { source, database, confirm } = loadIngestOptions(join(FOLDER, 'ingest-compose.yaml'))
  if (source.kind !== 'nats') throw new Error('another source')
  for (const file of [source.password_file, source.ca_file, database.password_file, confirm?.ca_file])
    t.ok(mounts.has(file ?? ''), `${file} is mounted`)
  const aliases = services.nats?.networks?.default.aliases ?? []
  t.ok(aliases.includes(new URL(source.servers[0] ?? '').hostname))
  t.ok(aliases.includes(new URL(confirm?.url ?? '').hostname))
  t.ok(services[database.host])
  t.match(services.postgres?.environment, { POSTGRES_USER: database.user, POSTGRES_DB: database.name })
})

test('the server’s container has every file and variable of its configuration', (t) => {
  const { nats } = services
  if (nats === undefined) throw new Error('no server')
  const mounts = mountsOf(nats)
  t.equal(mounts.get(nats.command?.[1] ?? ''), './nats-hub.conf')
  const conf = readFileSync(join(FOLDER, 'nats-hub.conf'), 'utf8')
  const files = [...conf.matchAll(/(?:cert_file|key_file): (\S+)/g)].map(([, file]) => file ?? '')
  for (const file of new Set(files)) t.ok(mounts.has(file), file)
  t.ok(mounts.has('/etc/nats/cluster.conf'), 'what it includes')
  t.ok(mounts.has(/store_dir: ([^,\s]+)/.exec(conf)?.[1] ?? ''), 'where the stream is kept')
  const wanted = [...conf.matchAll(/\$([A-Z0-9_]+_PASSWORD)/g)].map(([, name]) => name ?? '')
  t.strictSame(Object.keys(nats.environment).sort(), [...new Set(wanted)].sort())
  for (const port of nats.ports) t.ok(conf.includes(`:${port.split(':')[1]}\n`), port)
  t.end()
})

test('the Dockerfile: what it copies and runs is in the repository', (t) => {
  const lines = readFileSync(join(FOLDER, 'Dockerfile'), 'utf8').split('\n')
  const manifest = z
    .object({
      scripts: z.record(z.string(), z.string()),
      bin: z.record(z.string(), z.string()),
      engines: z.object({ node: z.string() }),
    })
    .parse(JSON.parse(readFileSync('package.json', 'utf8')))
  const entry = lines.find((line) => line.startsWith('ENTRYPOINT'))
  t.ok(
    Object.values(manifest.bin).some((file) => entry?.includes(normalize(file))),
    'its entry point is the package’s',
  )
  // Installing runs `prepare`, which builds: the sources have to be there by then.
  t.equal(manifest.scripts.prepare, 'npm run build')
  const [sources, install] = [lines.indexOf('COPY . .'), lines.findIndex((line) => line.includes('npm ci'))]
  t.ok(sources > 0 && sources < install, 'the sources come before they are built')
  t.ok(existsSync(join(FOLDER, 'Dockerfile.dockerignore')), 'and nothing that was built elsewhere')
  t.match(lines[1], /FROM node:22-/)
  t.match(manifest.engines.node, /22/, 'a version that the package takes')
  t.equal(services.ingest?.build?.dockerfile, 'docs/fleet/Dockerfile', 'from the root of the repository')
  t.end()
})
