import { z } from 'zod'
import { flowsOptions } from './flows.ts'
import { influxOptions } from './influx/options.ts'
import { mqttOptions } from './mqtt/options.ts'
import { deepFreeze, type Problem, problemsOf } from './problems.ts'
import { storeOptions } from './store/options.ts'

/** The configuration is wrong: a person must mend it, retrying does not help (exit 78). */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
}

const name = z.string().regex(/^[a-z0-9-]{1,64}$/, 'expected 1 to 64 of a-z, 0-9 and -')
const port = z.int().min(0).max(65535)
const address = z.int().min(0x08).max(0x77)

const bus = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('simulated').describe('Chips and parts are simulated, bit by bit.'),
    hz: z.int().min(10_000).max(1_000_000).default(400_000).describe('Bit rate, Hz.'),
  }),
  z.strictObject({
    kind: z.literal('linux').describe('A bus of the kernel; its bit rate is set in the device tree.'),
    path: z
      .string()
      .regex(/^\/dev\/i2c-\d+$/, 'expected /dev/i2c-N')
      .describe('The kernel’s bus device.'),
  }),
])

const rangingHead = z.strictObject({
  kind: z.literal('vl53l8ch').describe('Ranging head, 8x8 zones.'),
  bus: z.string().describe('Name of an entry of `buses`.'),
  address: address.default(0x29).describe('7-bit address; 41 is 0x29.'),
  firmware_file: z
    .string()
    .optional()
    .describe('ST’s vl53lmz_buffers.h; needed on a real bus, a simulated one boots a generated image.'),
  rate_hz: z.int().min(2).max(15).default(15).describe('Frames per second at 8x8.'),
})

const spectralHead = z
  .strictObject({
    kind: z.literal('as7341').describe('Spectral head, ten channels.'),
    bus: z.string().describe('Name of an entry of `buses`.'),
    address: address.default(0x39).describe('7-bit address; 57 is 0x39.'),
    atime: z.int().min(0).max(255).default(29).describe('Integration steps less one.'),
    astep: z.int().min(0).max(65534).default(599).describe('Length of a step less one, 2.78 µs units.'),
    gain: z
      .union([0.5, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512].map((gain) => z.literal(gain)))
      .default(4)
      .describe('Analogue gain.'),
    lamp_ma: z
      .int()
      .min(4)
      .max(258)
      .optional()
      .describe('LED current, mA; without it the lamp pin is left alone.'),
  })
  .refine(({ atime, astep }) => atime > 0 || astep > 0, {
    path: ['astep'],
    error: 'expected atime or astep above 0: the chip has no shorter integration than two steps',
  })

const head = z.discriminatedUnion('kind', [rangingHead, spectralHead])

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
  influx: influxOptions.optional().describe('A time series database; absent: none.'),
  flows: flowsOptions.prefault({}).describe('Node-RED.'),
  buses: z
    .record(name, bus)
    .default({ tof: { kind: 'simulated', hz: 1_000_000 }, spectral: { kind: 'simulated', hz: 400_000 } })
    .describe('I²C buses by name.'),
  heads: z
    .record(name, head)
    .prefault({
      tof: { kind: 'vl53l8ch', bus: 'tof' },
      spectral: { kind: 'as7341', bus: 'spectral' },
    })
    .describe('Measuring heads by id; the first of a kind is the station’s main one.'),
  trigger: z
    .strictObject({
      kind: z.enum(['interval', 'command']).default('interval').describe('What asks for an inspection.'),
      period_ms: z.int().min(1).max(86_400_000).default(1000).describe('Time between parts, ms (interval).'),
    })
    .prefault({})
    .describe('What makes a part.'),
  gate: z
    .strictObject({
      hold_lane: z
        .boolean()
        .default(false)
        .describe('The gate can divert a part to a hold lane; without one `hold` stops the line.'),
    })
    .prefault({})
    .describe('The gate behind the heads.'),
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
export type HeadConfig = z.infer<typeof head>
export type BusConfig = z.infer<typeof bus>

export type ConfigProblem = Problem

/** @returns the frozen configuration, or everything that is wrong with it */
export function parseConfig(
  input: unknown,
): { readonly config: Config } | { readonly problems: readonly ConfigProblem[] } {
  const parsed = configSchema.safeParse(input ?? {}, { reportInput: true })
  if (!parsed.success) return { problems: problemsOf(parsed.error) }
  const problems = danglingReferences(parsed.data)
  return problems.length > 0 ? { problems } : { config: deepFreeze(parsed.data) }
}

function danglingReferences(config: Config): ConfigProblem[] {
  return Object.entries(config.heads).flatMap(([id, { bus: wanted }]) =>
    wanted in config.buses
      ? []
      : [
          {
            path: ['heads', id, 'bus'],
            value: wanted,
            expectation: `expected one of buses: ${Object.keys(config.buses).join(', ')}`,
          },
        ],
  )
}
