import { z } from 'zod'

export const LANGUAGES = ['en', 'fr'] as const
export type Language = (typeof LANGUAGES)[number]

const name = z.string().regex(/^[a-z0-9-]{1,64}$/, 'expected 1 to 64 of a-z, 0-9 and -')
const file = z.string().min(1)

const plant = z
  .strictObject({
    url: z
      .url({ protocol: /^mqtts?$/, error: 'expected mqtt://host[:port] or mqtts://host[:port]' })
      .describe('`mqtt://host[:port]` or `mqtts://host[:port]`.'),
    username: z.string().min(1).optional().describe('User name, where the broker wants one.'),
    password_file: file.optional().describe('File that holds the password.'),
    ca_file: file.optional().describe('Certificates to trust in place of the system’s.'),
    cert_file: file.optional().describe('Certificate of this device.'),
    key_file: file.optional().describe('Its key.'),
  })
  .describe('The plant’s broker.')

const influx = z
  .strictObject({
    url: z
      .url({ protocol: /^https?$/, error: 'expected http://host[:port] or https://host[:port]' })
      .describe('Where the server listens.'),
    version: z.literal([1, 2]).default(2).describe('2: InfluxDB 2 and 3, VictoriaMetrics; 1: InfluxDB 1.x.'),
    org: z.string().default('').describe('Organisation (2).'),
    bucket: z.string().min(1).default('poincon').describe('Bucket (2).'),
    database: z.string().min(1).default('poincon').describe('Database (1).'),
    token_file: file.optional().describe('File that holds the token (2).'),
  })
  .describe('A time series database.')

/** What `poincon setup` wants to know, `poincon.answers/1`: asked on a terminal, or read from a YAML file. */
export const answersSchema = z.strictObject({
  language: z.enum(LANGUAGES).default('en').describe('Of the questions, and of the comments in the file.'),
  device_id: name.optional().describe('Default: derived from the machine id.'),
  site: name.default('site').describe('First level of every topic.'),
  line: name.default('line').describe('Second level of every topic.'),
  station: name.default('station').describe('Third level of every topic.'),
  data_dir: file.optional().describe('Where the store lies; default: where the service keeps it.'),
  heads: z
    .enum(['found', 'simulated'])
    .default('found')
    .describe(
      '`found`: what answers on the buses; `simulated`: none of it, the station shows made-up parts.',
    ),
  camera: z
    .enum(['found', 'simulated', 'none'])
    .default('found')
    .describe('`found`: the first camera of this machine, if it has one.'),
  recipe: z.string().min(1).default('foiegras_standard_barquette').describe('The recipe to begin with.'),
  trigger: z
    .union([
      z.strictObject({ kind: z.literal('command') }),
      z.strictObject({ kind: z.literal('interval'), period_ms: z.int().min(100).max(60_000).default(1000) }),
      z.strictObject({ kind: z.literal('light-barrier'), line: z.int().min(0).max(511) }),
    ])
    .default({ kind: 'interval', period_ms: 1000 })
    .describe('What makes a part: a light barrier at a GPIO line, the clock, or a command.'),
  gate: z
    .strictObject({
      pass: z.int().min(0).max(511).describe('GPIO line that lets a part pass.'),
      kick: z.int().min(0).max(511).optional().describe('GPIO line that an external relay listens to.'),
      stop: z.int().min(0).max(511).optional().describe('GPIO line that stops the belt for a held part.'),
      hold: z
        .int()
        .min(0)
        .max(511)
        .optional()
        .describe('GPIO line that sends a held part to a lane of its own.'),
      delay_ms: z.int().min(0).max(60_000).default(2000).describe('From the trigger to the gate.'),
    })
    .refine(({ stop, hold }) => stop !== undefined || hold !== undefined, {
      path: ['stop'],
      error: 'expected the line that stops the belt, or `hold`: a held part must not go on',
    })
    .optional()
    .describe('The reject gate; absent: the station runs dry.'),
  broker: plant.optional().describe('The plant’s broker beside the embedded one; absent: none.'),
  influx: influx.optional().describe('A time series database; absent: none.'),
  tray: z
    .enum(['measure', 'later'])
    .default('measure')
    .describe('Whether the empty tray lies below the heads now, and is measured.'),
})
export type Answers = Readonly<z.infer<typeof answersSchema>>
