import type { Format } from './format.ts'
import { ConditionIcon } from './icons.tsx'
import type { PanelProps } from './storage.tsx'
import type { Cursor, Storage } from './wire-storage.ts'

/** Who has not got what. */
export function CursorsPanel({ storage, format }: Omit<PanelProps, 'wallMs'>) {
  const say = format.texts.storage
  return (
    <section class="panel" id="cursors" aria-labelledby="cursors-title">
      <header>
        <h2 id="cursors-title">{say.waiting}</h2>
      </header>
      <ul>
        {storage.cursors.map((cursor) => (
          <CursorEntry key={cursor.name} cursor={cursor} format={format} />
        ))}
      </ul>
    </section>
  )
}

function CursorEntry({ cursor, format }: { readonly cursor: Cursor; readonly format: Format }) {
  const { texts, whole } = format
  const say = texts.storage
  const { name, role, backlog, holds } = cursor
  const condition = holds || role === 'gone' ? 'degraded' : 'ok'
  return (
    <li class={`unit unit-${condition}`}>
      <ConditionIcon condition={condition} />
      <span class="unit-name">{name}</span>
      <span class="unit-state">{backlog === 0 ? say.hasAll : say.lacks(whole(backlog))}</span>
      <span class="unit-meaning note">
        {say.roles[role]}
        {holds ? ` · ${say.holds}` : ''}
      </span>
    </li>
  )
}

/** What receivers refused for good, and why. */
export function SetAsidePanel({ storage, wallMs, format }: PanelProps) {
  const { texts, whole } = format
  const say = texts.storage
  const { quarantine, set_aside: records } = storage
  const wanted = quarantine.reduce((sum, { wanted: count }) => sum + count, 0)
  const note = [
    ...quarantine.map(({ sink, count }) => say.asideCount(sink, whole(count))),
    ...(wanted > 0 ? [say.asideWanted(whole(wanted))] : []),
  ].join(' · ')
  return (
    <section class="panel" id="set-aside" aria-labelledby="set-aside-title">
      <header>
        <h2 id="set-aside-title">
          <ConditionIcon condition={records.length === 0 ? 'ok' : 'degraded'} /> {say.setAside}
        </h2>
        <p class="note">{note}</p>
      </header>
      {records.length === 0 ? (
        <p class="empty">{say.nothingAside}</p>
      ) : (
        <>
          <Records {...{ records, wallMs, format }} />
          <p class="note advice">{say.asideAdvice}</p>
        </>
      )}
    </section>
  )
}

interface RecordsProps extends Omit<PanelProps, 'storage'> {
  readonly records: Storage['set_aside']
}

function Records({ records, wallMs, format }: RecordsProps) {
  const { texts, moment } = format
  const say = texts.storage
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrollable region must be reachable by keyboard (WCAG 2.1.1)
    <section class="scroll" tabIndex={0} aria-labelledby="set-aside-title">
      <table>
        <thead>
          <tr>
            {[texts.time, say.receiver, texts.number, say.attempts, say.reason].map((heading) => (
              <th key={heading} scope="col">
                {heading}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {records.map(({ sink, id, sequence, at, attempts, reason }) => (
            <tr key={`${sink} ${id}`}>
              <td class="figure">{moment(at, wallMs)}</td>
              <td>{sink}</td>
              <td class="figure">{sequence}</td>
              <td class="figure">{attempts}</td>
              <td class="why-cell" lang="en">
                {reason}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  )
}
