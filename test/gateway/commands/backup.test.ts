import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'tap'
import { z } from 'zod'
import { poincon, QUIET, StationProcess } from '../../fakes/station-process.ts'
import { Subscriber } from '../../fakes/subscriber.ts'
import { playground } from '../backup/stations.ts'

const takenLine = z.looseObject({
  file: z.string(),
  epoch: z.string(),
  sequence: z.number(),
  inspections: z.number(),
  copy_ms: z.number(),
  log_grew_bytes: z.number(),
})

test('a station that runs is backed up, and gets its log back when it was lost', async (t) => {
  const { dataDir } = await playground(t)
  const env = { ...QUIET, POINCON_DATA_DIR: dataDir, POINCON_SIMULATION_SEED: '5' }
  const station = await StationProcess.start([], { env })
  t.teardown(() => station.kill())
  const subscriber = await Subscriber.open(station.broker, 'poincon/#', 4)
  t.teardown(() => subscriber.close())
  await subscriber.until(() => subscriber.sequences.length >= 3)

  const made = await poincon(['backup', '--json'], { env })
  t.equal(made.stderr, '')
  t.equal(made.code, 0)
  const backup = takenLine.parse(JSON.parse(made.stdout))
  t.ok(backup.sequence >= 3)
  t.ok(backup.file.startsWith(join(dataDir, 'backups', 'poincon-')))
  t.match(await poincon(['restore', backup.file], { env }), {
    code: 3,
    stderr: /stop the station first: .* is in use by another process/,
  })
  await subscriber.until(() => (subscriber.sequences.at(-1) ?? 0) >= backup.sequence + 2)
  t.equal(await station.stop(), 0, 'it went on meanwhile')
  await writeFile(join(dataDir, 'poincon.db'), 'what the disk made of it')
  const restored = await poincon(['restore', backup.file, '--force'], { env })
  t.match(restored, {
    code: 0,
    stdout: /is restored into .*\n.* inspections of .*\n {2}the log that was there is in .*\n.*new epoch/,
  })
})
