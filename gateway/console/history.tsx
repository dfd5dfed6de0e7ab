import { useCallback, useMemo, useState } from 'preact/hooks'
import { useAsked } from './asked.ts'
import { ChartPanel } from './chart-panel.tsx'
import type { Chart } from './charts.ts'
import type { Format } from './format.ts'
import {
  describeHistory,
  historyQuery,
  measureTitle,
  offered,
  PERIODS,
  type Period,
  SCOPES,
  type Scope,
  slots,
} from './history.ts'
import { PeriodTable } from './history-table.tsx'
import type { Palette } from './palette.ts'
import type { Station } from './wire.ts'
import { type History, parseHistory } from './wire-history.ts'

/** Hours change slowly, and each question costs the gateway some reading. */
const EVERY_MS = 30_000

interface HistoryProps {
  readonly url: string
  readonly station: Station | undefined
  /** Wall-clock ms of the gateway less ours. */
  readonly gatewayAhead: number
  readonly format: Format
  readonly palette: Palette
  readonly onProblem: (problem: unknown) => void
}

/** What the parts of hours and days came to, also long after the parts themselves are gone. */
export function HistoryRoom({ url, station, gatewayAhead, format, palette, onProblem }: HistoryProps) {
  const [period, setPeriod] = useState<Period>('hour')
  const [scope, setScope] = useState<Scope>('all')
  const [chosen, setMeasure] = useState('score')
  const { texts } = format
  const wall = (): number => Date.now() + gatewayAhead
  const of = scope === 'all' ? '' : scope === 'recipe' ? station?.recipe.id : station?.lot.id
  const { data, failed } = useAsked({
    url: () => url + historyQuery({ period, scope }, station, wall()),
    key: `${period} ${scope} ${of}`,
    parse: parseHistory,
    everyMs: EVERY_MS,
    onProblem,
  })
  const measures = data === undefined ? [] : offered(data.total, format)
  const measure = measures.includes(chosen) ? chosen : (measures[0] ?? chosen)
  const some = data !== undefined && data.rows.length > 0 ? data : undefined
  const empty = failed ? texts.noAnswer : data === undefined ? texts.history.loading : texts.history.nothing
  const common = { history: some, measure, wallMs: wall(), format, palette, empty, old: failed }
  return (
    <>
      <Controls
        {...{ period, scope, measure, measures, format }}
        {...{ setPeriod, setScope, setMeasure }}
        note={rangeNote(data, period, format)}
      />
      <Grades {...common} />
      <Spread {...common} />
      <PeriodTable {...common} />
    </>
  )
}

interface ControlsProps {
  readonly period: Period
  readonly scope: Scope
  readonly measure: string
  readonly measures: readonly string[]
  readonly note: string
  readonly format: Format
  readonly setPeriod: (period: Period) => void
  readonly setScope: (scope: Scope) => void
  readonly setMeasure: (measure: string) => void
}

function Controls({ period, scope, measure, measures, note, format, ...set }: ControlsProps) {
  const say = format.texts.history
  return (
    <div class="controls">
      <Choice
        legend={say.periodsLegend}
        names={say.periods}
        {...{ choices: PERIODS, chosen: period, onChoose: set.setPeriod }}
      />
      <Choice
        legend={say.scopesLegend}
        names={say.scopes}
        {...{ choices: SCOPES, chosen: scope, onChoose: set.setScope }}
      />
      <label class="measure">
        <span>{say.measure}</span>
        <select value={measure} onChange={(event) => set.setMeasure(event.currentTarget.value)}>
          {(measures.length === 0 ? [measure] : measures).map((name) => (
            <option key={name} value={name}>
              {measureTitle(name, format)}
            </option>
          ))}
        </select>
      </label>
      <p class="note">{note}</p>
    </div>
  )
}

/** Days are those of UTC: at the line they begin at some hour of the morning. */
function rangeNote(data: History | undefined, period: Period, { texts, hourOnly }: Format): string {
  const { shown, dayBegins } = texts.history
  const [first] = data?.rows ?? []
  return period === 'day' && first !== undefined
    ? `${shown.day} · ${dayBegins(hourOnly(first.starts_at))}`
    : shown[period]
}

interface ChoiceProps<T extends string> {
  readonly legend: string
  readonly names: Readonly<Record<T, string>>
  readonly choices: readonly T[]
  readonly chosen: T
  readonly onChoose: (choice: T) => void
}

function Choice<T extends string>({ legend, names, choices, chosen, onChoose }: ChoiceProps<T>) {
  return (
    <fieldset class="languages choice">
      <legend class="visually-hidden">{legend}</legend>
      {choices.map((choice) => (
        <button key={choice} type="button" aria-pressed={choice === chosen} onClick={() => onChoose(choice)}>
          {names[choice]}
        </button>
      ))}
    </fieldset>
  )
}

interface PartProps {
  readonly history: History | undefined
  readonly measure: string
  readonly wallMs: number
  readonly format: Format
  readonly palette: Palette
  readonly empty: string
  readonly old: boolean
}

function Grades({ history, measure, wallMs, format, palette, empty, old }: PartProps) {
  const { texts } = format
  // A minute more or less changes no hour.
  const atMs = Math.floor(wallMs / 60_000) * 60_000
  const bars = useMemo(() => (history === undefined ? [] : slots(history, atMs)), [history, atMs])
  const draw = useCallback(
    (chart: Chart) => {
      if (history !== undefined) chart.showGrades({ bars, by: history.by }, palette, format)
    },
    [history, bars, palette, format],
  )
  return (
    <ChartPanel
      id="grades"
      title={texts.history.partsChart}
      summary={texts.history.partsChart}
      values={history === undefined ? '' : describeHistory(history, measure, format)}
      draw={history === undefined ? undefined : draw}
      {...{ empty, old }}
    />
  )
}

function Spread({ history, measure, wallMs, format, palette, empty, old }: PartProps) {
  const { texts } = format
  const atMs = Math.floor(wallMs / 60_000) * 60_000
  const bars = useMemo(() => (history === undefined ? [] : slots(history, atMs)), [history, atMs])
  const draw = useCallback(
    (chart: Chart) => {
      if (history !== undefined) chart.showSpread({ bars, by: history.by, measure }, palette, format)
    },
    [history, bars, measure, palette, format],
  )
  return (
    <ChartPanel
      id="spread"
      title={measureTitle(measure, format)}
      note={texts.history.band}
      summary={`${measureTitle(measure, format)}. ${texts.history.band}`}
      values={history === undefined ? '' : describeHistory(history, measure, format)}
      draw={history === undefined ? undefined : draw}
      {...{ empty, old }}
    />
  )
}
