import { useAsked } from './asked.ts'
import type { Format } from './format.ts'
import { ConditionIcon } from './icons.tsx'
import { OldHeadsPanel } from './old-heads.tsx'
import { CursorsPanel, SetAsidePanel } from './set-aside.tsx'
import { flashCondition, keptText, roomCondition, roomText } from './storage.ts'
import { parseOldHeads, parseStorage, type Storage } from './wire-storage.ts'

const EVERY_MS = 5000

interface StorageProps {
  readonly storageUrl: string
  readonly oldHeadsUrl: string
  /** Wall-clock ms of the gateway less ours. */
  readonly gatewayAhead: number
  readonly format: Format
  readonly onProblem: (problem: unknown) => void
}

/** What every panel of the room gets. */
export interface PanelProps {
  readonly storage: Storage
  readonly wallMs: number
  readonly format: Format
}

/** How long room and flash last, what is kept and for whom, what was set aside, and the heads of the old system. */
export function StorageRoom({ storageUrl, oldHeadsUrl, gatewayAhead, format, onProblem }: StorageProps) {
  const asking = { everyMs: EVERY_MS, onProblem }
  const storage = useAsked({ ...asking, url: () => storageUrl, key: storageUrl, parse: parseStorage })
  const heads = useAsked({ ...asking, url: () => oldHeadsUrl, key: oldHeadsUrl, parse: parseOldHeads })
  const { texts } = format
  const wallMs = Date.now() + gatewayAhead
  if (storage.data === undefined) {
    return <p class="panel empty">{storage.failed ? texts.noAnswer : texts.history.loading}</p>
  }
  const common = { storage: storage.data, wallMs, format }
  return (
    <>
      {storage.failed && <p class="banner banner-note">{texts.noAnswer}</p>}
      <RoomPanel {...common} />
      <FlashPanel {...common} />
      <KeptPanel {...common} />
      <CursorsPanel {...common} />
      <SetAsidePanel {...common} />
      {heads.data !== undefined && <OldHeadsPanel heads={heads.data} wallMs={wallMs} format={format} />}
    </>
  )
}

function RoomPanel({ storage, format }: PanelProps) {
  const { texts, whole } = format
  const { room, detail } = storage
  const { hours_left: hours, parts_left: parts, parts_per_hour: rate } = room
  const condition = roomCondition(storage)
  const say = texts.storage
  return (
    <section class={`panel reserve reserve-${condition}`} id="room" aria-labelledby="room-title">
      <header>
        <h2 id="room-title">
          <ConditionIcon condition={condition} /> {say.room}
        </h2>
        <p class="note">{say.alertBelow(roomText(room.alert_hours, format))}</p>
      </header>
      {hours === undefined ? (
        <p class="empty">{say.noRate}</p>
      ) : (
        <p class="reserve-time">
          <strong>{roomText(hours, format)}</strong> {say.roomMeaning}
          {rate === undefined ? '' : `, ${say.atRate(whole(rate))}`}
        </p>
      )}
      <dl class="facts">
        {parts !== undefined && <Fact name={say.partsLeft} value={whole(parts)} />}
        {room.room_mb !== undefined && <Fact name={say.free} value={bytesText(room.room_mb, format)} />}
        {room.used_mb !== undefined && <Fact name={say.used} value={bytesText(room.used_mb, format)} />}
      </dl>
      {detail !== undefined && (
        <p class="unit-detail" lang="en">
          {detail}
        </p>
      )}
    </section>
  )
}

function FlashPanel({ storage, format }: PanelProps) {
  const { texts, short, whole, percent } = format
  const { bytes_per_part: each, gb_per_year: year, budget_gb_per_year: budget, share } = storage.flash
  const condition = flashCondition(storage)
  const say = texts.storage
  return (
    <section class={`panel reserve reserve-${condition}`} id="flash" aria-labelledby="flash-title">
      <header>
        <h2 id="flash-title">
          <ConditionIcon condition={condition} /> {say.flash}
        </h2>
        <p class="note">{say.flashBudget(whole(budget))}</p>
      </header>
      {share === undefined ? (
        <p class="empty">{say.flashLater}</p>
      ) : (
        <>
          <p class="reserve-time">
            <strong>{percent(share)}</strong> {say.flashShare('').trim()}
          </p>
          <meter
            min={0}
            low={0.8}
            high={0.99}
            max={1}
            optimum={0}
            value={Math.min(1, share)}
            aria-label={say.flashShare(percent(share))}
          />
        </>
      )}
      <dl class="facts">
        {each !== undefined && (
          <Fact name={say.flashPerPart} value={`${short(each / 1000)} ${texts.kilobytes}`} />
        )}
        {year !== undefined && <Fact name={say.flashPerYear} value={`${whole(year)} ${texts.gigabytes}`} />}
      </dl>
    </section>
  )
}

function Fact({
  name,
  value,
  note = '',
}: {
  readonly name: string
  readonly value: string
  readonly note?: string
}) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>
        {value}
        {note !== '' && <span class="note">{note}</span>}
      </dd>
    </div>
  )
}

function KeptPanel({ storage, wallMs, format }: PanelProps) {
  const { texts, whole, moment } = format
  const say = texts.storage
  const { checkpoint, inspections, raw, sums } = storage
  const [inspectionsKept, inspectionsUntil] = keptText(inspections, format, wallMs)
  const [rawKept, rawUntil] = keptText(raw, format, wallMs)
  const signed =
    checkpoint === undefined
      ? say.notSigned
      : say.signedAt(whole(checkpoint.number), moment(checkpoint.at, wallMs))
  return (
    <section class="panel" id="kept" aria-labelledby="kept-title">
      <header>
        <h2 id="kept-title">{say.kept}</h2>
      </header>
      <dl class="facts facts-lines">
        <Fact name={say.inspections} value={inspectionsKept} note={inspectionsUntil} />
        <Fact name={say.raw} value={rawKept} note={rawUntil} />
        <Fact name={say.sums} value={say.sumsKept(whole(sums.hourly_days))} />
        <Fact name={say.signed} value={signed} />
      </dl>
    </section>
  )
}

/** A thousand MB are a GB. */
function bytesText(mb: number, { texts, short, whole }: Format): string {
  return mb < 1000 ? `${whole(mb)} ${texts.megabytes}` : `${short(mb / 1000)} ${texts.gigabytes}`
}
