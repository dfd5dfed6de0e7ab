import { describeEquipment } from './equipment.ts'
import type { Format } from './format.ts'
import { ConditionIcon } from './icons.tsx'
import { KeyFigures } from './key-figures.tsx'
import type { Equipment, Head, PartCounters, Sink, Station } from './wire.ts'
import type { Quality } from './wire-quality.ts'

const COUNTERS = ['triggers', 'accepted', 'rejected', 'held', 'in_flight', 'late', 'busy'] as const

interface LotProps {
  readonly station: Station
  readonly quality: Quality | undefined
  readonly format: Format
}

/** How the parts of the lot divide, and what they come to where the gateway tells of it. */
export function LotCounters({ station, quality, format }: LotProps) {
  const { texts, whole } = format
  const { lot } = station.counters
  const shown: (keyof PartCounters)[] = lot.unrecorded > 0 ? [...COUNTERS, 'unrecorded'] : [...COUNTERS]
  return (
    <section class="panel counters" id="counters" aria-labelledby="counters-title">
      <header>
        <h2 id="counters-title">{texts.lot}</h2>
        <p class="note">{station.lot.id}</p>
      </header>
      <dl>
        {shown.map((name) => (
          <div key={name} class={`counter counter-${name}`}>
            <dt>{texts.counters[name]}</dt>
            <dd>{whole(lot[name])}</dd>
          </div>
        ))}
      </dl>
      {quality !== undefined && <KeyFigures quality={quality} station={station} format={format} />}
    </section>
  )
}

/** How the heads, the equipment and the deliveries are, each with a word and a shape of its own. */
export function Units({ station, format }: { readonly station: Station; readonly format: Format }) {
  const { texts } = format
  const { heads, equipment = [], sinks } = station
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrollable region must be reachable by keyboard (WCAG 2.1.1)
    <section tabIndex={0} class="panel units" id="units" aria-labelledby="heads-title">
      <header>
        <h2 id="heads-title">{texts.heads}</h2>
      </header>
      <ul>
        {heads.map((head) => (
          <HeadEntry key={head.id} head={head} format={format} />
        ))}
      </ul>
      {equipment.length > 0 && (
        <>
          <header>
            <h2>{texts.equipment.title}</h2>
          </header>
          <ul>
            {equipment.map((unit) => (
              <EquipmentItem key={unit.name} unit={unit} format={format} />
            ))}
          </ul>
        </>
      )}
      <header>
        <h2>{texts.sinks}</h2>
      </header>
      <ul>
        {sinks.map((sink) => (
          <SinkEntry key={sink.name} sink={sink} format={format} />
        ))}
        {sinks.length === 0 && <li class="empty">{texts.none}</li>}
      </ul>
    </section>
  )
}

function HeadEntry({ head, format }: { readonly head: Head; readonly format: Format }) {
  return (
    <li class={`unit unit-${head.state}`}>
      <ConditionIcon condition={head.state} />
      <span class="unit-name">{head.id}</span>
      <span class="unit-state">
        {head.kind.toUpperCase()} · {format.texts.conditions[head.state]}
      </span>
      {head.detail !== undefined && <Detail text={head.detail} />}
    </li>
  )
}

function EquipmentItem({ unit, format }: { readonly unit: Equipment; readonly format: Format }) {
  const { name, condition, word, reading, passages, meaning } = describeEquipment(unit, format)
  return (
    <li class={`unit unit-${condition}`} id={`unit-${unit.name}`}>
      <ConditionIcon condition={condition} />
      <span class="unit-name">{name}</span>
      <span class="unit-state">
        {reading !== '' && <span class="unit-reading">{reading}</span>}
        <span class={reading === '' ? '' : 'unit-word'}>{word}</span>
      </span>
      {passages.length > 0 && (
        <dl class="passages">
          {passages.map(({ passage, label, parts }) => (
            <div key={passage}>
              <dt>{label}</dt>
              <dd>{parts}</dd>
            </div>
          ))}
        </dl>
      )}
      {meaning !== undefined && <span class="unit-meaning">{meaning}</span>}
      {unit.detail !== undefined && <Detail text={unit.detail} />}
    </li>
  )
}

/** What the gateway says of the trouble, which is for whoever mends it. */
function Detail({ text }: { readonly text: string }) {
  return (
    <span class="unit-detail" lang="en" title={text}>
      {text}
    </span>
  )
}

function SinkEntry({ sink, format }: { readonly sink: Sink; readonly format: Format }) {
  const { texts, whole } = format
  const parts = [
    ...(sink.state === 'ok' ? [] : [texts.conditions[sink.state]]),
    sink.backlog > 0 ? texts.backlog(whole(sink.backlog)) : texts.allDelivered,
    ...(sink.quarantined > 0 ? [texts.quarantined(whole(sink.quarantined))] : []),
  ]
  return (
    <li class={`unit unit-${sink.state}`}>
      <ConditionIcon condition={sink.state} />
      <span class="unit-name">{sink.name}</span>
      <span class="unit-state">{parts.join(' · ')}</span>
      {sink.detail !== undefined && <Detail text={sink.detail} />}
    </li>
  )
}
