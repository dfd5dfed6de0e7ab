import { z } from 'zod'

const LOOPBACK = /^(localhost|::1|127(\.\d{1,3}){3})$/

const file = z.string().min(1)

/** The plant's broker. */
export const upstreamOptions = z
  .strictObject({
    url: z
      .url({ protocol: /^mqtts?$/, error: 'expected mqtt://host[:port] or mqtts://host[:port]' })
      .refine((url) => !/^mqtts?:\/\/[^/]*@/.test(url), 'expected no user name or password in the URL')
      .describe('`mqtt://host[:port]` (1883) or `mqtts://host[:port]` (8883).'),
    protocol_version: z
      .enum(['5', '3.1.1'])
      .default('5')
      .describe('MQTT 5 adds user properties, response topics and reason codes.'),
    client_id: z
      .string()
      .regex(/^[A-Za-z0-9_.-]{1,64}$/, 'expected 1 to 64 of A-Z, a-z, 0-9, _, . and -')
      .optional()
      .describe('Default: `poincon-<device_id>`. Two clients with one id throw each other out.'),
    username: z.string().min(1).optional().describe('User name, where the broker wants one.'),
    password: z
      .string()
      .min(1)
      .optional()
      .describe('For `POINCON_MQTT_UPSTREAM_PASSWORD`; in a file, `password_file` is safer.')
      .meta({ secret: true }),
    password_file: file.optional().describe('File that holds the password; a line end after it is dropped.'),
    ca_file: file.optional().describe('PEM certificates to trust in place of the system’s.'),
    cert_file: file.optional().describe('PEM client certificate.'),
    key_file: file.optional().describe('PEM key of the client certificate.'),
  })
  .refine(({ password, password_file }) => password === undefined || password_file === undefined, {
    path: ['password_file'],
    error: 'expected either password or password_file',
  })
  .refine(({ cert_file, key_file }) => (cert_file === undefined) === (key_file === undefined), {
    path: ['key_file'],
    error: 'expected cert_file and key_file together',
  })
export type UpstreamOptions = Readonly<z.infer<typeof upstreamOptions>>

/** `mqtt` of `poincon.yaml`. */
export const mqttOptions = z.strictObject({
  enabled: z.boolean().default(true).describe('Runs the embedded broker and publishes on it.'),
  host: z
    .string()
    .regex(LOOPBACK, 'expected a loopback address: the embedded broker has no users')
    .default('127.0.0.1')
    .describe('Address of the embedded broker; loopback only, because it is anonymous.'),
  port: z.int().min(0).max(65535).default(1883).describe('Port of the embedded broker; 0 takes a free one.'),
  inspection: z
    .enum(['full', 'lean'])
    .default('full')
    .describe('`lean` leaves the matrices out of the published inspections, here and upstream.'),
  upstream: upstreamOptions.optional().describe('The plant’s broker.'),
})
export type MqttOptions = Readonly<z.infer<typeof mqttOptions>>
