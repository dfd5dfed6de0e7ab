import type { CameraImage } from '../drivers/camera/image.ts'
import { systemClock } from '../drivers/clock.ts'
import type { Gate } from '../drivers/gate/gate.ts'
import { CameraUnit, cameraOpening } from './camera.ts'
import type { Config } from './config.ts'
import type { Hardware } from './hardware.ts'
import type { HealthBoard } from './health/health.ts'
import type { HeldParts } from './held-parts.ts'
import type { Log } from './log.ts'
import { PanelUnit } from './panel.ts'
import { panelPlan } from './panel-options.ts'
import type { StationMood } from './panel-show.ts'
import type { Unit } from './station.ts'

interface PeripheryParts {
  readonly config: Config
  readonly hardware: Hardware
  readonly log: Log
  /** Of the process; a child is given little of it. */
  readonly env: Readonly<Record<string, string | undefined>>
}

/** The camera, where there is one. */
export function cameraOf({ config, hardware, log, env }: PeripheryParts): CameraUnit | undefined {
  if (config.camera === undefined) return undefined
  const open = cameraOpening(config.camera, env, systemClock, hardware.line?.lens)
  return new CameraUnit({ open, clock: systemClock, log, random: Math.random })
}

/** What the panel shows, and what its buttons act on. */
export interface PanelStation {
  readonly gate: Gate
  readonly held: HeldParts
  readonly dryRun: boolean
  /** The start button lets the line go on. */
  readonly resumed: () => void
  /** Known when the station is assembled. */
  readonly board: () => HealthBoard
}

/** Lamps, buzzer and buttons, where there are some. */
export function panelOf({ config, hardware, log }: PeripheryParts, station: PanelStation): readonly Unit[] {
  if (config.panel === undefined) return []
  const { gate, held } = station
  const plan = panelPlan(config.panel, hardware.bus)
  return [
    new PanelUnit({
      open: async () => {
        const { Panel } = await import('../drivers/panel/panel.ts')
        return await Panel.open(hardware.gpio, systemClock, plan)
      },
      mood: () => moodOf(station),
      actions: {
        start: () => {
          held.acknowledge()
          station.resumed()
          gate.resumeLine()
        },
        stop: () => gate.stopLine(),
        acknowledge: () => held.acknowledge(),
      },
      clock: systemClock,
      log,
      random: Math.random,
    }),
  ]
}

function moodOf({ board, gate, held, dryRun }: PanelStation): StationMood {
  const { phase, status } = board().report()
  return {
    phase,
    dryRun,
    failed: phase === 'running' && !board().ready().ready,
    degraded: status !== 'ok',
    lineStopped: gate.lineStopped,
    partHeld: held.waiting,
    alert: false,
  }
}

/** Pixels across: enough to aim a camera, little enough for a slow link. */
const PREVIEW_WIDTH = 640
const PREVIEW_QUALITY = 70

/** The picture as a small JPEG, made off the main thread; undefined for none, and for one that is damaged. */
export async function smallPicture(image: CameraImage | undefined): Promise<Uint8Array | undefined> {
  if (image === undefined) return undefined
  const { default: sharp } = await import('sharp')
  // Every picture is another one.
  sharp.cache(false)
  try {
    return await sharp(image.jpeg)
      .resize({ width: PREVIEW_WIDTH, withoutEnlargement: true })
      .jpeg({ quality: PREVIEW_QUALITY })
      .toBuffer()
  } catch {
    return undefined
  }
}
