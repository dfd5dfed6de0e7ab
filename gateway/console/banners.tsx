import type { Format } from './format.ts'
import { alarms, type ConsoleState } from './state.ts'

/** A connection that is lost for a moment is nobody's business. */
const AWAY_SHOWN_AFTER_MS = 1000

/** What an operator must know before reading anything else. Seconds that tick are not spoken. */
export function Banners({
  state,
  now,
  format,
}: {
  readonly state: ConsoleState
  readonly now: number
  readonly format: Format
}) {
  const { texts, duration } = format
  const { station, awaySince } = state
  const away = awaySince === undefined ? 0 : now - awaySince
  return (
    <div class="banners" role="alert">
      {away >= AWAY_SHOWN_AFTER_MS && (
        <p class="banner banner-away">
          {texts.away} <span aria-hidden="true">({duration(away)})</span>
        </p>
      )}
      {station !== undefined &&
        alarms(station).map((alarm) => (
          <p key={alarm} class={`banner banner-${alarm}`}>
            {texts.alarms[alarm]}
          </p>
        ))}
      {station?.dry_run && <p class="banner banner-dry">{texts.dryRun}</p>}
      {station !== undefined && station.phase !== 'running' && (
        <p class="banner banner-note">{texts.phases[station.phase]}</p>
      )}
      {station?.clock === 'holdover' && <p class="banner banner-note">{texts.holdover}</p>}
    </div>
  )
}
