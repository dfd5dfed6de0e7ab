import { execFile, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join, resolve } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import { type Test, test } from 'tap'
import { parse } from 'yaml'
import { z } from 'zod'
import { loadConfig } from '../gateway/config-file.ts'
import { commandPayloads } from '../gateway/line-commands.ts'
import { CommandStand } from './fakes/command-stand.ts'
import { graded } from './fakes/messages.ts'
import { Mosquitto } from './fakes/mosquitto.ts'
import { validatorFor } from './fakes/published-schema.ts'
import { installed } from './fakes/server-process.ts'
import { Subscriber } from './fakes/subscriber.ts'
import { inspectionDraft, randomFrom, rawRecord } from './gateway/store/drafts.ts'
import { freshStore } from './gateway/store/opening.ts'
import { examplesIn } from './tools/docs/examples.ts'

test('every poincon.yaml in the documents is one', (t) => {
  const dir = t.testdir({})
  const load = (text: string, env: Readonly<Record<string, string>> = {}) => {
    writeFileSync(join(dir, 'poincon.yaml'), text)
    return loadConfig({ env, cwd: dir }).config
  }
  const examples = examplesIn('docs/configuration.md', 'yaml').map(({ text }) => text)
  for (const text of examples)
    t.strictSame(validatorFor('configuration')(parse(text)), [], 'for an editor too')
  const [defaults, ...others] = examples.map((text) => load(text))
  t.strictSame(defaults, load(''), 'the first one is the default')
  t.match(others, [
    { buses: { main: { kind: 'linux', path: '/dev/i2c-1' } } },
    { mqtt: { upstream: { url: /^mqtts:/ } }, influx: { bucket: 'poincon' } },
  ])
  const env = {
    POINCON_STATION: '4',
    POINCON_BUSES: '{ tof: { kind: simulated }, spectral: { kind: simulated } }',
  }
  t.match(load('', env), { station: '4', buses: { tof: { hz: 400_000 } } }, 'variables as described')
  t.end()
})

test('every JSON example is valid by the schema that it names', (t) => {
  const examples = ['docs/messages.md', 'docs/topics.md'].flatMap((path) => examplesIn(path, 'json'))
  const labels = new Set(examples.map(({ label }) => label))
  const commands = Object.keys(commandPayloads).map((name) => `cmd.${name.replace('/', '-')}`)
  t.ok(
    commands.every((name) => labels.has(name)),
    'every command has one',
  )
  for (const { label, text } of examples) {
    if (label !== 'alert') t.strictSame(validatorFor(label)(JSON.parse(text)), [], label)
  }
  t.end()
})

test('the alert in the documents has the fields of the one that the flows raise', (t) => {
  const require = createRequire(resolve('flows/settings.cjs'))
  const { count } = z
    .object({ count: z.custom<(...args: unknown[]) => unknown>((value) => typeof value === 'function') })
    .parse(require('./station.cjs'))
  const raised = z
    .looseObject({ alert: z.looseObject({}) })
    .parse(count(undefined, graded(1, 'REJECT', 0.1), 1))
  const [example] = examplesIn('docs/topics.md', 'json').filter(({ label }) => label === 'alert')
  t.strictSame(Object.keys(JSON.parse(example?.text ?? '{}')).sort(), Object.keys(raised.alert).sort())
  t.end()
})

const noPython = installed('python3') ? false : 'SKIPPED: python3 is not installed'
test('the verifier of the chain accepts what the store made, and nothing else', {
  skip: noPython,
}, async (t) => {
  const [verifier] = examplesIn('docs/messages.md', 'python')
  const script = `import sys\n${verifier?.text}\nlink = "0" * 64\nfor line in sys.stdin.buffer: link = verify(line[:-1], link)\n`
  const verify = (payloads: readonly string[]) =>
    spawnSync('python3', ['-c', script], {
      input: payloads.map((text) => `${text}\n`).join(''),
      encoding: 'utf8',
    })
  const store = await freshStore(t)
  const random = randomFrom(1)
  const payloads: string[] = []
  for (let made = 0; made < 3; made += 1) {
    // A name that looks like the member which the verifier takes out.
    const { payload } = await store.append(inspectionDraft(random, '"hash":"é"'), rawRecord(random))
    payloads.push(payload)
  }
  const [one = '', two = '', three = ''] = payloads

  t.match(verify(payloads), { status: 0, stderr: '' })
  t.match(verify([one, three]).stderr, /not the one that follows/)
  t.match(verify([one, two.replace('"score":0.9', '"score":0.8')]).stderr, /changed/)
  t.match(
    verify([JSON.stringify(JSON.parse(one), undefined, 1).replaceAll('\n', '')]).stderr,
    /not canonical/,
  )
})

