import { z } from 'zod'

const file = z.string().min(1)
const user = {
  username: z.string().min(1).optional().describe('User name, where one is wanted.'),
  password_file: file.optional().describe('File that holds the password; a line end after it is dropped.'),
}
const tls = {
  ca_file: file.optional().describe('PEM certificates to trust in place of the system’s.'),
  cert_file: file.optional().describe('PEM client certificate.'),
  key_file: file.optional().describe('PEM key of the client certificate.'),
}
const mqttUrl = z
  .url({ protocol: /^mqtts?$/, error: 'expected mqtt://host[:port] or mqtts://host[:port]' })
  .refine((url) => !/^mqtts?:\/\/[^/]*@/.test(url), 'expected no user name or password in the URL')
const natsName = z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, 'expected 1 to 64 of A-Z, a-z, 0-9, _ and -')

const natsSource = z.strictObject({
  kind: z.literal('nats'),
  servers: z
    .array(z.string().min(1))
    .min(1)
    .describe('`nats://host[:port]` or `tls://host[:port]`; one is enough, the others are learnt.'),
  ...user,
  credentials_file: file.optional().describe('`.creds` file of a NATS user (JWT and seed).'),
  ...tls,
  stream: natsName.default('POINCON').describe('Stream that keeps the stations’ inspections.'),
  consumer: natsName.default('ingest').describe('Durable consumer that all workers share.'),
  replicas: z
    .union([z.literal(1), z.literal(3), z.literal(5)])
    .default(3)
    .describe('Of a stream made here.'),
  max_age_days: z.number().positive().default(30).describe('How long a stream made here keeps what it got.'),
  max_gb: z.number().positive().optional().describe('What a stream made here may take on disk.'),
  ack_wait_s: z
    .number()
    .min(1)
    .max(3600)
    .default(60)
    .describe('After this another worker gets what a dead one had.'),
  max_ack_pending: z
    .int()
    .min(1)
    .max(1_000_000)
    .default(10_000)
    .describe('Inspections on their way to all workers; with more the stream waits for them.'),
})

const mqttSource = z.strictObject({
  kind: z.literal('mqtt'),
  url: mqttUrl,
  protocol_version: z.enum(['5', '3.1.1']).default('5').describe('With 5 the worker says how much it takes.'),
  ...user,
  ...tls,
  group: natsName
    .default('poincon-ingest')
    .describe('Name of the shared subscription that all workers join.'),
  session_hours: z
    .number()
    .min(0)
    .max(1000)
    .default(1)
    .describe('How long the broker keeps what a worker that is gone had not acknowledged (MQTT 5).'),
})
export type NatsSourceOptions = Readonly<z.infer<typeof natsSource>>
export type MqttSourceOptions = Readonly<z.infer<typeof mqttSource>>

/** `ingest.yaml` without what other rooms add to it. */
export const ingestOptions = z.strictObject({
  name: natsName.optional().describe('Names this worker; default: host name and process id.'),
  source: z.discriminatedUnion('kind', [natsSource, mqttSource]).describe('Where inspections come from.'),
  database: z
    .strictObject({
      host: z.string().min(1).default('/run/postgresql').describe('Host, or the directory of the socket.'),
      port: z.int().min(1).max(65_535).default(5432).describe('Port.'),
      name: z.string().min(1).default('poincon').describe('Database; it must exist.'),
      user: z
        .string()
        .min(1)
        .default('poincon')
        .describe('Role; it must own the database or its schema `poincon`.'),
      password_file: user.password_file,
      tls: z.boolean().default(false).describe('Connects by TLS only, and checks the certificate.'),
      ca_file: tls.ca_file,
      retention_days: z
        .int()
        .min(1)
        .optional()
        .describe(
          'Inspections older than this go, whole months or chunks at once; the ledger stays. Absent: never.',
        ),
    })
    .prefault({})
    .describe('The final store: PostgreSQL 13 or later; TimescaleDB is used where it is installed.'),
  confirm: z
    .strictObject({
      url: mqttUrl.describe('The broker that the stations listen to.'),
      protocol_version: z.enum(['5', '3.1.1']).default('3.1.1').describe('NATS takes 3.1.1 only.'),
      ...user,
      ...tls,
      every_ms: z.int().min(10).max(60_000).default(1000).describe('How often what has moved is said.'),
      heartbeat_s: z
        .number()
        .min(0.1)
        .max(3600)
        .default(30)
        .describe('What has not moved is said again after this, so that silence means something.'),
      topics_quiet_days: z
        .number()
        .positive()
        .default(90)
        .describe('A device that was not heard for so long is not spoken of any more.'),
    })
    .optional()
    .describe('Tells every station what is stored; absent: another worker does.'),
  batch: z.int().min(1).max(5000).default(500).describe('Inspections in one transaction, at most.'),
  gather_ms: z
    .int()
    .min(0)
    .max(10_000)
    .default(20)
    .describe('How long the first of a batch waits for others.'),
  max_bytes: z.int().min(1000).max(16_000_000).default(1_000_000).describe('A larger message is set aside.'),
  hashes: z
    .enum(['required', 'noted'])
    .default('required')
    .describe(
      '`noted` takes also what cannot be checked against its hash, e.g. of stations that send `lean`.',
    ),
  log_level: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace']).default('info').describe('Log.'),
})
export type IngestOptions = Readonly<z.infer<typeof ingestOptions>>
