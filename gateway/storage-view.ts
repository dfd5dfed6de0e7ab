import type { StorageReport } from './api/storage.ts'
import type { Config } from './config.ts'
import type { Checkpoint } from './proof/checkpoint.ts'
import type { QuarantineSummary } from './quarantine-record.ts'
import type { UnitStatus } from './station.ts'
import type { StoreFigures } from './store/retention/figures.ts'
import { holderOf } from './store/retention/plan.ts'

interface Backlog {
  readonly name: string
  readonly backlog: number
}

export interface StorageViewParts {
  readonly config: Pick<Config, 'store'>
  readonly store: { sinks(): readonly Backlog[]; orphans(): readonly Backlog[] }
  readonly retention: {
    readonly figures: StoreFigures | undefined
    readonly removed: { readonly raw: number; readonly inspections: number }
    status(): UnitStatus
  }
  readonly quarantine: { list(): readonly QuarantineSummary[] }
  /** Who a cursor of a registered sink is. */
  readonly roleOf: (name: string) => 'sink' | 'station' | 'confirmation'
  readonly checkpoint: () => Checkpoint | undefined
}

/** So many of what was set aside are told one by one. */
const LISTED = 50
const DAY_MS = 24 * 3_600_000

/** The store as a person looks at it. */
export function describeStorage(parts: StorageViewParts): StorageReport {
  const { config, retention, quarantine, checkpoint } = parts
  const { figures } = retention
  const { state, detail } = retention.status()
  const aside = quarantine.list()
  const last = checkpoint()
  return {
    state,
    ...(detail === undefined ? {} : { detail }),
    room: roomOf(config, figures),
    flash: flashOf(config, figures),
    ...keptOf(parts),
    sums: { hourly_days: config.store.retention.hourly_days },
    ...(figures === undefined ? {} : { undelivered: figures.undelivered }),
    cursors: cursorsOf(parts),
    quarantine: [...new Set(aside.map(({ sink }) => sink))].map((sink) => {
      const of = aside.filter((one) => one.sink === sink)
      return { sink, count: of.length, wanted: of.filter((one) => one.state === 'wanted').length }
    }),
    set_aside: aside.slice(-LISTED).reverse().map(plainRecord),
    ...(last === undefined
      ? {}
      : { checkpoint: { number: last.number, sequence: last.sequence, at: last.at, key_id: last.key_id } }),
  }
}

function roomOf(
  { store }: StorageViewParts['config'],
  figures: StoreFigures | undefined,
): StorageReport['room'] {
  const alert = { alert_hours: store.retention.alert_hours }
  if (figures === undefined) return alert
  const { part, endurance, partsPerHour, usedBytes, roomBytes } = figures
  const partBytes = part.inspection + part.raw
  return {
    ...alert,
    ...(endurance.hours === undefined ? {} : { hours_left: Math.round(endurance.hours * 10) / 10 }),
    ...(partBytes > 0 ? { parts_left: endurance.parts, part_bytes: Math.round(partBytes) } : {}),
    parts_per_hour: Math.round(partsPerHour),
    used_mb: Math.round(usedBytes / 1e6),
    room_mb: Math.round(roomBytes / 1e6),
  }
}

function flashOf(
  { store }: StorageViewParts['config'],
  figures: StoreFigures | undefined,
): StorageReport['flash'] {
  const { bytesPerPart, bytesPerYear, share } = figures?.flash ?? {}
  return {
    ...(bytesPerPart === undefined ? {} : { bytes_per_part: Math.round(bytesPerPart) }),
    ...(bytesPerYear === undefined ? {} : { gb_per_year: Math.round(bytesPerYear / 1e8) / 10 }),
    budget_gb_per_year: store.flash_gb_per_year,
    ...(share === undefined ? {} : { share: Math.round(share * 1000) / 1000 }),
  }
}

function keptOf({ config, retention }: StorageViewParts): Pick<StorageReport, 'inspections' | 'raw'> {
  const { figures, removed } = retention
  const { raw_days, raw_parts, inspection_days, inspection_parts } = config.store.retention
  return {
    inspections: kept({
      ...{ stored: figures?.inspections, oldestAt: figures?.oldestAt, removed: removed.inspections },
      ...{ days: inspection_days, parts: inspection_parts },
    }),
    raw: kept({
      ...{ stored: figures?.rawRecords, oldestAt: figures?.oldestRawAt, removed: removed.raw },
      // Raw data never outlive their inspection.
      ...{ days: least(raw_days, inspection_days), parts: least(raw_parts, inspection_parts) },
    }),
  }
}

function least(one: number | undefined, other: number | undefined): number | undefined {
  return one === undefined || other === undefined ? (one ?? other) : Math.min(one, other)
}

function kept(of: {
  readonly stored: number | undefined
  readonly oldestAt: string | undefined
  readonly days: number | undefined
  readonly parts: number | undefined
  readonly removed: number
}): StorageReport['raw'] {
  const { stored, oldestAt, days, parts, removed } = of
  const madeMs = Date.parse(oldestAt ?? '')
  const due = days === undefined || Number.isNaN(madeMs) ? undefined : new Date(madeMs + days * DAY_MS)
  return {
    ...(stored === undefined ? {} : { stored }),
    ...(oldestAt === undefined ? {} : { oldest_at: oldestAt }),
    ...(days === undefined ? {} : { keep_days: days }),
    ...(parts === undefined ? {} : { keep_parts: parts }),
    ...(due === undefined ? {} : { due_at: due.toISOString() }),
    removed,
  }
}

function cursorsOf({ store, roleOf }: StorageViewParts): StorageReport['cursors'] {
  const all = [
    ...store.sinks().map(({ name, backlog }) => ({ name, role: roleOf(name), backlog })),
    ...store.orphans().map(({ name, backlog }) => ({ name, role: 'gone' as const, backlog })),
  ].sort((a, b) => b.backlog - a.backlog)
  const holder = holderOf(all)
  return all.map((one) => ({ ...one, holds: one === holder }))
}

function plainRecord({
  schema: _schema,
  closed_at: _at,
  closed_by: _by,
  ...record
}: QuarantineSummary): StorageReport['set_aside'][number] {
  return record
}
