import type { Clock } from '../drivers/clock.ts'
import type { Config } from './config.ts'
import type { HealthBoard } from './health/health.ts'
import type { Log } from './log.ts'
import type { Unit } from './station.ts'
import { CommandWatch } from './update-commands.ts'
import { UpdateDesk, type UpdateDeskOptions } from './update-desk.ts'
import { DEVICE_STATUS_FILE, DeviceDesk } from './update-device.ts'
import { type LineFacts, lineReport } from './update-line.ts'
import { UpdaterToken } from './update-token.ts'

export interface UpdatingParts {
  readonly config: Pick<Config, 'update' | 'data_dir'>
  /** Of the station, over its restarts. */
  readonly memory: UpdateDeskOptions['memory']
  readonly deviceId: string
  /** The line; asked when the station runs. */
  readonly measure: () => Omit<LineFacts, 'clock' | 'phase' | 'commands'>
  readonly board: () => Pick<HealthBoard, 'phase'>
  /** What the updater says is another thing now: the retained `update` says so. */
  readonly said: () => void
  /** The page may show it. */
  readonly changed: () => void
  readonly clock: Clock
  readonly log: Log
  /** The device is taken out of service, and what it stored is to be wiped: the station ends. */
  readonly retired: () => void
  /** Default: where a device that is enrolled says it. */
  readonly deviceFile?: string
}

/** Updates, as the rest of the station sees them. */
export interface Updating {
  /** Over HTTP. */
  readonly desk: UpdateDesk
  /** An update has the line: no part is inspected. */
  readonly locked: () => boolean
  /** Payload of the retained `update`; null: there is nothing to say; undefined: nobody has looked yet. */
  readonly message: () => unknown
  /** Commands that an update waits for. */
  readonly commands: CommandWatch
  /** In the order to start them in, before anything can trigger. */
  readonly units: readonly Unit[]
}

/** Wires an update's state, its lock and its consent to the station. */
export function updating(parts: UpdatingParts): Updating {
  const { config, memory, deviceId, measure, board, clock, log, said, changed } = parts
  const commands = new CommandWatch(() => desk.lease)
  const device = new DeviceDesk({
    file: parts.deviceFile ?? DEVICE_STATUS_FILE,
    ...{ clock, log, changed, retired: parts.retired },
  })
  const desk: UpdateDesk = new UpdateDesk({
    dir: config.update.dir,
    token: new UpdaterToken(config.data_dir),
    memory,
    line: () => {
      const { phase } = board()
      return lineReport({ ...measure(), phase, commands: commands.atWork, clock })
    },
    device: () => device.said ?? null,
    ...{ clock, log, changed },
    said: () => {
      said()
      changed()
    },
  })
  return {
    desk,
    commands,
    locked: () => desk.lease !== undefined,
    message: () => (desk.said ? { ...desk.said, device_id: deviceId } : desk.said),
    units: [desk, device],
  }
}
