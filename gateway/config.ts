import { z } from 'zod'
import { updateOptions } from '../provisioning/options.ts'
import { type alertRule, alertsOptions, DEFAULT_RULES } from './alerts/rules.ts'
import { chartsOptions } from './analysis/charts/options.ts'
import { backupOptions } from './backup/options.ts'
import { encoderOptions, gateOptions, triggerOptions } from './belt-options.ts'
import { beltProblems } from './belt-problems.ts'
import { cameraOptions } from './camera-options.ts'
import { esp32Options } from './esp32/options.ts'
import { filesOptions } from './export/options.ts'
import { flowsOptions } from './flows.ts'
import { busOptions, climateAddress, environmentOptions, headOptions } from './head-options.ts'
import { influxOptions } from './influx/options.ts'
import { kpiTargets } from './kpi-options.ts'
import { mqttOptions } from './mqtt/options.ts'
import { panelOptions } from './panel-options.ts'
import { deepFreeze, type Problem, problemsOf } from './problems.ts'
import { proofOptions } from './proof/options.ts'
import { quarantineOptions } from './quarantine-options.ts'
import { rangingProblems, wiresOf } from './ranging-plan.ts'
import { rejectWatchOptions } from './reject-watch-options.ts'
import { shiftsOptions } from './shift-options.ts'
import { sparkplugOptions } from './sparkplug/options.ts'
import { storeOptions } from './store/options.ts'
import { visionOptions } from './vision/options.ts'
import { webhookOptions, webhooksOptions } from './webhook/options.ts'

/** The configuration is wrong: a person must mend it, retrying does not help (exit 78). */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
}

const name = z.string().regex(/^[a-z0-9-]{1,64}$/, 'expected 1 to 64 of a-z, 0-9 and -')
/** Where a ranging chip comes up (DS14161). */
const RANGING_ADDRESS = 0x29

/** Beside the rules about parts: what of the station itself calls for somebody. */
const STATION_RULES: readonly z.input<typeof alertRule>[] = [
  {
    name: 'unit_not_well',
    title: 'Something of the station is not well',
    kind: 'state',
    except: ['update', 'device'],
    severity: 'warning',
    for: { seconds: 10 },
  },
  {
    name: 'update_failed',
    title: 'An update failed, or was taken back',
    kind: 'state',
    units: ['update'],
    severity: 'warning',
  },
  {
    name: 'certificate_failing',
    title: 'The device’s certificate is not renewed',
    kind: 'state',
    units: ['device'],
    states: ['degraded'],
    severity: 'warning',
  },
  {
    name: 'certificate_lost',
    title: 'The device’s certificate is not valid any more',
    kind: 'state',
    units: ['device'],
    states: ['failed'],
    severity: 'critical',
  },
  {
    name: 'chart_rule',
    title: 'A control chart shows more than chance',
    kind: 'chart',
    severity: 'info',
  },
]

/** What a station without words of its own follows. */
const DEFAULT_CHARTS = [
  { name: 'mass', value: 'mass_g' },
  { name: 'score', value: 'score' },
  { name: 'lightness', value: 'lab_l' },
] as const

const port = z.int().min(0).max(65535)

