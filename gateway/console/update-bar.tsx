import { useMemo, useState } from 'preact/hooks'
import { useAsked } from './asked.ts'
import type { Format } from './format.ts'
import { keep, kept } from './kept.ts'
import { updateLine } from './update.ts'
import { AgreeDialog } from './update-agree.tsx'
import { UpdateDetails } from './update-details.tsx'
import { parseUpdate, type UpdateView } from './wire-update.ts'

const EVERY_MS = 3000
const HIDDEN_KEY = 'poincon.update-hidden'

interface UpdateBarProps {
  readonly updateUrl: string
  readonly format: Format
  readonly onProblem: (problem: unknown) => void
}

/** One line of an update, in every room: that it comes, that it has the line, that it went wrong. */
export function UpdateBar({ updateUrl, format, onProblem }: UpdateBarProps) {
  const [asks, setAsks] = useState(0)
  const { data } = useAsked({
    ...{ url: () => updateUrl, key: `${updateUrl} ${asks}`, parse: parseUpdate },
    ...{ everyMs: EVERY_MS, onProblem },
  })
  const [last, setLast] = useState<UpdateView>()
  // Until the next answer the one before stands.
  if (data !== undefined && data !== last) setLast(data)
  const view = data ?? last
  if (view === undefined) return null
  return <Bar {...{ view, updateUrl, format }} onAgreed={() => setAsks(asks + 1)} />
}

interface BarProps {
  readonly view: UpdateView
  readonly updateUrl: string
  readonly format: Format
  readonly onAgreed: () => void
}

function Bar({ view, updateUrl, format, onAgreed }: BarProps) {
  const say = format.texts.update
  const line = useMemo(() => updateLine(view, say), [view, say])
  const [hidden, setHidden] = useState(() => kept(HIDDEN_KEY))
  const [shown, setShown] = useState<'details' | 'agree'>()
  if (line === undefined || (line.hide !== undefined && line.hide === hidden)) return null
  const { look, words, agree, hide, progress } = line
  const close = (): void => setShown(undefined)
  return (
    <section class={`update update-${look}`} id="update" aria-label={say.title}>
      <p role={look === 'locked' ? 'alert' : 'status'}>{words.join(' · ')}</p>
      {progress !== undefined && (
        <progress value={progress} max={1} aria-label={say.title}>
          {format.percent(progress)}
        </progress>
      )}
      {view.consent !== null && look === 'ahead' && (
        <p class="note">{say.agreed(view.consent.by, format.time(view.consent.at))}</p>
      )}
      <div class="tools">
        {agree !== undefined && (
          <button type="button" class="button button-main" onClick={() => setShown('agree')}>
            {say.agree}
          </button>
        )}
        <button type="button" class="button" onClick={() => setShown('details')}>
          {say.details}
        </button>
        {hide !== undefined && (
          <button
            type="button"
            class="button"
            onClick={() => {
              keep(HIDDEN_KEY, hide)
              setHidden(hide)
            }}
          >
            {say.hide}
          </button>
        )}
      </div>
      {shown === 'details' && <UpdateDetails {...{ view, format }} onClose={close} />}
      {shown === 'agree' && agree !== undefined && (
        <AgreeDialog {...{ updateUrl, version: agree, format }} onClose={close} onAgreed={onAgreed} />
      )}
    </section>
  )
}