/** Runs a command of the document against the stand; a subscriber that would listen for ever ends with one message. */
async function runExample(text: string, stand: CommandStand, plant: Mosquitto): Promise<string> {
  const placed = text.includes('-h broker.plant.example')
    ? text.replace('-h broker.plant.example', `-h 127.0.0.1 -p ${plant.port}`)
    : text.replace(/^mosquitto_\w+/, `$& -h 127.0.0.1 -p ${stand.broker.port}`)
  const endless = text.startsWith('mosquitto_sub') && !text.includes(' -C ')
  const running = promisify(execFile)('sh', ['-c', `${placed.trimEnd()}${endless ? ' -C 1 -W 10' : ''}`])
  if (!endless) return (await running).stdout
  // The subscriber does not tell when it has subscribed: inspections come until one was heard.
  const ended = once(running.child, 'exit')
  for (let sequence = 1; running.child.exitCode === null; sequence += 1) {
    await stand.publish(sequence)
    await Promise.race([ended, delay(20)])
  }
  return (await running).stdout
}

const clients = ['mosquitto', 'mosquitto_sub', 'mosquitto_pub', 'mosquitto_rr']
const absent = clients.filter((name) => !installed(name))
const skip = absent.length === 0 ? false : `SKIPPED: not installed: ${absent.join(', ')}`
test('the commands with mosquitto’s clients do what they say', { skip }, async (t: Test) => {
  const plant = await Mosquitto.start()
  t.teardown(() => plant.close())
  const stand = new CommandStand(plant)
  await stand.start()
  t.teardown(() => stand.stop())
  const resumed = await Subscriber.open(stand.broker.url, `${stand.topics.base}/cmd/line/resume/reply/+`, 4)
  t.teardown(() => resumed.close())

  for (const { text } of examplesIn('docs/topics.md', 'sh')) {
    const output = await runExample(text, stand, plant)
    if (text.startsWith('mosquitto_rr')) {
      t.strictSame(validatorFor('cmd.reply')(JSON.parse(output)), [], text)
      t.match(JSON.parse(output), { ok: true }, text)
    } else if (text.includes('/state')) {
      t.strictSame(validatorFor('poincon.state-1')(JSON.parse(output)), [], text)
    } else if (text.startsWith('mosquitto_sub')) {
      t.match(output, '"schema":"poincon.inspection/1"', text)
    }
  }
  // Who published it did not wait for this.
  await resumed.until(() => resumed.packets.length > 0)
  t.strictSame(stand.taken.toSorted(), ['inspect', 'inspect', 'line/resume', 'lot/start'])
})

/** The anchors of a document's headings, as GitHub makes them. */
function anchorsOf(document: string): readonly string[] {
  return [...readFileSync(document, 'utf8').matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  )
}

test('what the documents link to is there', (t) => {
  for (const name of ['configuration.md', 'topics.md', 'messages.md']) {
    const links = readFileSync(join('docs', name), 'utf8').matchAll(/\]\(([^)#\s]*)(?:#([^)]*))?\)/g)
    for (const [link, path = '', anchor] of links) {
      const target = join('docs', path === '' ? name : path)
      t.ok(existsSync(target), `${name}${link}`)
      if (anchor !== undefined) t.ok(anchorsOf(target).includes(anchor), `${name}${link}`)
    }
  }
  t.end()
})
