import type { Action } from '../inspection.ts'
import type { Condition } from './wire.ts'
import type { Alert } from './wire-quality.ts'

/** The shape says what the colour says: circle and tick, octagon and cross, diamond and bars. */
export function ActionIcon({ action, size }: { readonly action: Action; readonly size: 'sign' | 'small' }) {
  return (
    <svg viewBox="0 0 24 24" class={`icon icon-${action} ${size}`} aria-hidden="true">
      {action === 'accept' && (
        <>
          <circle cx="12" cy="12" r="11" class="plate" />
          <path d="M6.5 12.5l3.8 3.8 7.2-8" class="mark" />
        </>
      )}
      {action === 'reject' && (
        <>
          <path d="M7.4 1h9.2L23 7.4v9.2L16.6 23H7.4L1 16.6V7.4z" class="plate" />
          <path d="M7.8 7.8l8.4 8.4M16.2 7.8l-8.4 8.4" class="mark" />
        </>
      )}
      {action === 'hold' && (
        <>
          <path d="M12 .8L23.2 12 12 23.2.8 12z" class="plate" />
          <path d="M9.6 8v8M14.4 8v8" class="mark" />
        </>
      )}
    </svg>
  )
}

export function WaitingIcon() {
  return (
    <svg viewBox="0 0 24 24" class="icon icon-waiting sign-waiting" aria-hidden="true">
      <circle cx="12" cy="12" r="10.5" class="clock" />
      <path d="M12 6v6.5l4 2.5" class="clock" />
    </svg>
  )
}

/** A dot works, a triangle is limited, a square with a cross does not work. */
export function ConditionIcon({ condition }: { readonly condition: Condition }) {
  return (
    <svg viewBox="0 0 16 16" class={`icon small condition-${condition}`} aria-hidden="true">
      {condition === 'ok' && <circle cx="8" cy="8" r="5" class="plate" />}
      {condition === 'degraded' && <path d="M8 2l6.5 12h-13z" class="plate" />}
      {condition === 'failed' && (
        <>
          <rect x="1.5" y="1.5" width="13" height="13" rx="2" class="plate" />
          <path d="M5 5l6 6M11 5l-6 6" class="mark" />
        </>
      )}
    </svg>
  )
}

/** A square with a mark is critical, a triangle with one is a warning, a circle is a note. */
export function SeverityIcon({ severity }: { readonly severity: Alert['severity'] }) {
  return (
    <svg viewBox="0 0 16 16" class="icon small severity-icon" aria-hidden="true">
      {severity === 'critical' && <rect x="1" y="1" width="14" height="14" rx="2" class="plate" />}
      {severity === 'warning' && <path d="M8 1l7.5 14H.5z" class="plate" />}
      {severity === 'info' && <circle cx="8" cy="8" r="7" class="plate" />}
      <path d="M8 5.5v4M8 12v.2" class="mark" />
    </svg>
  )
}
