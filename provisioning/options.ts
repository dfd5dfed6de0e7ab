import { z } from 'zod'

const DAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const
const timeOfDay = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'expected hours and minutes, 00:00 to 23:59')
const file = z.string().min(1)

/** A URL of files or of a proxy. What is secret stands in files of its own, never in an address that is logged. */
const address = z.url({
  protocol: /^https?$/,
  error: 'expected an address that begins with https:// or http://',
})
const bare = address.refine((url) => {
  const { username, password } = new URL(url)
  return username === '' && password === ''
}, 'expected an address without a user name or password')

const windowOptions = z
  .strictObject({
    days: z
      .array(z.enum(DAYS))
      .min(1)
      .default([...DAYS])
      .describe('Days on which it begins.'),
    from: timeOfDay.describe('When it begins, local time of the machine.'),
    to: timeOfDay.describe('When it ends; not after `from`: on the next day.'),
  })
  .refine(({ from, to }) => from !== to, { path: ['to'], error: 'expected another time than from' })
export type UpdateWindow = Readonly<z.infer<typeof windowOptions>>

/** A token is no signature: whoever reads it on the way has it. */
const confidential = bare.refine((url) => {
  const { protocol, hostname } = new URL(url)
  return protocol === 'https:' || ['127.0.0.1', 'localhost', '[::1]'].includes(hostname)
}, 'expected https://, since a token is shown there')

const hawkbitOptions = z
  .strictObject({
    url: confidential.describe('The server, without tenant.'),
    tenant: z.string().min(1).max(64).default('DEFAULT').describe('The tenant that manages this device.'),
    controller_id: z
      .string()
      .min(1)
      .max(256)
      .optional()
      .describe('What the device is called there; absent: its `device_id`.'),
    token_file: file.describe('File with the token that the device shows.'),
    token_kind: z
      .enum(['target', 'gateway'])
      .default('target')
      .describe('`target`: a token of this device; `gateway`: one that devices share.'),
  })
  .describe('An Eclipse hawkBit server that manages this device; instead of `url`.')
export type HawkbitSource = Readonly<z.infer<typeof hawkbitOptions>>

/** `update` of `poincon.yaml`. */
export const updateOptions = z
  .strictObject({
    enabled: z
      .boolean()
      .default(false)
      .describe('Whether the device looks for updates; `poincon update install` works without.'),
    url: bare.optional().describe('Where the update repository is: TUF metadata and targets as plain files.'),
    directory: file
      .optional()
      .describe('The same repository as a directory, e.g. a USB stick; instead of `url`.'),
    hawkbit: hawkbitOptions.optional(),
    channel: z
      .string()
      .regex(/^(stable|beta|customer-[a-z0-9-]{1,48})$/, 'expected stable, beta or customer-NAME')
      .default('stable')
      .describe('Whose releases: `stable`, `beta` or `customer-NAME`.'),
    root_file: file
      .default('/etc/poincon/update-root.json')
      .describe('The root of trust: metadata of the role root, as it was when the device was installed.'),
    dir: file
      .default('/var/lib/poincon-update')
      .describe('What the updater keeps: its journal, the metadata it trusts, downloads, `status.json`.'),
    slots_dir: file.default('/opt/poincon').describe('Where `releases/`, `current` and `previous` are.'),
    check_every_min: z
      .int()
      .min(5)
      .max(10_080)
      .default(60)
      .describe('How often it looks for something new, minutes.'),
    jitter_min: z
      .int()
      .min(0)
      .max(10_080)
      .default(30)
      .describe('Up to so much later, by chance: a fleet does not come at once, minutes.'),
    windows: z
      .array(windowOptions)
      .max(24)
      .default([])
      .describe('When a switch may begin; none: whenever the line is idle.'),
    consent: z
      .enum(['auto', 'operator'])
      .default('auto')
      .describe('`operator`: somebody at the line has to agree first.'),
    configuration_consent: z
      .enum(['auto', 'operator'])
      .default('operator')
      .describe('The same for a configuration that comes as an update: it is shown what it changes.'),
    idle_s: z
      .int()
      .min(0)
      .max(86_400)
      .default(60)
      .describe('Without a part for so long the line is taken to stand still, s.'),
    verdicts: z
      .enum(['refuse', 'tell'])
      .default('refuse')
      .describe(
        'A release that judges stored parts differently: `refuse` leaves it, `tell` takes it and names the parts.',
      ),
    reserve_mb: z
      .int()
      .min(0)
      .max(1_000_000)
      .default(256)
      .describe('What an update leaves free on each disk it writes to, MB.'),
    rate_limit_kb_s: z
      .int()
      .min(1)
      .max(10_000_000)
      .optional()
      .describe('Most that a download takes of the network, kB/s; absent: what there is.'),
    proxy: bare.optional().describe('Proxy that repository is reached through; absent: none.'),
    proxy_credentials_file: file
      .optional()
      .describe('File with `name:password` for the proxy; absent: it asks for none.'),
    keep: z
      .int()
      .min(2)
      .max(10)
      .default(2)
      .describe(
        'Releases that stay, the current one and the one before it among them; the one of the package stays besides.',
      ),
    self_test_s: z
      .int()
      .min(5)
      .max(3600)
      .default(300)
      .describe('How long the self-test of a new release may take, s.'),
    ready_s: z
      .int()
      .min(1)
      .max(300)
      .default(90)
      .describe('How long a new release may take from the request to restart until it is ready, s.'),
    trial_s: z
      .int()
      .min(0)
      .max(280)
      .default(2)
      .describe('How long a new release is watched, once it is ready, before the line has it, s.'),
    memory_mb: z
      .int()
      .min(16)
      .max(1_000_000)
      .default(1024)
      .describe('Resident memory beyond which a release on trial is taken back, MB.'),
  })
  .superRefine(({ enabled, url, directory, hawkbit }, context) => {
    const named = Object.entries({ url, directory, hawkbit }).flatMap(([name, value]) =>
      value === undefined ? [] : [name],
    )
    const say = (path: string, message: string): void =>
      context.addIssue({ code: 'custom', path: [path], message })
    const [, second] = named
    if (second !== undefined) say(second, 'expected one of url, directory and hawkbit')
    if (enabled && named.length === 0)
      say('url', 'expected url, directory or hawkbit where updates are enabled')
  })
export type UpdateOptions = Readonly<z.infer<typeof updateOptions>>