/** The whole of `poincon.yaml`: what this machine is. Every key has a default. */
export const configSchema = z.strictObject({
  device_id: name.optional().describe('Names this device; default: derived from the machine id.'),
  site: name.default('site').describe('First level of every topic.'),
  line: name.default('line').describe('Second level of every topic.'),
  station: name.default('station').describe('Third level of every topic.'),
  data_dir: z
    .string()
    .min(1)
    .default('./data')
    .describe('Where the store lives; default `$STATE_DIRECTORY`, else `./data`.'),
  recipe: z
    .string()
    .min(1)
    .default('foiegras_standard_barquette')
    .describe('The recipe a new station starts with.'),
  dry_run: z.boolean().default(false).describe('Everything but the gate: it stays in its safe state.'),
  log: z
    .strictObject({
      level: z
        .enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace'])
        .default('info')
        .describe('Least severity that is written; JSON lines on standard error.'),
    })
    .prefault({})
    .describe('The log.'),
  http: z
    .strictObject({
      host: z.string().default('127.0.0.1').describe('Address the page and the API listen on.'),
      port: port.default(8080).describe('Port of the page and the API; 0 takes a free one.'),
    })
    .prefault({})
    .describe('The page, the API and the health endpoints.'),
  mqtt: mqttOptions.prefault({}).describe('The embedded broker, and what is published.'),
  store: storeOptions.prefault({}).describe('The log of inspections.'),
  backup: backupOptions.optional().describe('Backups of the log, by the clock; absent: none.'),
  proof: proofOptions.prefault({}).describe('Checkpoints of the log, and labels that lead to it.'),
  influx: influxOptions.optional().describe('A time series database; absent: none.'),
  sparkplug: sparkplugOptions
    .optional()
    .describe('The station as an edge node of Sparkplug B, for SCADA hosts; absent: it is none.'),
  webhook: webhookOptions.optional().describe('A server that takes inspections by HTTP POST; absent: none.'),
  webhooks: webhooksOptions
    .default({})
    .describe('Further such servers by name, each with a cursor, a key and a choice of parts of its own.'),
  files: filesOptions.optional().describe('Inspections as files, one a day; absent: none.'),
  quarantine: quarantineOptions
    .prefault({})
    .describe('What becomes of inspections that a receiver refuses for good.'),
  flows: flowsOptions.prefault({}).describe('Node-RED.'),
  esp32: esp32Options.prefault({}).describe('ESP32 heads of the old system, at `/ws/sensors/`.'),
  buses: z
    .record(name, busOptions)
    .default({ tof: { kind: 'simulated', hz: 1_000_000 }, spectral: { kind: 'simulated', hz: 400_000 } })
    .describe('I²C buses by name.'),
  heads: z
    .record(name, headOptions)
    .prefault({
      tof: { kind: 'vl53l8ch', bus: 'tof' },
      spectral: { kind: 'as7341', bus: 'spectral' },
    })
    .describe('Measuring heads by id; the first of a kind is the station’s main one.'),
  environment: environmentOptions
    .optional()
    .describe('The climate around the station; without `buses` of your own a simulated one.'),
  trigger: triggerOptions.prefault({}).describe('What makes a part.'),
  encoder: encoderOptions.optional().describe('Where the belt is.'),
  gate: gateOptions.prefault({}).describe('The gate behind the heads.'),
  panel: panelOptions.optional().describe('Lamps, buzzer and buttons at the line.'),
  camera: cameraOptions.optional().describe('The camera over the part.'),
  vision: visionOptions.prefault({}).describe('Recognition of engravings.'),
  limits: z
    .strictObject({
      waiting_triggers: z
        .int()
        .min(1)
        .max(1000)
        .default(16)
        .describe('Parts that may wait for the heads; one more is rejected as busy.'),
      appending: z
        .int()
        .min(1)
        .max(100_000)
        .default(4096)
        .describe('Inspections that may wait for the disk; beyond it parts are held.'),
    })
    .prefault({})
    .describe('How much may wait.'),
  alerts: alertsOptions
    .prefault(() => ({ rules: [...DEFAULT_RULES, ...STATION_RULES] }))
    .describe('What calls for somebody.'),
  charts: chartsOptions.prefault(() => [...DEFAULT_CHARTS]),
  kpi: kpiTargets.prefault({}),
  shifts: shiftsOptions
    .optional()
    .describe('Who works when; absent: all time is planned, and there are no shifts.'),
  stop_on_rejects: rejectWatchOptions.prefault({}),
  update: updateOptions.prefault({}).describe('Updates of this device.'),
  simulation: z
    .strictObject({
      seed: z.int().min(0).default(1).describe('Same seed, same parts.'),
      profile: z.string().optional().describe('Which parts come; default: the recipe’s.'),
      empty_rate: z.number().min(0).max(1).default(0.01).describe('Share of empty places on the belt.'),
    })
    .prefault({})
    .describe('What simulated buses see.'),
})

export type Config = Readonly<z.infer<typeof configSchema>>
export type ConfigProblem = Problem

