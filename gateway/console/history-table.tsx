import { GRADES } from '../inspection.ts'
import type { Format } from './format.ts'
import { measureTitle, SPREAD, tableRows } from './history.ts'
import type { History } from './wire-history.ts'

interface TableProps {
  readonly history: History | undefined
  readonly measure: string
  readonly format: Format
  /** What stands there where there is nothing. */
  readonly empty: string
}

/** The column of the rejects, behind that of the parts. */
const REJECTS = 1 + GRADES.indexOf('REJECT')

/** Hour by hour or day by day: the counts, and how one measure is spread. */
export function PeriodTable({ history, measure, format, empty }: TableProps) {
  const { texts } = format
  return (
    <section class="panel periods" id="periods" aria-label={texts.rooms.history}>
      {history === undefined ? (
        <p class="empty">{empty}</p>
      ) : (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrollable region must be reachable by keyboard (WCAG 2.1.1)
        <section class="scroll" tabIndex={0} aria-label={texts.rooms.history}>
          <table class="figures">
            <colgroup>
              <col />
              <col span={2 + GRADES.length} />
              <col class="spread-columns" />
              <col span={SPREAD.length - 1} />
            </colgroup>
            <Head {...{ history, measure, format }} />
            <Body {...{ history, measure, format }} />
          </table>
        </section>
      )}
    </section>
  )
}

interface PartProps extends Pick<TableProps, 'measure' | 'format'> {
  readonly history: History
}

function Head({ history, measure, format }: PartProps) {
  const { texts } = format
  const { spread, when, parts } = texts.history
  const headings = [
    ...[when[history.by], parts],
    ...[...GRADES.map((grade) => texts.grades[grade]), texts.notGraded],
    ...SPREAD.map((name) => spread[name]),
  ]
  return (
    <thead>
      <tr class="groups">
        <td colSpan={3 + GRADES.length} />
        <th scope="colgroup" colSpan={SPREAD.length} class="group">
          {measureTitle(measure, format)}
        </th>
      </tr>
      <tr>
        {headings.map((heading) => (
          <th key={heading} scope="col">
            {heading}
          </th>
        ))}
      </tr>
    </thead>
  )
}

function Body({ history, measure, format }: PartProps) {
  return (
    <tbody>
      {tableRows(history, measure, format).map(({ key, label, cells }) => (
        <tr key={key} class={key === 'total' ? 'total' : ''}>
          <th scope="row">{label}</th>
          {cells.map((cell, column) => (
            <td key={column} class={column === REJECTS && cell !== '·' ? 'figure rejects' : 'figure'}>
              {cell}
            </td>
          ))}
        </tr>
      ))}
    </tbody>
  )
}
