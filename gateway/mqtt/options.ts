import { z } from 'zod'

/** Whether only this machine reaches an address. */
export function isLoopback(host: string): boolean {
  return /^(localhost|::1|127(\.\d{1,3}){3})$/.test(host)
}

/** A problem between keys, shown with the value of the one it names and nothing beside it: no password, for one. */
function wrong(path: string[], input: unknown, message: string): z.core.$ZodRawIssue {
  return { code: 'custom', path, input, message }
}

const file = z.string().min(1)

const tlsVersion = z.enum(['1.3', '1.2']).default('1.3')

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
    confirmed: z
      .enum(['off', 'watched', 'required'])
      .default('off')
      .describe(
        'What the final store confirms on `…/confirmed`: `watched` sends again what it misses, `required` also lets ' +
          'retention free only what is confirmed.',
      ),
    confirmed_within_s: z
      .number()
      .min(5)
      .max(86_400)
      .default(120)
      .describe('So long a delivered inspection may stay unconfirmed before it is sent again.'),
    password_file: file.optional().describe('File that holds the password; a line end after it is dropped.'),
    ca_file: file.optional().describe('PEM certificates to trust in place of the system’s.'),
    cert_file: file.optional().describe('PEM client certificate.'),
    key_file: file.optional().describe('PEM key of the client certificate.'),
    watch_own_topics: z
      .boolean()
      .default(true)
      .describe('Listens on this station’s own topics, to notice a second station of its name.'),
    tls_min_version: tlsVersion.describe('Lowest TLS version spoken with `mqtts`.'),
    session_expiry_s: z
      .int()
      .min(0)
      .max(86_400)
      .optional()
      .describe(
        'How long the broker keeps the session of a lost connection, s: commands sent meanwhile come after it. Default: 60 with MQTT 5, 0 with 3.1.1, where a broker keeps one as long as it likes.',
      ),
  })
  .check(({ value, issues }) => {
    const { password, password_file, cert_file, key_file } = value
    if (password !== undefined && password_file !== undefined)
      issues.push(wrong(['password_file'], password_file, 'expected either password or password_file'))
    if ((cert_file === undefined) !== (key_file === undefined))
      issues.push(wrong(['key_file'], key_file, 'expected cert_file and key_file together'))
  })
export type UpstreamOptions = Readonly<z.infer<typeof upstreamOptions>>

/** TLS of the embedded broker. */
export const tlsOptions = z.strictObject({
  cert_file: file.describe('PEM certificate of this broker, with those between it and the authority.'),
  key_file: file.describe('PEM key of the certificate.'),
  client_ca_file: file
    .optional()
    .describe('PEM certificates of who signs client certificates; a client’s common name is its user.'),
  min_version: tlsVersion.describe('Lowest TLS version spoken.'),
})
export type TlsOptions = Readonly<z.infer<typeof tlsOptions>>

/** `mqtt` of `poincon.yaml`. */
export const mqttOptions = z
  .strictObject({
    enabled: z.boolean().default(true).describe('Runs the embedded broker and publishes on it.'),
    host: z
      .string()
      .min(1)
      .default('127.0.0.1')
      .describe(
        'Address of the embedded broker; beyond loopback only with `users_file` or `tls.client_ca_file`.',
      ),
    port: z
      .int()
      .min(0)
      .max(65535)
      .default(1883)
      .describe('Port of the embedded broker; 0 takes a free one.'),
    users_file: file
      .optional()
      .describe('Who may come in, as `poincon user` writes it; absent: everybody on this machine.'),
    tls: tlsOptions.optional().describe('TLS of the embedded broker; absent: plain TCP.'),
    inspection: z
      .enum(['full', 'lean'])
      .default('full')
      .describe('`lean` leaves the matrices out of the published inspections, here and upstream.'),
    upstream: upstreamOptions.optional().describe('The plant’s broker.'),
  })
  .check(({ value: { host, users_file, tls }, issues }) => {
    if (isLoopback(host) || users_file !== undefined || tls?.client_ca_file !== undefined) return
    const expected =
      'expected a loopback address, or mqtt.users_file or mqtt.tls.client_ca_file: beyond this machine the embedded broker wants to know who comes'
    issues.push(wrong(['host'], host, expected))
  })
export type MqttOptions = Readonly<z.infer<typeof mqttOptions>>
