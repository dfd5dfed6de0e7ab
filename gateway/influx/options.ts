import { z } from 'zod'

const file = z.string().min(1)
const secret = { secret: true }

/** `influx` of `poincon.yaml`: an InfluxDB 2 or 3, an InfluxDB 1.x, or VictoriaMetrics. */
export const influxOptions = z
  .strictObject({
    url: z
      .url({ protocol: /^https?$/, error: 'expected http://host[:port] or https://host[:port]' })
      .refine((url) => !/^https?:\/\/[^/]*@/.test(url), 'expected no user name or password in the URL')
      .describe('Where the server listens.'),
    version: z
      .union([z.literal(1), z.literal(2)])
      .default(2)
      .describe('1 writes to `/write`, 2 to `/api/v2/write` (InfluxDB 2 and 3, VictoriaMetrics).'),
    org: z.string().default('').describe('Organisation (2).'),
    bucket: z.string().min(1).default('poincon').describe('Bucket (2); it must exist.'),
    database: z.string().min(1).default('poincon').describe('Database (1); it must exist.'),
    token_file: file.optional().describe('File that holds the token (2); a line end after it is dropped.'),
    token: z
      .string()
      .min(1)
      .optional()
      .describe('For `POINCON_INFLUX_TOKEN`; in a file, `token_file` is safer.')
      .meta(secret),
    username: z.string().min(1).optional().describe('User name (1).'),
    password_file: file
      .optional()
      .describe('File that holds the password (1); a line end after it is dropped.'),
    password: z.string().min(1).optional().describe('For `POINCON_INFLUX_PASSWORD`.').meta(secret),
    text_fields: z
      .boolean()
      .default(true)
      .describe('Whether texts are written. `false` for VictoriaMetrics, which stores every text as 0.'),
  })
  .refine(({ token, token_file }) => token === undefined || token_file === undefined, {
    path: ['token_file'],
    error: 'expected either token or token_file',
  })
  .refine(({ password, password_file }) => password === undefined || password_file === undefined, {
    path: ['password_file'],
    error: 'expected either password or password_file',
  })
export type InfluxOptions = Readonly<z.infer<typeof influxOptions>>
