import { access, constants, mkdir, statfs } from 'node:fs/promises'
import { createServer } from 'node:net'
import { parseArgs } from 'node:util'
import { systemClock } from '../../drivers/clock.ts'
import type { Config } from '../config.ts'
import { ConfigError } from '../config.ts'
import { loadConfig } from '../config-file.ts'
import { type HeadPlan, wire } from '../hardware.ts'

/** One thing that was looked at. */
export interface Finding {
  readonly subject: string
  readonly state: 'ok' | 'warning' | 'failed'
  readonly found: string
  /** What a person can do about it. */
  readonly advice?: string
}

const LEAST_FREE_BYTES = 512 * 1024 * 1024
const HEAD_LIMIT_MS = 8000

/** `poincon doctor`: what is there, what is wrong, what to do. Exit 1 when something failed. */
export async function doctorCommand(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: { config: { type: 'string', short: 'c' }, json: { type: 'boolean', default: false } },
  })
  const findings = await examine(values.config)
  if (values.json) process.stdout.write(`${JSON.stringify(findings, null, 2)}\n`)
  else for (const finding of findings) process.stdout.write(`${line(finding)}\n`)
  return findings.some(({ state }) => state === 'failed') ? 1 : 0
}

function line({ subject, state, found, advice }: Finding): string {
  const mark = { ok: 'ok     ', warning: 'warning', failed: 'FAILED ' }[state]
  return `${mark}  ${subject}: ${found}${advice === undefined ? '' : `\n         → ${advice}`}`
}

async function examine(file: string | undefined): Promise<readonly Finding[]> {
  const sources = { ...(file === undefined ? {} : { file }), env: process.env, cwd: process.cwd() }
  try {
    const { config, file: found } = loadConfig(sources)
    return [
      { subject: 'configuration', state: 'ok', found },
      nodeVersion(),
      await dataDirectory(config),
      await port('http', config.http.host, config.http.port, 'http.port or POINCON_HTTP_PORT'),
      ...(config.mqtt.enabled
        ? [await port('mqtt', config.mqtt.host, config.mqtt.port, 'mqtt.port or POINCON_MQTT_PORT')]
        : []),
      ...(await heads(config)),
    ]
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return [
      {
        subject: 'configuration',
        state: 'failed',
        found: error.message,
        advice: 'mend it, then `poincon check`',
      },
    ]
  }
}

function nodeVersion(): Finding {
  const major = Number(process.versions.node.split('.')[0])
  const found = `Node ${process.versions.node} on ${process.platform}-${process.arch}`
  if (major >= 20) return { subject: 'runtime', state: 'ok', found }
  return { subject: 'runtime', state: 'failed', found, advice: 'install Node 20, 22 or 24' }
}

async function dataDirectory({ data_dir: dir }: Config): Promise<Finding> {
  const subject = 'data directory'
  try {
    await mkdir(dir, { recursive: true })
    await access(dir, constants.W_OK)
    const { bavail, bsize } = await statfs(dir)
    const free = bavail * bsize
    const found = `${dir}, ${(free / 1e9).toFixed(1)} GB free`
    if (free >= LEAST_FREE_BYTES) return { subject, state: 'ok', found }
    return { subject, state: 'warning', found, advice: 'free some space, or set data_dir to a larger disk' }
  } catch (error) {
    const advice = `make it writable for this user, or set data_dir (POINCON_DATA_DIR)`
    return { subject, state: 'failed', found: message(error), advice }
  }
}

function port(subject: string, host: string, number: number, setting: string): Promise<Finding> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', (error) =>
      resolve({
        subject,
        state: 'failed',
        found: `${host}:${number}: ${message(error)}`,
        advice: `end what listens there (a gateway that runs?), or change ${setting}`,
      }),
    )
    server.listen({ host, port: number, exclusive: true }, () =>
      server.close(() => resolve({ subject, state: 'ok', found: `${host}:${number} is free` })),
    )
  })
}

/** Opens every head as the station would, and takes one measurement. */
async function heads(config: Config): Promise<readonly Finding[]> {
  const hardware = wire(config, systemClock, config.recipe)
  try {
    return await Promise.all(hardware.heads.map((plan) => head(plan, config)))
  } finally {
    await hardware.close()
  }
}

async function head({ id, kind, open }: HeadPlan, config: Config): Promise<Finding> {
  const bus = config.heads[id]?.bus ?? ''
  const wires = config.buses[bus]
  const subject = `head ${id} (${kind} on ${wires?.kind === 'linux' ? wires.path : `simulated bus ${bus}`})`
  const limit = AbortSignal.timeout(HEAD_LIMIT_MS)
  try {
    const since = performance.now()
    const instrument = await open(limit)
    const openedMs = performance.now() - since
    try {
      const from = performance.now()
      await instrument.measure(systemClock.now(), limit)
      const found = `opened in ${openedMs.toFixed(0)} ms, measured in ${(performance.now() - from).toFixed(0)} ms`
      return { subject, state: 'ok', found }
    } finally {
      await instrument.close()
    }
  } catch (error) {
    return { subject, state: 'failed', found: message(error), advice: adviceFor(message(error)) }
  }
}

function adviceFor(found: string): string {
  if (/no acknowledge/.test(found)) {
    return 'nothing answers: check supply, SDA/SCL, pull-ups and the address; `i2cdetect -y N` lists what answers'
  }
  if (/permission|EACCES/i.test(found))
    return 'let the user into group i2c: sudo usermod -aG i2c $USER, then log in anew'
  if (/no such|ENOENT|no-bus/i.test(found))
    return 'enable I²C (Raspberry Pi: dtparam=i2c_arm=on), then load i2c-dev'
  if (/firmware/.test(found)) return 'set firmware_file of the head (drivers/vl53l8ch/README.md)'
  return 'see drivers/README.md'
}

function message(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
