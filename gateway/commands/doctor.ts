import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { systemClock } from '../../drivers/clock.ts'
import { type Config, ConfigError } from '../config.ts'
import { loadConfig } from '../config-file.ts'
import { contentIn } from '../content.ts'
import { type Finding, failed, messageOf, ok, warning } from '../doctor/finding.ts'
import { gatewayRuns, machineFindings } from '../doctor/machine.ts'
import { networkFindings } from '../doctor/networks.ts'
import { busAdvice, busFindings } from '../doctor/wires.ts'
import { type Hardware, type HeadPlan, wire } from '../hardware.ts'
import type { InstrumentKinds } from '../head.ts'
import { modelsInForce } from '../models-in-force.ts'
import { lookAtStation } from '../station-look.ts'

const HEAD_LIMIT_MS = 8000
const MODELS = fileURLToPath(new URL('../../../models/', import.meta.url))

const USAGE = `poincon doctor [--config FILE] [--json] [--networks | --brief]

  Looks for what is there, what is wrong, and what to do: configuration, machine, calibrations, buses and heads; heads only
  while no gateway has them.

  --networks  tries the networks too, also without a camera; --brief: never, that takes half a minute

Exit codes: 0 nothing failed · 1 something failed · 2 wrong usage
`

/**
 * `poincon doctor`: what is there, what is wrong, what to do. Exit 1 when something failed. The networks are tried where
 * there is a camera, or with `--networks`; not with `--brief`, because that takes half a minute on a machine that works.
 */
export async function doctorCommand(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      config: { type: 'string', short: 'c' },
      networks: { type: 'boolean', default: false },
      brief: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  if (values.help) {
    process.stdout.write(USAGE)
    return 0
  }
  const wanted = values.networks ? 'always' : values.brief ? 'never' : 'with a camera'
  const findings = await examine(values.config, wanted)
  if (values.json) process.stdout.write(`${JSON.stringify(findings, null, 2)}\n`)
  else for (const finding of findings) process.stdout.write(`${line(finding)}\n`)
  return findings.some(({ state }) => state === 'failed') ? 1 : 0
}

function line({ subject, state, found, advice }: Finding): string {
  const mark = { ok: 'ok     ', warning: 'warning', failed: 'FAILED ' }[state]
  return `${mark}  ${subject}: ${found}${advice === undefined ? '' : `\n         → ${advice}`}`
}

type Networks = 'always' | 'with a camera' | 'never'

async function examine(file: string | undefined, networks: Networks): Promise<readonly Finding[]> {
  const sources = { ...(file === undefined ? {} : { file }), env: process.env, cwd: process.cwd() }
  try {
    const { config, file: found } = loadConfig(sources)
    const models = modelsInForce(contentIn(config.update.dir), MODELS)
    const tried = networks === 'always' || (networks === 'with a camera' && config.camera !== undefined)
    const machine = [
      ...[ok('configuration', found), ...(await machineFindings(config))],
      ...(await calibrationFindings(config)),
      ...(tried ? await networkFindings({ models, ...config.vision }) : []),
    ]
    if (!(await gatewayRuns(config))) return [...machine, ...(await hardwareFindings(config))]
    const advice = 'stop it to look at buses and chips, or ask it: GET /healthz'
    return [...machine, warning('heads', 'a gateway runs with this data directory, and has them', advice)]
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return [failed('configuration', error.message, 'mend it, then `poincon check`')]
  }
}

/** What the recipe in force needs, and what has run out. */
async function calibrationFindings(config: Config): Promise<readonly Finding[]> {
  try {
    const look = await lookAtStation(config, { atMs: systemClock.wall() })
    if (look === undefined) return []
    const { recipe, refused, standings, trayEndedAt } = look
    const found = Object.entries(standings).flatMap(([kind, { state, detail = '', obstacle }]): Finding[] => {
      const advice = `\`poincon calibrate ${kind}\`, or send cmd/calibration/start`
      if (state === 'ok') return []
      const say = obstacle === undefined ? warning : failed
      return [say(`calibration ${kind}`, detail, advice)]
    })
    const empty =
      recipe.shape === undefined || trayEndedAt === undefined
        ? []
        : [
            failed(
              'calibration',
              `the empty tray ran out at ${trayEndedAt}`,
              'empty it, then `poincon calibrate tray`',
            ),
          ]
    const advice = 'another recipe, a slower belt, or more frames a second'
    const all = [...(refused === undefined ? [] : [failed('recipe', refused, advice)]), ...empty, ...found]
    return all.length > 0 ? all : [ok('calibrations', `all that recipe ${recipe.id} needs`)]
  } catch (error) {
    return [warning('calibrations', messageOf(error), 'look at the store: `poincon verify`')]
  }
}

/** Looks who is on the buses, then opens every head as the station would, and takes one measurement. */
async function hardwareFindings(config: Config): Promise<readonly Finding[]> {
  const wired = wire({ config, clock: systemClock, profile: config.recipe })
  try {
    const buses = await busFindings(config, wired.bus)
    const plans = [...wired.heads, ...(wired.climate === undefined ? [] : [wired.climate])]
    // A head's own address comes from its LPn pin; those of one bus are told apart one after the other.
    const heads = await Promise.all(plans.map((plan) => instrument(plan, config)))
    return [...buses, ...heads, ...traffic(wired)]
  } finally {
    await wired.close()
  }
}

/** What opening and measuring took of each bus, fault by fault. */
function traffic({ busStatistics }: Hardware): readonly Finding[] {
  return [...busStatistics()].flatMap(([name, { devices }]) => {
    const faulty = devices.filter(({ faults }) =>
      Object.keys(faults).some((fault) => fault !== 'no-acknowledge'),
    )
    if (faulty.length === 0) return []
    const found = faulty
      .map(({ address, faults }) => `0x${address.toString(16)}: ${JSON.stringify(faults)}`)
      .join(', ')
    return [warning(`faults on bus ${name}`, found, 'shorter wires, stronger pull-ups, or a lower bit rate')]
  })
}

async function instrument(
  { id, kind, open }: HeadPlan<keyof InstrumentKinds>,
  config: Config,
): Promise<Finding> {
  const bus = (kind === 'climate' ? config.environment?.bus : config.heads[id]?.bus) ?? ''
  const subject = kind === 'climate' ? `environment on ${bus}` : `head ${id} (${kind} on ${bus})`
  const limit = AbortSignal.timeout(HEAD_LIMIT_MS)
  try {
    const since = performance.now()
    const opened = await open(limit)
    const openedMs = performance.now() - since
    try {
      const from = performance.now()
      await opened.measure(systemClock.now(), limit)
      const chip = opened.identity === undefined ? '' : `, chip ${opened.identity.slice(0, 16)}`
      const took = (performance.now() - from).toFixed(0)
      return ok(subject, `opened in ${openedMs.toFixed(0)} ms, measured in ${took} ms${chip}`)
    } finally {
      await opened.close()
    }
  } catch (error) {
    return failed(subject, messageOf(error), busAdvice(messageOf(error)))
  }
}
