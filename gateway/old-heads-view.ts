import type { OldHeadsReport } from './api/old-heads.ts'
import type { SeenDevice } from './esp32/door.ts'
import type { LoggedDevice } from './store/log/old-devices.ts'

export interface OldHeadsViewParts {
  /** Undefined where nobody listens to old heads. */
  readonly door: { readonly turnedAway: number; devices(): readonly SeenDevice[] } | undefined
  readonly store: { oldDevices(): Promise<readonly LoggedDevice[]> }
}

/** Heads of the old system as a person looks at them: what the log knew of them, and what came since. */
export function oldHeadsView({ door, store }: OldHeadsViewParts): () => Promise<OldHeadsReport> {
  // Looked up once: the door knows what came since, and the log has millions of samples to look through.
  let logged: Promise<readonly LoggedDevice[]> | undefined
  return async () => {
    logged ??= store.oldDevices()
    logged.catch(() => {
      logged = undefined
    })
    const before = new Map((await logged).map((device) => [device.deviceId, device]))
    const seen = new Map((door?.devices() ?? []).map((device) => [device.deviceId, device]))
    const names = [...new Set([...before.keys(), ...seen.keys()])].sort()
    return {
      listening: door !== undefined,
      turned_away: door?.turnedAway ?? 0,
      devices: names.map((name) => deviceOf(name, seen.get(name), before.get(name))),
    }
  }
}

function deviceOf(
  name: string,
  seen: SeenDevice | undefined,
  logged: LoggedDevice | undefined,
): OldHeadsReport['devices'][number] {
  const { mac, refusal } = seen ?? {}
  const lastAt = seen?.lastAt ?? logged?.lastAt
  return {
    device_id: name,
    connected: seen?.connected ?? false,
    ...(seen === undefined ? {} : { address: seen.address }),
    ...(mac === undefined ? {} : { mac_address: mac }),
    ...(lastAt === undefined ? {} : { last_sample_at: lastAt }),
    stored: seen?.stored ?? 0,
    repeated: seen?.repeated ?? 0,
    refused: seen?.refused ?? 0,
    ...(refusal === undefined ? {} : { last_refusal: refusal }),
    logged: logged?.samples ?? 0,
  }
}
