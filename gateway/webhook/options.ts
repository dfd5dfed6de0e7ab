import { z } from 'zod'
import { ACTIONS } from '../inspection.ts'

const file = z.string().min(1)
const header = z.string().regex(/^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}$/, 'expected the name of a header')
/** Written by the sink itself. */
const OWN_HEADERS: ReadonlySet<string> = new Set([
  'content-length',
  'content-type',
  'host',
  'idempotency-key',
  'transfer-encoding',
  'webhook-id',
  'webhook-signature',
  'webhook-timestamp',
])
const foreign = header.refine((name) => !OWN_HEADERS.has(name.toLowerCase()), {
  error: 'expected none of the headers that the sink writes itself',
})

/** `webhook` of `poincon.yaml`: a server that takes inspections by HTTP POST. */
export const webhookOptions = z
  .strictObject({
    url: z
      .url({ protocol: /^https?$/, error: 'expected http://host[:port]/path or https://…' })
      .refine((url) => !/^https?:\/\/[^/]*@/.test(url), 'expected no user name or password in the URL')
      .describe('Where inspections are posted.'),
    body: z
      .enum(['json', 'ndjson', 'array'])
      .default('json')
      .describe(
        '`json`: one inspection a request; `ndjson`, `array`: a batch, one a line or as a JSON array.',
      ),
    only: z
      .array(z.enum(ACTIONS))
      .min(1)
      .refine((actions) => new Set(actions).size === actions.length, 'expected different actions')
      .optional()
      .describe('Only parts with which one of these was done; absent: all.'),
    batch: z.int().min(1).max(1000).default(100).describe('Inspections in one request (ndjson, array).'),
    secret_file: file
      .optional()
      .describe(
        'File with the key of the signature, `whsec_<base64>` (Standard Webhooks); absent: unsigned.',
      ),
    headers: z
      .record(
        foreign,
        z
          .string()
          .regex(/^[\t\x20-\x7e]*$/, 'expected printable ASCII')
          // Nothing secret belongs here, and people put it here.
          .meta({ secret: true }),
      )
      .default({})
      .describe('Further headers; nothing secret.'),
    header_files: z
      .record(foreign, file)
      .default({})
      .describe(
        'Headers whose value is read from a file, e.g. `authorization`; a line end after it is dropped.',
      ),
    conflict: z
      .enum(['retry', 'delivered'])
      .default('retry')
      .describe('What HTTP 409 means: try again, or the server has it already.'),
    timeout_ms: z
      .int()
      .min(100)
      .max(120_000)
      .default(10_000)
      .describe('For one request, from the connection to the last byte of the answer, ms.'),
    ca_file: file.optional().describe('Certificates to trust, in place of the system’s.'),
    cert_file: file.optional().describe('Certificate of this client.'),
    key_file: file.optional().describe('Its private key.'),
  })
  .refine(({ cert_file, key_file }) => (cert_file === undefined) === (key_file === undefined), {
    path: ['key_file'],
    error: 'expected both cert_file and key_file, or neither',
  })
/** `webhooks`: several of them; the name is that of the cursor, `webhook-<name>`. */
export const webhooksOptions = z.record(
  z.string().regex(/^[a-z0-9-]{1,48}$/, 'expected 1 to 48 of a-z, 0-9 and -'),
  webhookOptions,
)

export type WebhookOptions = Readonly<z.infer<typeof webhookOptions>>
