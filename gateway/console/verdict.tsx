import { BETWEEN_REASONS, type Format } from './format.ts'
import { useUnhurried } from './hooks.ts'
import { ActionIcon, WaitingIcon } from './icons.tsx'
import type { Outlook } from './state.ts'
import type { Texts } from './texts.ts'
import type { Inspection } from './wire.ts'

/** A screen reader hears a verdict at most this often. */
const SPOKEN_EVERY_MS = 3000
const SHOWN_REASONS = 3

interface VerdictProps {
  readonly outlook: Outlook
  readonly format: Format
}

/** What happened to the part under the head, to be read from three metres. */
export function VerdictPanel({ outlook, format }: VerdictProps) {
  const { texts } = format
  const spoken = useUnhurried(inWords(outlook, format), SPOKEN_EVERY_MS)
  const look = outlook.kind === 'verdict' ? `verdict-${outlook.inspection.verdict.action}` : 'verdict-none'
  return (
    <section class={`panel verdict ${look}`} id="verdict" aria-label={texts.verdict}>
      <p class="visually-hidden" role="status" aria-live="polite">
        {spoken}
      </p>
      {outlook.kind === 'verdict' ? (
        <Present inspection={outlook.inspection} format={format} />
      ) : (
        <Absent outlook={outlook} format={format} />
      )}
    </section>
  )
}

function Present({ inspection, format }: { readonly inspection: Inspection; readonly format: Format }) {
  const { texts, percent, whole, time } = format
  const { action, score, latency_ms } = inspection.verdict
  const why = format.why(inspection.verdict).slice(0, SHOWN_REASONS)
  return (
    <>
      <div class="signs">
        <ActionIcon action={action} size="sign" />
        <Grade verdict={inspection.verdict} texts={texts} />
      </div>
      <p class="action">{texts.actions[action]}</p>
      <p class="why">{why.join(BETWEEN_REASONS)}</p>
      <footer>
        <span>{inspection.sample_id}</span>
        <span>{time(inspection.timestamp)}</span>
        {score !== undefined && (
          <span>
            {texts.score} {percent(score)}
          </span>
        )}
        <span>{whole(latency_ms)} ms</span>
      </footer>
    </>
  )
}

/** The letter; where the action's word says the same already, none. */
function Grade({ verdict, texts }: { readonly verdict: Inspection['verdict']; readonly texts: Texts }) {
  const { grade, action } = verdict
  if (grade === undefined) return <p class="grade grade-none">{texts.notGraded}</p>
  if (grade !== 'REJECT') return <p class="grade">{texts.grades[grade]}</p>
  return action === 'reject' ? null : <p class="grade grade-word">{texts.grades.REJECT}</p>
}

function Absent({
  outlook,
  format,
}: {
  readonly outlook: Exclude<Outlook, { kind: 'verdict' }>
  readonly format: Format
}) {
  const { texts, duration, time } = format
  if (outlook.kind === 'no-part-yet') {
    return (
      <>
        <div class="signs">
          <WaitingIcon />
        </div>
        <p class="absence">{texts.noPartYet}</p>
        <p class="last">{texts.waitingForPart}</p>
      </>
    )
  }
  const { verdict, sample_id, timestamp } = outlook.last
  const grade = verdict.grade === undefined ? texts.notGraded : texts.grades[verdict.grade]
  return (
    <>
      <div class="signs">
        <WaitingIcon />
      </div>
      <p class="absence">{texts.noData(duration(outlook.forMs))}</p>
      <p class="last">
        {texts.lastPart}: {sample_id}, {time(timestamp)}, {texts.actions[verdict.action].toLowerCase()},{' '}
        {grade}
      </p>
    </>
  )
}

function inWords(outlook: Outlook, { texts, why }: Format): string {
  if (outlook.kind === 'no-part-yet') return texts.noPartYet
  // The seconds would make it speak for ever.
  if (outlook.kind === 'no-data') return texts.noData('…')
  const { verdict, sample_id } = outlook.inspection
  const grade =
    verdict.grade === undefined ? texts.notGraded : `${texts.grade} ${texts.grades[verdict.grade]}`
  return [`${texts.part} ${sample_id}: ${texts.actions[verdict.action]}`, grade, ...why(verdict)].join('. ')
}
