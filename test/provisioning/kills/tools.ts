import { dirname, join } from 'node:path'
import { systemClock } from '../../../drivers/clock.ts'
import { Link } from '../../../provisioning/link.ts'
import { thisPlatform } from '../../../provisioning/main.ts'
import { Slots } from '../../../provisioning/slots.ts'
import { PathSupervisor } from '../../../provisioning/supervisor.ts'
import { plainStep, type Step } from '../../../provisioning/update-steps.ts'
import type { Pace, Policy, UpdateTools } from '../../../provisioning/update-tools.ts'

/** Where a world of the tests lies: what its updater, maybe in another process, has to know. */
export interface Place {
  readonly slotsDir: string
  readonly updateDir: string
  readonly configFile: string
  readonly restartFile: string
  readonly port: number
}

export interface ToolOptions {
  readonly step?: Step
  readonly pace?: Partial<Pace>
  readonly policy?: Partial<Policy>
  readonly flowsPort?: number
  readonly rauc?: string
  readonly said?: string[]
  readonly freeBytes?: () => Promise<number>
}

const PACE: Pace = {
  ...{
    pollMs: 20,
    waitPollMs: 20,
    reasonsMs: 0,
    waitMs: 0,
    leaseS: 30,
    selfTestMs: 20_000,
    readyMs: 15_000,
    trialMs: 0,
    backupMs: 20_000,
  },
}
const POLICY: Policy = {
  ...{
    windows: [],
    consent: 'auto',
    configurationConsent: 'auto',
    idleS: 0,
    verdicts: 'refuse',
    reserveMb: 0,
    memoryMb: 400,
    keep: 2,
  },
}

/** The updater's tools, at the pace of a test. */
export function toolsOf(place: Place, options: ToolOptions = {}): UpdateTools {
  const { step = plainStep, pace, policy, said = [], freeBytes = () => Promise.resolve(1e12) } = options
  return {
    policy: { ...POLICY, ...policy },
    pace: { ...PACE, ...pace },
    slots: new Slots(place.slotsDir, step),
    link: new Link(`http://127.0.0.1:${place.port}`, join(dirname(place.updateDir), 'data/update-token')),
    supervisor: new PathSupervisor(place.restartFile),
    clock: systemClock,
    step,
    dir: place.updateDir,
    configFile: place.configFile,
    platform: thisPlatform(),
    flowsPort: options.flowsPort ?? 1880,
    rauc: options.rauc ?? 'rauc',
    say: (text) => said.push(text),
    freeBytes,
  }
}
