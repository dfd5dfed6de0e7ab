import type { Format } from './format.ts'
import { lotCapabilities, lotFigures } from './quality.ts'
import type { Station } from './wire.ts'
import type { Quality } from './wire-quality.ts'

interface KeyFiguresProps {
  readonly quality: Quality
  readonly station: Station
  readonly format: Format
}

/** What the lot comes to: figures against their targets, and how able the process is. */
export function KeyFigures({ quality, station, format }: KeyFiguresProps) {
  const capabilities = lotCapabilities(quality, station, format)
  return (
    <>
      <dl class="key-figures">
        {lotFigures(quality, format).map(({ name, label, value, rating, word, uncertain, note }) => (
          <div key={name} class={`key-figure key-figure-${name}`} title={note === '' ? undefined : note}>
            <dt>{label}</dt>
            <dd>
              {value}
              {rating !== undefined && (
                <span class={`rating rating-${rating}${uncertain ? ' rating-uncertain' : ''}`}>{word}</span>
              )}
            </dd>
          </div>
        ))}
      </dl>
      {capabilities.length > 0 && (
        <dl class="capabilities">
          {capabilities.map(({ label, value, note }) => (
            <div key={label} title={note}>
              <dt>{label}</dt>
              <dd>{value}</dd>
            </div>
          ))}
        </dl>
      )}
    </>
  )
}
