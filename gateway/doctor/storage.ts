import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Config } from '../config.ts'
import { retentionLimits } from '../store/retention/limits.ts'
import { type StoreSurvey, surveyStore } from '../store/retention/survey.ts'
import { type Finding, messageOf, ok, warning } from './finding.ts'

/** How long room and flash will last, and what holds retention back; nothing before the first start. */
export async function storageFindings(config: Config): Promise<readonly Finding[]> {
  const file = join(config.data_dir, 'poincon.db')
  if (!existsSync(file)) return []
  try {
    const limits = retentionLimits(config.store)
    const survey = await surveyStore(file, limits)
    return [room(survey, limits.alertHours), ...flash(survey), ...chain(survey)]
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

function chain({ anchors }: StoreSurvey): readonly Finding[] {
  return anchors.flatMap(({ broken }) =>
    broken === undefined
      ? []
      : [warning('chain', `what retention removed did not hold: ${broken}`, 'compare with a backup')],
  )
}
