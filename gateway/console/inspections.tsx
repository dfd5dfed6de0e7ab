import { BETWEEN_REASONS, type Format } from './format.ts'
import { ActionIcon } from './icons.tsx'
import type { Inspection } from './wire.ts'

interface InspectionsProps {
  readonly inspections: readonly Inspection[]
  readonly skipped: number
  readonly format: Format
  /** Somebody wants to look at one of them. */
  readonly onOpen: (inspection: Inspection) => void
}

/** The last inspections, newest on top. */
export function Inspections({ inspections, skipped, format, onOpen }: InspectionsProps) {
  const { texts, whole } = format
  const headings = [
    { heading: texts.time },
    { heading: texts.number },
    { heading: texts.part, shown: 'wide' },
    { heading: texts.action },
    { heading: texts.grade },
    { heading: texts.score, shown: 'spare' },
    { heading: texts.latency, shown: 'spare' },
    { heading: texts.why },
  ]
  return (
    <section class="panel inspections" id="inspections" aria-labelledby="inspections-title">
      <header>
        <h2 id="inspections-title">{texts.inspections}</h2>
        {skipped > 0 && <p class="note">{texts.skipped(whole(skipped))}</p>}
      </header>
      {inspections.length === 0 ? (
        <p class="empty">{texts.noInspections}</p>
      ) : (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrollable region must be reachable by keyboard (WCAG 2.1.1)
        <section class="scroll" tabIndex={0} aria-labelledby="inspections-title">
          <table>
            <thead>
              <tr>
                {headings.map(({ heading, shown = '' }) => (
                  <th key={heading} scope="col" class={shown}>
                    {heading}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {inspections.map((inspection) => (
                <Row key={`${inspection.epoch} ${inspection.sequence}`} {...{ inspection, format, onOpen }} />
              ))}
            </tbody>
          </table>
        </section>
      )}
    </section>
  )
}

type RowProps = Pick<InspectionsProps, 'format' | 'onOpen'> & { readonly inspection: Inspection }

function Row({ inspection, format, onOpen }: RowProps) {
  const { texts, time, whole, percent, why } = format
  const { verdict, timestamp, sequence, sample_id } = inspection
  return (
    <tr class={`row-${verdict.action}`}>
      <td class="figure">{time(timestamp)}</td>
      <td class="figure">
        <button
          type="button"
          class="row-opener"
          title={texts.engraving.details(sample_id)}
          onClick={() => onOpen(inspection)}
        >
          {sequence}
        </button>
      </td>
      <td class="wide">{sample_id}</td>
      <td class="action-cell">
        <ActionIcon action={verdict.action} size="small" />
        {texts.actions[verdict.action]}
      </td>
      <td class="grade-cell">{verdict.grade === undefined ? '–' : texts.grades[verdict.grade]}</td>
      <td class="figure spare">{verdict.score === undefined ? '–' : percent(verdict.score)}</td>
      <td class="figure spare">{whole(verdict.latency_ms)} ms</td>
      <td class="why-cell">{why(verdict).join(BETWEEN_REASONS)}</td>
    </tr>
  )
}
