import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'tap'
import { stringify } from 'yaml'
import { Mosquitto } from '../../fakes/mosquitto.ts'
import { poincon } from '../../fakes/station-process.ts'

async function answers(dir: string, given: object): Promise<string> {
  const file = join(dir, 'answers.yaml')
  await writeFile(
    file,
    stringify({ data_dir: join(dir, 'data'), camera: 'none', heads: 'simulated', ...given }),
  )
  return file
}

test('answers from a file: the broker is tried, the file written, the empty tray inspected', async (t) => {
  const dir = t.testdir()
  const broker = await Mosquitto.start()
  t.teardown(() => broker.close())
  const file = await answers(dir, { language: 'fr', site: 'lyon', broker: { url: broker.url } })
  const out = join(dir, 'poincon.yaml')
  const done = await poincon(['setup', '--answers', file, '--out', out])
  t.equal(done.code, 0, done.stderr)
  t.match(done.stdout, `${broker.url}: fonctionne`)
  t.match(done.stdout, /Premier contrôle, du plateau vide: \w+ \(no-product\)/)
  t.match(await readFile(out, 'utf8'), /^# Qui il est : les niveaux de chaque topic\.\nsite: lyon$/m)
  t.equal((await poincon(['check', '--config', out])).code, 0)

  const again = await poincon(['setup', '--answers', file, '--out', out, '--offline'])
  t.match(again, {
    code: 1,
    stderr: `poincon setup: ${out} is there already: give --replace, or --out FILE\n`,
  })
})

test('a broker that is not there ends it before anything is written; --offline does not ask', async (t) => {
  const dir = t.testdir({ 'poincon.yaml': 'site: old\n' })
  const file = await answers(dir, { broker: { url: 'mqtt://127.0.0.1:9' }, tray: 'later' })
  const out = join(dir, 'poincon.yaml')
  const refused = await poincon(['setup', '--answers', file, '--out', out, '--replace'])
  t.equal(refused.code, 1)
  t.match(refused.stdout, /mqtt:\/\/127\.0\.0\.1:9: does not work: .*ECONNREFUSED/)
  t.equal(await readFile(out, 'utf8'), 'site: old\n', 'nothing was replaced')

  const replaced = await poincon(['setup', '--answers', file, '--out', out, '--replace', '--offline'])
  t.equal(replaced.code, 0, replaced.stderr)
  const kept = (await readdir(dir)).find((name) => /^poincon\.yaml\.\d{8}T\d{6}Z$/.test(name))
  t.equal(await readFile(join(dir, kept ?? ''), 'utf8'), 'site: old\n', 'the old one is beside it')
})

test('answers that are wrong are named, and without a terminal or answers nothing is asked', async (t) => {
  const dir = t.testdir()
  const file = await answers(dir, { site: 'Périgueux', brokr: {} })
  const wrong = await poincon(['setup', '--answers', file])
  t.equal(wrong.code, 78)
  t.match(wrong.stderr, 'site: "Périgueux": expected 1 to 64 of a-z, 0-9 and -')
  t.match(wrong.stderr, 'brokr: {}: no such key')
  t.match(await poincon(['setup']), { code: 2, stderr: /poincon setup \[--answers FILE\]/ })
})
