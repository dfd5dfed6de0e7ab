import { printable } from '../../provisioning/fleet-words.ts'
import type { DepositRow } from '../../provisioning/server/deposits.ts'
import type { Device } from '../../provisioning/server/inventory.ts'
import type { WipeRow } from '../../provisioning/server/wipe-orders.ts'

/** How an order stands, as a person reads it. */
export function orderText({ data, ordered_ms, told_ms, state, detail, reported_ms }: WipeRow): string {
  const what = data === 1 ? 'wipe of keys and data' : 'wipe of keys'
  const at = (ms: number): string => new Date(ms).toISOString()
  if (state !== null && reported_ms !== null)
    return printable(`${what}: ${state} ${at(reported_ms)}: ${detail}`)
  if (told_ms !== null) return `${what}: told ${at(told_ms)}, not heard of since`
  return `${what}: pending since ${at(ordered_ms)}, not heard of since`
}

/** What was left, newest first. */
export function depositText({ made_ms, digest, document }: DepositRow): string {
  return `deposit ${new Date(made_ms).toISOString()}  ${digest.slice(0, 12)}  ${Buffer.byteLength(document)} bytes`
}

/** One device in a line. */
export function described({
  device_id,
  serial,
  station,
  state,
  replaced_by,
  version,
  last_seen_ms,
  not_after_ms,
}: Device): string {
  const end = not_after_ms === null ? 'no certificate' : `until ${day(not_after_ms)}`
  const seen = last_seen_ms === null ? 'never seen' : `seen ${new Date(last_seen_ms).toISOString()}`
  const by = replaced_by === null ? state : `${state} by ${replaced_by}`
  return printable(
    `${device_id}  ${serial ?? '-'}  ${station ?? '-'}  ${by}  ${end}  ${version ?? '-'}  ${seen}`,
  )
}

/** `YYYY-MM-DD`, UTC. */
export function day(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10)
}
