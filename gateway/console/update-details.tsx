import type { ComponentChildren } from 'preact'
import { Dialog } from './dialog.tsx'
import type { Format } from './format.ts'
import { own } from './reasons.ts'
import { moveText, waitText } from './update.ts'
import type { UpdateStatus, UpdateView } from './wire-update.ts'

interface DetailsProps {
  readonly view: UpdateView
  readonly format: Format
  readonly onClose: () => void
}

/** All that is known of an update: what, where it stands, why it waits or failed, what would be judged otherwise, what it changes. */
export function UpdateDetails({ view, format, onClose }: DetailsProps) {
  const say = format.texts.update
  const { status, consent, device } = view
  const end = device?.not_after === undefined ? '' : `, ${say.until(format.day(device.not_after))}`
  return (
    <Dialog id="update-details" title={`${say.title} ${moveText(status, say)}`} onClose={onClose}>
      <dl class="facts">
        {status !== null && <StatusFacts status={status} format={format} />}
        {consent !== null && <Fact name={say.agree}>{say.agreed(consent.by, format.time(consent.at))}</Fact>}
        {device !== null && (
          <Fact name={say.certificate}>{`${own(say.certificates, device.state) ?? device.state}${end}`}</Fact>
        )}
      </dl>
      {status?.differing !== undefined && status.differing.length > 0 && (
        <Differing differing={status.differing} format={format} />
      )}
      {status?.changes !== undefined && status.changes.length > 0 && (
        <Changes changes={status.changes} format={format} />
      )}
      <div class="tools">
        <button type="button" class="button" onClick={onClose}>
          {say.close}
        </button>
      </div>
    </Dialog>
  )
}

function StatusFacts({ status, format }: { readonly status: UpdateStatus; readonly format: Format }) {
  const say = format.texts.update
  const { kind, state, since, channel, failure } = status
  return (
    <>
      <Fact name={say.kind}>{own(say.kinds, kind) ?? kind}</Fact>
      <Fact name={say.state}>{[own(say.states, state) ?? state, ...waitText(status, say)].join(' · ')}</Fact>
      <Fact name={say.since}>{`${format.day(since)} ${format.time(since)}`}</Fact>
      {channel !== undefined && <Fact name={say.channel}>{channel}</Fact>}
      {failure !== undefined && (
        <Fact name={say.failure}>
          <span lang="en">{failure}</span>
        </Fact>
      )}
    </>
  )
}

function Fact({ name, children }: { readonly name: string; readonly children: ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  )
}

interface DifferingProps {
  readonly differing: NonNullable<UpdateStatus['differing']>
  readonly format: Format
}

/** Verdicts are told as the gateway words them: what is compared is what is stored. */
function Differing({ differing, format }: DifferingProps) {
  const say = format.texts.update
  return (
    <Compared
      id="update-verdicts"
      title={say.differing(format.whole(differing.length))}
      columns={[say.part, say.before, say.after]}
      lang="en"
    >
      {differing.map(({ sequence, before, after }) => (
        <tr key={sequence}>
          <td>{format.whole(sequence)}</td>
          <td>{before}</td>
          <td>{after}</td>
        </tr>
      ))}
    </Compared>
  )
}

interface ChangesProps {
  readonly changes: NonNullable<UpdateStatus['changes']>
  readonly format: Format
}

/** Of a configuration or a recipe: who agrees shall know to what. */
function Changes({ changes, format }: ChangesProps) {
  const say = format.texts.update
  return (
    <Compared
      id="update-changes"
      title={say.changes(format.whole(changes.length))}
      columns={[say.key, say.before, say.coming]}
    >
      {changes.map(({ key, before = '–', after = '–', kept }) => (
        <tr key={key}>
          <td>{key}</td>
          <td>{before}</td>
          <td>{kept === true ? say.kept(after) : after}</td>
        </tr>
      ))}
    </Compared>
  )
}

interface ComparedProps {
  readonly id: string
  readonly title: string
  readonly columns: readonly [string, string, string]
  /** Of the rows, where it is not the page's. */
  readonly lang?: string
  readonly children: ComponentChildren
}

/** Rows of what is, what was and what comes; they scroll where they are many. */
function Compared({ id, title, columns, lang, children }: ComparedProps) {
  return (
    <section id={id} class="update-compared" aria-labelledby={`${id}-title`}>
      <h3 id={`${id}-title`}>{title}</h3>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a scrollable region must be reachable by keyboard (WCAG 2.1.1) */}
      <div class="table-scroll" tabIndex={0}>
        <table>
          <thead>
            <tr>
              {columns.map((name) => (
                <th key={name} scope="col">
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody {...(lang === undefined ? {} : { lang })}>{children}</tbody>
        </table>
      </div>
    </section>
  )
}