/** @returns the frozen configuration, or everything that is wrong with it */
export function parseConfig(
  input: unknown,
): { readonly config: Config } | { readonly problems: readonly ConfigProblem[] } {
  const parsed = configSchema.safeParse(withSimulatedClimate(input ?? {}), { reportInput: true })
  if (!parsed.success) return { problems: problemsOf(parsed.error) }
  const { buses, heads } = parsed.data
  const dangling = danglingReferences(parsed.data)
  const problems =
    dangling.length > 0
      ? dangling
      : [...addressProblems(parsed.data), ...rangingProblems(heads, buses), ...beltProblems(parsed.data)]
  return problems.length > 0 ? { problems } : { config: deepFreeze(parsed.data) }
}

/** The simulated buses have one more chip; whoever names buses of his own says what hangs on them. */
function withSimulatedClimate(input: unknown): unknown {
  if (typeof input !== 'object' || input === null || Array.isArray(input)) return input
  if ('buses' in input || 'environment' in input) return input
  return { ...input, environment: { kind: 'bme280', bus: 'spectral' } }
}

function danglingReferences({ buses, heads, environment, panel }: Config): ConfigProblem[] {
  const chips = Object.entries(heads).map(([id, { bus }]) => ({ path: ['heads', id, 'bus'], wanted: bus }))
  const climate = environment === undefined ? [] : [{ path: ['environment', 'bus'], wanted: environment.bus }]
  const known = `expected one of buses: ${Object.keys(buses).join(', ')}`
  const expanders = Object.entries(panel?.expanders ?? {}).map(([id, { bus }]) => ({
    path: ['panel', 'expanders', id, 'bus'],
    wanted: bus,
  }))
  const dangling = [...chips, ...climate, ...expanders]
    .filter(({ wanted }) => !Object.hasOwn(buses, wanted))
    .map(({ path, wanted }) => ({ path, value: wanted, expectation: known }))
  const paths = Object.entries(buses).flatMap(([id, bus]) =>
    bus.kind === 'linux' ? [{ id, path: bus.path }] : [],
  )
  const twice = paths.flatMap(({ id, path }, index) => {
    const other = paths.slice(0, index).find((one) => one.path === path)
    const expectation = `expected another bus than that of ${other?.id}: name it once, and hang all heads on it`
    return other === undefined ? [] : [{ path: ['buses', id, 'path'], value: path, expectation }]
  })
  const rootless = Object.entries(buses).flatMap(([id, bus]) =>
    bus.kind === 'multiplexed' && wiresOf(id, buses) === undefined
      ? [
          {
            path: ['buses', id, 'bus'],
            value: bus.bus,
            expectation: 'expected a linux or simulated bus of `buses`',
          },
        ]
      : [],
  )
  return [...dangling, ...rootless, ...twice]
}

/** Two chips at one address answer together, and neither is understood. */
function addressProblems({ heads, buses, environment, panel }: Config): ConfigProblem[] {
  const problems: ConfigProblem[] = []
  const taken = new Map<string, string>()
  const place = (bus: string, address: number, path: readonly string[], owner: string): void => {
    const key = `${bus} ${address}`
    const other = taken.get(key)
    if (other === undefined) taken.set(key, owner)
    else
      problems.push({
        path,
        value: address,
        expectation: `${other} stands there already on ${bus}: another address (\`lpn\` gives a ranging head one), bus or multiplexer`,
      })
  }
  for (const [id, bus] of Object.entries(buses)) {
    if (bus.kind === 'multiplexed' && !taken.has(`${bus.bus} ${bus.address}`))
      place(bus.bus, bus.address, ['buses', id, 'address'], 'the multiplexer')
  }
  for (const [id, head] of Object.entries(heads)) {
    place(head.bus, head.address, ['heads', id, 'address'], `head ${id}`)
    if (head.kind === 'vl53l8ch' && head.address !== RANGING_ADDRESS && head.lpn === undefined) {
      const expectation = `expected ${RANGING_ADDRESS}: a chip comes up there, and only \`lpn\` can give it another`
      problems.push({ path: ['heads', id, 'address'], value: head.address, expectation })
    }
  }
  for (const [id, { bus, address }] of Object.entries(panel?.expanders ?? {})) {
    place(bus, address, ['panel', 'expanders', id, 'address'], `expander ${id}`)
  }
  if (environment !== undefined) {
    place(environment.bus, climateAddress(environment), ['environment', 'address'], 'environment')
  }
  return problems
}
