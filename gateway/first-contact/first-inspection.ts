import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { stat } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { z } from 'zod'
import { askStation } from '../command-client.ts'
import type { Config } from '../config.ts'

/** A station on a slow machine, cold. */
const READY_WITHIN_MS = 120_000
const STOP_WITHIN_MS = 20_000
const ENDS = ['SIGHUP', 'SIGINT', 'SIGTERM'] as const

const readyLine = z.looseObject({ msg: z.literal('ready'), mqttPort: z.number() })
const inspected = z.looseObject({
  sequence: z.number().optional(),
  verdict: z.looseObject({ kind: z.string(), action: z.string(), reasons: z.array(z.string()).optional() }),
})
export type FirstInspection = z.infer<typeof inspected>

export interface FirstOptions {
  readonly config: Config
  /** The file that was written. */
  readonly file: string
  /** This program: the service's own way from here on. */
  readonly cli: { readonly node: string; readonly script: string }
}

/**
 * Measures the empty tray as a station without a service would: `poincon calibrate tray`.
 * @throws Error with its own words where it is refused
 */
export async function measureTray({ config, file, cli }: FirstOptions): Promise<void> {
  const args = ['calibrate', 'tray', '--yes', '--config', file]
  const child = await launch(cli, args, config, {})
  let said = ''
  child.stdout?.on('data', (piece: Buffer) => (said += piece.toString()))
  child.stderr?.on('data', (piece: Buffer) => (said += piece.toString()))
  const [code]: unknown[] = await once(child, 'close')
  if (code !== 0) throw new Error(said.trim())
}

/**
 * Starts the station as it was configured, dry and on free ports, inspects what lies below the heads, and ends it.
 * @throws Error where it does not become ready, or does not answer, with its last words
 */
export async function firstInspection({ config, file, cli }: FirstOptions): Promise<FirstInspection> {
  const child = await launch(cli, ['run', '--dry-run', '--config', file], config, {
    POINCON_HTTP_PORT: '0',
    POINCON_MQTT_PORT: '0',
    POINCON_FLOWS_ENABLED: 'false',
    POINCON_TRIGGER_KIND: 'command',
    // What lies below simulated heads is empty, too.
    POINCON_SIMULATION_EMPTY_RATE: '1',
  })
  try {
    const port = await mqttPort(child)
    const mqtt = { ...config.mqtt, port }
    return inspected.parse(await askStation({ ...config, mqtt }, 'inspect', {}))
  } finally {
    child.kill('SIGTERM')
    const late = setTimeout(() => child.kill('SIGKILL'), STOP_WITHIN_MS)
    if (child.exitCode === null && child.signalCode === null) await once(child, 'close')
    clearTimeout(late)
  }
}

async function mqttPort(child: ChildProcess): Promise<number> {
  const last: string[] = []
  const late = setTimeout(() => child.kill('SIGKILL'), READY_WITHIN_MS)
  try {
    if (child.stderr === null) throw new Error('no log')
    for await (const line of createInterface({ input: child.stderr })) {
      last.splice(0, Math.max(0, last.length - 4))
      last.push(line)
      const ready = readyLine.safeParse(jsonOf(line))
      if (ready.success) {
        setImmediate(() => {
          child.stderr?.resume()
          child.stdout?.resume()
        })
        return ready.data.mqttPort
      }
    }
    throw new Error(`the station did not start: ${last.join(' · ')}`)
  } finally {
    clearTimeout(late)
  }
}

function jsonOf(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}

/** As the owner of the data directory, where root asks: the service must be able to use what it leaves. */
async function launch(
  { node, script }: FirstOptions['cli'],
  args: readonly string[],
  { data_dir: dir }: Config,
  settings: Readonly<Record<string, string>>,
): Promise<ChildProcess> {
  const owner = process.getuid?.() === 0 ? await stat(dir).catch(() => undefined) : undefined
  const child = spawn(node, [script, ...args], {
    env: { ...process.env, ...settings },
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(owner === undefined || owner.uid === 0 ? {} : { uid: owner.uid, gid: owner.gid }),
  })
  // A station that outlives whoever started it would keep the service from starting.
  const end = (): void => {
    child.kill('SIGTERM')
    process.exit(1)
  }
  for (const signal of ENDS) process.once(signal, end)
  child.once('close', () => {
    for (const signal of ENDS) process.off(signal, end)
  })
  return child
}
