import { readdir, readFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { basename } from 'node:path'
import type { I2cBus } from '../../drivers/bus.ts'
import type { Clock } from '../../drivers/clock.ts'
import { type FoundDevice, scan } from '../../drivers/scan.ts'

const SCAN_LIMIT_MS = 20_000
/** Names of the kernel's capture devices that show no picture of their own. */
const NO_CAMERA = /codec|isp|unicam.*embedded|metadata|hevc|rpivid|pispbe|bcm2835-/i
/** Adapters of displays and internal ones of a Pi: nobody hangs a head on an HDMI plug. */
const NO_HEADS = /hdmi|ddc|drm|nouveau|i915|brcmstb|bsc.*hdmi/i

/** A bus of the kernel, and who answers on it. */
export interface FoundBus {
  /** `/dev/i2c-1`. */
  readonly path: string
  readonly devices: readonly FoundDevice[]
  /** Why nobody could be asked. */
  readonly problem?: string
}

/** What a machine has that a station could be made of. */
export interface Found {
  readonly hostname: string
  readonly buses: readonly FoundBus[]
  /** Cameras that show something, by device path. */
  readonly cameras: readonly { readonly path: string; readonly name: string }[]
  readonly gpioChips: readonly string[]
  /** Battery clocks. */
  readonly clocks: readonly string[]
}

/** The machine as far as it is looked at; a test brings its own. */
export interface Machine {
  readonly clock: Clock
  /** Names in a folder; none where there is no such folder. */
  readonly names: (folder: string) => Promise<readonly string[]>
  /** First line of a file; undefined where there is none. */
  readonly line: (path: string) => Promise<string | undefined>
  /** @throws BusError with what to do about it */
  readonly openBus: (path: string) => Promise<I2cBus & { close(): Promise<void> }>
}

/** Looks at /dev and /sys, and asks every bus who is there. Reads only; no gateway may use the buses meanwhile. */
export async function lookAround(machine: Machine): Promise<Found> {
  const devices = await machine.names('/dev')
  const numbered = (prefix: string): readonly string[] =>
    devices
      .filter((name) => name.startsWith(prefix) && /^\d+$/.test(name.slice(prefix.length)))
      .sort((one, other) => Number(one.slice(prefix.length)) - Number(other.slice(prefix.length)))
  const buses: FoundBus[] = []
  // One after the other: behind a multiplexer two buses may be the same wires.
  for (const name of numbered('i2c-')) {
    const adapter = (await machine.line(`/sys/class/i2c-dev/${name}/name`)) ?? ''
    if (!NO_HEADS.test(adapter)) buses.push(await askBus(machine, `/dev/${name}`))
  }
  const cameras: { path: string; name: string }[] = []
  for (const name of numbered('video')) {
    const named = (await machine.line(`/sys/class/video4linux/${name}/name`)) ?? name
    const index = (await machine.line(`/sys/class/video4linux/${name}/index`)) ?? '0'
    // A UVC camera's second node carries what belongs to the pictures, not pictures.
    if (!NO_CAMERA.test(named) && index === '0') cameras.push({ path: `/dev/${name}`, name: named })
  }
  return {
    hostname: hostname(),
    ...{ buses, cameras },
    gpioChips: numbered('gpiochip').map((name) => `/dev/${name}`),
    clocks: numbered('rtc').map((name) => `/dev/${name}`),
  }
}

async function askBus({ openBus, clock }: Machine, path: string): Promise<FoundBus> {
  try {
    const bus = await openBus(path)
    try {
      return { path, devices: await scan(bus, clock, new Set(), AbortSignal.timeout(SCAN_LIMIT_MS)) }
    } finally {
      await bus.close()
    }
  } catch (error) {
    return { path, devices: [], problem: error instanceof Error ? error.message : String(error) }
  }
}

/** @returns `main` for the first bus with heads, `i2c-N` for the others: names for `buses` of the configuration */
export function busName({ path }: FoundBus, first: boolean): string {
  return first ? 'main' : basename(path)
}

/** This machine, read-only. */
export const files: Pick<Machine, 'names' | 'line'> = {
  names: (folder) => readdir(folder).catch(() => []),
  line: async (path) => {
    const text = await readFile(path, 'utf8').catch(() => undefined)
    return text?.split('\n')[0]?.trim()
  },
}
