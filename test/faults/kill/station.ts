import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { installed } from '../../fakes/server-process.ts'
import { countOf, notHere, type Outcome, type Scale } from '../outcome.ts'

const STATION_CRASH = fileURLToPath(new URL('../../station/crash.test.js', import.meta.url))
const FAMILY = 'SIGKILL'
const FAULT = 'the whole station, 200 parts/s'
/** A running station takes seconds to start, and is not asked for so many. */
const STATIONS = 50

/** Kills the whole gateway, with simulated heads and its own sinks: the test of it, with more rounds. */
export async function killStation(scale: Scale): Promise<Outcome> {
  if (!installed('mosquitto')) return notHere(FAMILY, FAULT, 'mosquitto is not installed')
  const rounds = countOf(scale, STATIONS)
  const env = { ...process.env, POINCON_CRASH_ROUNDS: String(rounds), POINCON_CRASH_SEED: String(scale.seed) }
  const { code, text } = await new Promise<{ code: unknown; text: string }>((resolve) => {
    execFile(process.execPath, [STATION_CRASH], { env, maxBuffer: 2 ** 26 }, (error, stdout) =>
      resolve({ code: error?.code ?? (error === null ? 0 : 'killed'), text: stdout }),
    )
  })
  const said = /# \d+ kills \(seed \d+\): (.*)/.exec(text)?.[1] ?? 'no figures'
  const failures = text.split('\n').filter((line) => /^\s+not ok/.test(line))
  const violations = code === 0 ? [] : [`exit status ${code}`, ...failures]
  return { family: FAMILY, fault: FAULT, count: rounds, seen: said, violations }
}
