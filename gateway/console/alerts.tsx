import type { Format } from './format.ts'
import { useUnhurried } from './hooks.ts'
import { SeverityIcon } from './icons.tsx'
import { type AlertEntry, describeAlerts } from './quality.ts'
import type { Alert } from './wire-quality.ts'

/** A screen reader hears of alerts at most this often. */
const SPOKEN_EVERY_MS = 5000

interface AlertsProps {
  readonly alerts: readonly Alert[]
  /** Wall-clock ms of the gateway. */
  readonly wallMs: number
  readonly format: Format
}

/** What is wrong with the parts or the station, the worst first, and no more of it than leaves room for the verdict. */
export function Alerts({ alerts, wallMs, format }: AlertsProps) {
  const { texts, whole } = format
  const { shown, more, critical } = describeAlerts(alerts, format, wallMs)
  const count = shown.length + more
  const words = count === 0 ? '' : texts.quality.openAlerts(whole(count), whole(critical))
  const spoken = useUnhurried(words, SPOKEN_EVERY_MS)
  return (
    <section id="alerts" class={count === 0 ? 'visually-hidden' : 'alerts'} aria-label={texts.quality.alerts}>
      <p class="visually-hidden" role="status" aria-live="polite">
        {spoken}
      </p>
      <ul>
        {shown.map((alert) => (
          <AlertItem key={alert.id} alert={alert} format={format} />
        ))}
      </ul>
      {more > 0 && <p class="alerts-more">{texts.quality.moreAlerts(whole(more))}</p>}
    </section>
  )
}

function AlertItem({ alert, format }: { readonly alert: AlertEntry; readonly format: Format }) {
  const { severity, acknowledged, title, facts, detail } = alert
  const look = `alert alert-${severity}${acknowledged ? ' alert-seen' : ''}`
  return (
    <li class={look} title={detail}>
      <SeverityIcon severity={severity} />
      <span class="visually-hidden">{format.texts.quality.severities[severity]}: </span>
      <span class="alert-title">{title}</span>
      <span class="alert-facts">{facts.join(' · ')}</span>
    </li>
  )
}
