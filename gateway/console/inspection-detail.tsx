import { Dialog } from './dialog.tsx'
import { BETWEEN_REASONS, type Format } from './format.ts'
import { ActionIcon } from './icons.tsx'
import { LensBlock } from './lens.tsx'
import type { Inspection } from './wire.ts'

interface DetailProps {
  readonly inspection: Inspection
  readonly evidenceUrl: string
  readonly format: Format
  readonly onClose: () => void
}

/** One inspection of the list, to look at for as long as somebody likes: new parts pass behind it. */
export function InspectionDetail({ inspection, evidenceUrl, format, onClose }: DetailProps) {
  const { texts, time, whole, percent, why } = format
  const { sample_id: part, sequence, timestamp, verdict, camera, vl53l8ch: ranging } = inspection
  const { action, grade, score, latency_ms: latencyMs } = verdict
  const facts = [
    [texts.number, String(sequence)],
    [texts.time, time(timestamp)],
    [texts.grade, grade === undefined ? texts.notGraded : texts.grades[grade]],
    ...(score === undefined ? [] : [[texts.score, percent(score)]]),
    ...(ranging?.volume_mm3 === undefined ? [] : [[texts.volume, `${whole(ranging.volume_mm3 / 1000)} cm³`]]),
    [texts.latency, `${whole(latencyMs)} ms`],
  ]
  return (
    <Dialog id="detail" title={`${texts.part} ${part}`} onClose={onClose}>
      <p class="detail-action">
        <ActionIcon action={action} size="small" /> {texts.actions[action]}
        <span>{why(verdict).join(BETWEEN_REASONS)}</span>
      </p>
      <dl class="facts">
        {facts.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      {camera !== undefined && <LensBlock {...{ block: camera, verdict, evidenceUrl, format }} />}
      <div class="tools">
        <button type="button" class="button" onClick={onClose}>
          {texts.engraving.close}
        </button>
      </div>
    </Dialog>
  )
}
