import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { type Test, test } from 'tap'
import { verifyChain } from '../../gateway/store/log/chain.ts'
import { missing, sharedData } from '../fakes/shared.ts'
import { command } from '../fakes/station-command.ts'
import { poincon, StationProcess, Watcher } from '../fakes/station-process.ts'
import { storedIn } from '../fakes/stored.ts'
import { Subscriber } from '../fakes/subscriber.ts'

const SCENE = fileURLToPath(new URL('../tools/scene.js', import.meta.url))
const BASE = 'poincon/site/line/station'

async function folder(t: Test): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'poincon-station-'))
  t.teardown(() => rm(path, { recursive: true, force: true }))
  return path
}

async function start(
  t: Test,
  env: Record<string, string>,
  args: readonly string[] = [],
): Promise<StationProcess> {
  const station = await StationProcess.start(args, { env })
  t.teardown(() => station.kill())
  return station
}

test('replay: recorded parts in place of the heads, through the same path, without the gate', async (t) => {
  await t.test('poincon.raw/1', async (t) => {
    const dir = await folder(t)
    const scene = ['--seed', '3', '--recipe', 'foiegras_standard_barquette', '--count', '5']
    await promisify(execFile)(process.execPath, [SCENE, ...scene, '--out', join(dir, 'scene')])
    const station = await start(t, { POINCON_DATA_DIR: join(dir, 'data') }, [
      '--replay',
      join(dir, 'scene', 'raw.jsonl'),
    ])
    const watcher = await Watcher.open(station.url)
    const inspections = await watcher.seen(5)
    t.ok(inspections.every(({ dry_run }) => dry_run === true))
    const subscriber = await Subscriber.open(station.broker, `${BASE}/#`, 4)
    t.match(await command(subscriber, BASE, 'calibration/start', {}), {
      ok: false,
      error: { detail: /a replay has no tray/ },
    })
    await subscriber.close()
    t.ok(inspections.every(({ vl53l8ch, as7341 }) => vl53l8ch !== undefined && as7341 !== undefined))
    watcher.close()
    t.equal(await station.stop(), 0)
    const entries = await storedIn(join(dir, 'data'))
    t.match(verifyChain(entries), { valid: true, count: 5 })
  })

  const path = 'vl53l8ch/frames_real.jsonl'
  const frames = sharedData(path)
  await t.test(
    '46 frames of a real sensor: inspections with an absent head',
    {
      skip: frames === undefined ? missing(path) : false,
    },
    async (t) => {
      const dir = await folder(t)
      const station = await start(t, { POINCON_DATA_DIR: dir }, ['--replay', frames ?? ''])
      const watcher = await Watcher.open(station.url)
      const inspections = await watcher.seen(46)
      for (const { verdict, vl53l8ch, as7341, dry_run } of inspections) {
        t.equal(verdict.kind, 'ungraded')
        t.ok(verdict.reasons.includes('sensor-absent:spectral'), verdict.reasons.join())
        t.ok(vl53l8ch)
        t.equal(as7341, undefined)
        t.equal(dry_run, true)
      }
      watcher.close()
      t.equal(await station.stop(), 0)
      t.equal((await storedIn(dir)).length, 46)
    },
  )

  await t.test('what is no recording: file and line, exit 1, no store begun', async (t) => {
    const dir = await folder(t)
    const file = join(dir, 'broken.jsonl')
    await writeFile(file, '{"schema":"poincon.raw/1","heads":{}}\n{"schema":"poincon.raw/1","heads":7}\n')
    const env = { POINCON_DATA_DIR: join(dir, 'data') }
    const [broken, absent] = await Promise.all([
      poincon(['run', '--replay', file], { env }),
      poincon(['run', '--replay', join(dir, 'absent.jsonl')], { env }),
    ])
    t.equal(broken.code, 1)
    t.match(broken.stderr, `${file}:2: heads`)
    t.equal(absent.code, 1)
    t.match(absent.stderr, join(dir, 'absent.jsonl'))
    await t.rejects(readFile(join(dir, 'data', 'poincon.db')))
  })
})
