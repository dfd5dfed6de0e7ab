import { execFile } from 'node:child_process'
import { access, constants, mkdir, statfs } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { promisify } from 'node:util'
import { systemClock } from '../../drivers/clock.ts'
import type { Config } from '../config.ts'
import { StoreError } from '../store/error.ts'
import { lockDirectory } from '../store/lock.ts'
import { type Finding, failed, messageOf, ok, warning } from './finding.ts'
import { storageFindings } from './storage.ts'

const LEAST_FREE_BYTES = 512 * 1024 * 1024
const CONNECT_LIMIT_MS = 3000
const run = promisify(execFile)

/** The machine itself: runtime, disk, clock, ports, and the servers it is to reach. */
export async function machineFindings(config: Config): Promise<readonly Finding[]> {
  const { http, mqtt, sparkplug, influx } = config
  const storage = storageFindings(config, systemClock.wall())
  const machine = await Promise.all([
    runtime(),
    dataDirectory(config),
    clock(),
    port('http', http.host, http.port, 'http.port or POINCON_HTTP_PORT'),
    ...(mqtt.enabled ? [port('mqtt', mqtt.host, mqtt.port, 'mqtt.port or POINCON_MQTT_PORT')] : []),
    ...(mqtt.upstream === undefined
      ? []
      : [server('upstream broker', mqtt.upstream.url, 'mqtt.upstream.url')]),
    ...(sparkplug === undefined ? [] : [server('Sparkplug broker', sparkplug.url, 'sparkplug.url')]),
    ...(influx === undefined ? [] : [server('InfluxDB', influx.url, 'influx.url')]),
  ])
  return [...machine, ...(await storage)]
}

/** Whether a gateway uses this data directory now: its buses are its own then. */
export async function gatewayRuns({ data_dir: dir }: Config): Promise<boolean> {
  try {
    await (await lockDirectory(dir)).close()
    return false
  } catch (error) {
    return error instanceof StoreError && error.fault === 'locked'
  }
}

function runtime(): Finding {
  const major = Number(process.versions.node.split('.')[0])
  const found = `Node ${process.versions.node} on ${process.platform}-${process.arch}`
  return major >= 20 ? ok('runtime', found) : failed('runtime', found, 'install Node 20, 22 or 24')
}

async function dataDirectory({ data_dir: dir }: Config): Promise<Finding> {
  const subject = 'data directory'
  try {
    await mkdir(dir, { recursive: true })
    await access(dir, constants.W_OK)
    const { bavail, bsize } = await statfs(dir)
    const free = bavail * bsize
    const found = `${dir}, ${(free / 1e9).toFixed(1)} GB free`
    if (free >= LEAST_FREE_BYTES) return ok(subject, found)
    return warning(subject, found, 'free some space, or set data_dir to a larger disk')
  } catch (error) {
    const advice = 'make it writable for this user, or set data_dir (POINCON_DATA_DIR)'
    return failed(subject, messageOf(error), advice)
  }
}

async function clock(): Promise<Finding> {
  try {
    const { stdout } = await run('timedatectl', ['show', '--property=NTPSynchronized', '--value'], {
      timeout: 2000,
    })
    if (stdout.trim() === 'yes') return ok('clock', 'follows a time server')
    const advice = 'let it reach a time server (systemd-timesyncd, chrony), or fit a battery clock'
    return warning('clock', 'is not disciplined: messages say holdover', advice)
  } catch {
    return warning('clock', 'nobody vouches for it: no timedatectl', 'run it under systemd')
  }
}

function port(subject: string, host: string, number: number, setting: string): Promise<Finding> {
  return new Promise((resolve) => {
    const listener = createServer()
    listener.once('error', (error) =>
      resolve(
        failed(
          subject,
          `${host}:${number}: ${messageOf(error)}`,
          `end what listens there (a gateway that runs?), or change ${setting}`,
        ),
      ),
    )
    listener.listen({ host, port: number, exclusive: true }, () =>
      listener.close(() => resolve(ok(subject, `${host}:${number} is free`))),
    )
  })
}

const DEFAULT_PORTS: Readonly<Record<string, number>> = {
  'mqtt:': 1883,
  'mqtts:': 8883,
  'http:': 80,
  'https:': 443,
}

/** Whether something accepts connections there; who it is the sink finds out. */
function server(subject: string, url: string, setting: string): Promise<Finding> {
  const { hostname, port: named, protocol } = new URL(url)
  const number = named === '' ? (DEFAULT_PORTS[protocol] ?? 0) : Number(named)
  const place = `${hostname}:${number}`
  const advice = `is it running, and does a firewall let this machine through? (${setting})`
  return new Promise((resolve) => {
    const socket = connect({ host: hostname, port: number, timeout: CONNECT_LIMIT_MS })
    const end = (finding: Finding): void => {
      socket.destroy()
      resolve(finding)
    }
    socket.once('connect', () => end(ok(subject, `${place} accepts connections`)))
    socket.once('timeout', () => end(failed(subject, `${place}: no answer within 3 s`, advice)))
    socket.once('error', (error) => end(failed(subject, `${place}: ${messageOf(error)}`, advice)))
  })
}
