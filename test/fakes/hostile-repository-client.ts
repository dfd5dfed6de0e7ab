import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { type Clock, systemClock } from '../../drivers/clock.ts'
import { type DeviceFacts, type OpenOptions, openClient } from '../../provisioning/client.ts'
import type { UpdateClient } from '../../provisioning/tuf-client.ts'
import { type HostileRepository, NOW } from './hostile-repository.ts'

export const DEVICE: DeviceFacts = {
  deviceId: 'line-1',
  site: 'pau',
  platform: 'linux-x64',
  release: '1.0.0',
  installed: {},
}

/** Real durations, and a wall clock that stands where it is put. */
export function clockAt(wall: number): Clock {
  return { ...systemClock, wall: () => wall }
}

/** A device with nothing but its installed root: that of the repository as it is now. */
export function install(folder: string, repository: HostileRepository): void {
  mkdirSync(folder, { recursive: true })
  writeFileSync(
    join(folder, 'root.json'),
    repository.text(`metadata/${repository.top.root.version}.root.json`),
  )
}

/** A client of an installed device. */
export function clientOf(
  folder: string,
  repository: HostileRepository,
  options: Partial<OpenOptions> = {},
): UpdateClient {
  return openClient({
    repository: repository.url,
    rootFile: join(folder, 'root.json'),
    folder: join(folder, 'var'),
    channel: 'stable',
    device: () => DEVICE,
    clock: clockAt(NOW),
    builtAt: Date.parse('2026-01-01T00:00:00Z'),
    network: { proxy: () => undefined },
    disk: { reserveBytes: 0 },
    ...options,
  })
}

/** Names of the files below a folder of the device's, `[]` where there is none. */
export function filesIn(...parts: readonly string[]): string[] {
  try {
    return readdirSync(join(...parts)).sort()
  } catch {
    return []
  }
}

/** A folder in memory where there is one: these tests wait for thousands of fsyncs that are not what they try. */
export function memoryFolder(t: Test): string {
  const folder = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'poincon-update-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}
