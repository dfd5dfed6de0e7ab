import { createHmac } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import type { Config } from './config.ts'

/** Who speaks: on every message and in every topic. */
export interface Identity {
  readonly deviceId: string
  readonly site: string
  readonly line: string
  readonly station: string
}

/** @param config names what it names; the device's own name falls back to one derived from the machine id */
export function identityOf(config: Config, machineId = readMachineId()): Identity {
  return {
    deviceId: config.device_id ?? deviceIdFrom(machineId),
    site: config.site,
    line: config.line,
    station: config.station,
  }
}

/** The machine id itself stays secret (machine-id(5)): only a keyed hash of it leaves the machine. */
export function deviceIdFrom(machineId: string): string {
  return `poincon-${createHmac('sha256', machineId).update('poincon.device-id/1').digest('hex').slice(0, 12)}`
}

function readMachineId(): string {
  try {
    return readFileSync('/etc/machine-id', 'utf8').trim() || hostname()
  } catch {
    return hostname()
  }
}
