import { z } from 'zod'
import { SPARKPLUG_ID } from './topics.ts'

const file = z.string().min(1)
const id = z.string().regex(SPARKPLUG_ID, 'expected 1 to 64 characters without +, / and #')

/** `sparkplug` of `poincon.yaml`: the station as an edge node of Sparkplug B 3.0. */
export const sparkplugOptions = z
  .strictObject({
    url: z
      .url({ protocol: /^mqtts?$/, error: 'expected mqtt://host[:port] or mqtts://host[:port]' })
      .refine((url) => !/^mqtts?:\/\/[^/]*@/.test(url), 'expected no user name or password in the URL')
      .describe('`mqtt://host[:port]` (1883) or `mqtts://host[:port]` (8883): where the hosts are.'),
    protocol_version: z
      .enum(['5', '3.1.1'])
      .default('3.1.1')
      .describe('Of MQTT. With 5 the broker says how large a packet it takes.'),
    client_id: z
      .string()
      .regex(/^[A-Za-z0-9_.-]{1,64}$/, 'expected 1 to 64 of A-Z, a-z, 0-9, _, . and -')
      .optional()
      .describe(
        'Default: `<device_id>-sparkplug`. Two clients with one id on a broker throw each other out.',
      ),
    username: z.string().min(1).optional().describe('User name, where the broker wants one.'),
    password: z
      .string()
      .min(1)
      .optional()
      .describe('For `POINCON_SPARKPLUG_PASSWORD`; in a file, `password_file` is safer.')
      .meta({ secret: true }),
    password_file: file.optional().describe('File that holds the password; a line end after it is dropped.'),
    ca_file: file.optional().describe('PEM certificates to trust in place of the system’s.'),
    cert_file: file.optional().describe('PEM client certificate.'),
    key_file: file.optional().describe('PEM key of the client certificate.'),
    group_id: id
      .refine((group) => group !== 'STATE', 'expected another name than STATE: hosts use it')
      .optional()
      .describe('Group ID. Default: `site`.'),
    edge_node_id: id
      .optional()
      .describe(
        'Edge Node ID, unique in its group. Default: `<line>-<station>`, which is not unique where `a-b` and `c` stand beside `a` and `b-c`.',
      ),
    device_id: id.default('inspection').describe('Device ID: under it the inspections are told.'),
    primary_host: id
      .optional()
      .describe(
        'Host ID of the primary host: nothing is sent, and the cursor stands, unless its STATE says that it is online. Absent: the station speaks whether or not anybody listens, and what nobody heard is not sent again. Neither promises that every inspection arrives: data are QoS 0.',
      ),
  })
  .refine(({ password, password_file }) => password === undefined || password_file === undefined, {
    path: ['password_file'],
    error: 'expected either password or password_file',
  })
  .refine(({ cert_file, key_file }) => (cert_file === undefined) === (key_file === undefined), {
    path: ['key_file'],
    error: 'expected cert_file and key_file together',
  })
export type SparkplugOptions = Readonly<z.infer<typeof sparkplugOptions>>
