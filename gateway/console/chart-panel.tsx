import { useEffect, useRef, useState } from 'preact/hooks'
import type { Chart } from './charts.ts'

interface ChartPanelProps {
  readonly id: string
  readonly title: string
  /** In small print beside the title. */
  readonly note?: string
  /** What the chart shows, in one sentence, and then value by value. */
  readonly summary: string
  readonly values: string
  /** Undefined where nothing was measured: the panel then says so. */
  readonly draw: ((chart: Chart) => void) | undefined
  readonly empty: string
  /** The picture is a square field, not a diagram. */
  readonly square?: boolean
  /** The values are of a part that is gone. */
  readonly old: boolean
}

/** A chart with its title, and its values in words for those who cannot see it. */
export function ChartPanel({
  id,
  title,
  note,
  summary,
  values,
  draw,
  empty,
  old,
  square = false,
}: ChartPanelProps) {
  const element = useRef<HTMLDivElement>(null)
  const [chart, setChart] = useState<Chart>()
  const [failed, setFailed] = useState(false)
  const measured = draw !== undefined

  useEffect(() => {
    if (!measured) return
    let wanted = true
    let made: Chart | undefined
    import('./charts.ts').then(
      ({ Chart }) => {
        if (!wanted || element.current === null) return
        made = new Chart(element.current)
        setChart(made)
      },
      () => setFailed(true),
    )
    return () => {
      wanted = false
      made?.close()
      setChart(undefined)
    }
  }, [measured])

  useEffect(() => {
    if (chart !== undefined) draw?.(chart)
  }, [chart, draw])

  return (
    <section class={`panel chart ${old ? 'old' : ''}`} id={id} aria-labelledby={`${id}-title`}>
      <header>
        <h2 id={`${id}-title`}>{title}</h2>
        {note !== undefined && <p class="note">{note}</p>}
      </header>
      {measured && !failed && (
        <div class={square ? 'plot plot-square' : 'plot'}>
          <div
            class="canvas"
            role="img"
            aria-label={summary}
            aria-describedby={`${id}-values`}
            ref={element}
          />
        </div>
      )}
      {measured && (
        <p class={failed ? 'empty' : 'visually-hidden'} id={`${id}-values`}>
          {values}
        </p>
      )}
      {!measured && <p class="empty">{empty}</p>}
    </section>
  )
}
