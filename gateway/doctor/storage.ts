import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Config } from '../config.ts'
import type { QuarantineRecord } from '../quarantine-record.ts'
import { readQuarantine } from '../quarantine-shelf.ts'
import { retentionLimits } from '../store/retention/limits.ts'
import { holderOf } from '../store/retention/plan.ts'
import { type StoreSurvey, surveyStore } from '../store/retention/survey.ts'
import { type Finding, messageOf, ok, warning } from './finding.ts'

/** A head of the old system sends every half minute at least: one that was silent for longer than this has stopped. */
const SILENT_MS = 24 * 3_600_000

/**
 * How long room and flash will last, what is kept and for whom, what was set aside, and who of the old heads has sent;
 * nothing before the first start.
 */
export async function storageFindings(config: Config, nowMs: number): Promise<readonly Finding[]> {
  const file = join(config.data_dir, 'poincon.db')
  if (!existsSync(file)) return []
  try {
    const limits = retentionLimits(config.store)
    const survey = await surveyStore(file, limits)
    return [
      ...[room(survey, limits.alertHours), ...flash(survey), ...kept(survey, config), ...chain(survey)],
      ...[...setAside(await readQuarantine(config.data_dir)), ...oldHeads(survey, config, nowMs)],
    ]
  } catch (error) {
    return [
      warning('stored parts', messageOf(error), 'start the station once, or look with `poincon verify`'),
    ]
  }
}

function room({ figures, sinks }: StoreSurvey, alertHours: number): Finding {
  const { endurance, partsPerHour, part } = figures
  const behind = [...sinks].sort((a, b) => b.backlog - a.backlog)[0]
  const rate = `${Math.round(partsPerHour)} parts an hour of ${Math.round(part.inspection + part.raw)} bytes`
  const waits =
    behind === undefined || behind.backlog === 0 ? '' : `; ${behind.name} has ${behind.backlog} to get`
  const { hours } = endurance
  const found =
    hours === undefined
      ? `room for ${endurance.parts} parts with everything away${waits}`
      : `room for ${hours.toFixed(0)} h with everything away, at ${rate}${waits}`
  if (hours === undefined || hours >= alertHours) return ok('stored parts', found)
  const advice =
    'bring the sinks back, give up one that is gone (`poincon retention forget`), or use a larger disk'
  return warning('stored parts', found, advice)
}

function flash({ figures }: StoreSurvey): readonly Finding[] {
  const { bytesPerPart, bytesPerYear, share } = figures.flash
  if (bytesPerPart === undefined) return []
  const each = `${(bytesPerPart / 1000).toFixed(1)} kB written for each part`
  if (bytesPerYear === undefined || share === undefined) return [ok('flash', each)]
  const found = `${each}, ${(bytesPerYear / 1e9).toFixed(0)} GB a year: ${(share * 100).toFixed(0)} % of its budget`
  if (share <= 1) return [ok('flash', found)]
  const advice = 'a larger store.group_commit_ms or store.cursor_commit_ms, or a disk that bears more'
  return [warning('flash', found, advice)]
}

/** What is there since when, what is due, and for whom it stays all the same. */
function kept({ figures, sinks }: StoreSurvey, { store }: Config): readonly Finding[] {
  const { inspections, rawRecords, oldestAt, oldestRawAt } = figures
  if (oldestAt === undefined) return []
  const { raw_days, raw_parts, inspection_days, inspection_parts } = store.retention
  const raw = oldestRawAt === undefined ? 'no raw data' : `raw data of ${rawRecords} since ${oldestRawAt}`
  const due = [
    ...(raw_days === undefined ? [] : [`raw data after ${raw_days} days`]),
    ...(raw_parts === undefined ? [] : [`raw data of all but ${raw_parts}`]),
    ...(inspection_days === undefined ? [] : [`inspections after ${inspection_days} days`]),
    ...(inspection_parts === undefined ? [] : [`all but ${inspection_parts} inspections`]),
  ]
  const rule = due.length === 0 ? 'nothing goes before room is wanted' : `due: ${due.join(', ')}`
  const holder = holderOf(sinks)
  const held = holder === undefined ? '' : `; ${holder.backlog} stay because ${holder.name} has not got them`
  return [ok('kept', `${inspections} inspections since ${oldestAt}, ${raw}; ${rule}${held}`)]
}

function setAside(records: readonly QuarantineRecord[]): readonly Finding[] {
  const sinks = [...new Set(records.map(({ sink }) => sink))]
  return sinks.map((sink) => {
    const of = records.filter((record) => record.sink === sink)
    const last = of.reduce((newest, record) => (record.at > newest.at ? record : newest))
    const found = `${of.length} inspections that ${sink} refused, the last at ${last.at}: ${last.reason}`
    const advice = `\`poincon quarantine list --sink ${sink}\`, then send or drop`
    return warning('set aside', found, advice)
  })
}

function oldHeads({ oldDevices }: StoreSurvey, { esp32 }: Config, nowMs: number): readonly Finding[] {
  return oldDevices.map(({ deviceId, samples, lastAt }) => {
    const subject = `old head ${deviceId}`
    const found = `${samples} samples stored, the last at ${lastAt ?? 'a time it does not say'}`
    const silent = lastAt !== undefined && nowMs - Date.parse(lastAt) > SILENT_MS
    if (!esp32.enabled || !silent) return ok(subject, found)
    return warning(subject, `${found}: silent since`, 'is it switched on, and does it reach http.host?')
  })
}

function chain({ anchors }: StoreSurvey): readonly Finding[] {
  return anchors.flatMap(({ broken }) =>
    broken === undefined
      ? []
      : [warning('chain', `what retention removed did not hold: ${broken}`, 'compare with a backup')],
  )
}
