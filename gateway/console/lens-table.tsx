import { useState } from 'preact/hooks'
import type { EngravingClient } from './engraving-client.ts'
import { problemText } from './engraving-problem.ts'
import type { Format } from './format.ts'
import { useLenses } from './found-lenses.ts'
import type { Lens } from './wire-engraving.ts'

interface LensesProps {
  readonly client: EngravingClient
  /** Whose lenses are wanted; undefined: those that text or name ask for. */
  readonly symbol: string | undefined
  /** Another one asks anew. */
  readonly round: number
  readonly onLink: (lens: Lens) => void
  readonly format: Format
}

/** The lenses of the catalogue that carry a symbol, a text, or a name; any of them can be said to carry the symbol, or not. */
export function LensTable({ client, symbol, round, onLink, format }: LensesProps) {
  const { texts, whole } = format
  const say = texts.engraving
  const [text, setText] = useState('')
  const [name, setName] = useState('')
  const [others, setOthers] = useState(false)
  const query = queryOf(others ? undefined : symbol, text, name)
  const { page, problem, more } = useLenses(client, query, round)
  const known = page?.lenses ?? []
  return (
    <section class="panel lenses" id="lenses" aria-labelledby="lenses-title">
      <header>
        <h2 id="lenses-title">{symbol === undefined || others ? say.lenses : say.lensesWith(symbol)}</h2>
        {page !== undefined && <p class="note">{say.lensesFound(whole(page.found))}</p>}
        <div class="filters">
          <Filter label={say.textFilter} value={text} onValue={setText} />
          <Filter label={say.nameFilter} value={name} onValue={setName} />
          {symbol !== undefined && (
            <label class="check">
              <input
                type="checkbox"
                checked={others}
                onChange={({ currentTarget }) => setOthers(currentTarget.checked)}
              />
              <span>{say.otherLenses}</span>
            </label>
          )}
        </div>
      </header>
      {problem !== undefined && <p class="empty">{problemText(problem, texts)}</p>}
      {problem === undefined && known.length === 0 && (
        <p class="empty">
          {query === undefined
            ? others
              ? say.nameFirst
              : say.chooseFirst
            : page === undefined
              ? say.asking
              : say.noLens}
          {page !== undefined && symbol !== undefined && !others && <small>{say.noLensHint}</small>}
        </p>
      )}
      {known.length > 0 && <Rows lenses={known} {...{ symbol, more, onLink, format }} />}
    </section>
  )
}

function Filter(props: {
  readonly label: string
  readonly value: string
  readonly onValue: (value: string) => void
}) {
  return (
    <label>
      <span>{props.label}</span>
      <input
        type="search"
        value={props.value}
        maxLength={100}
        onInput={({ currentTarget }) => props.onValue(currentTarget.value)}
      />
    </label>
  )
}

function queryOf(
  symbol: string | undefined,
  text: string,
  name: string,
): Readonly<Record<string, string>> | undefined {
  const asked = {
    ...(symbol === undefined ? {} : { symbol }),
    ...(text.trim() === '' ? {} : { text: text.trim() }),
    ...(name.trim() === '' ? {} : { name: name.trim() }),
  }
  return Object.keys(asked).length === 0 ? undefined : asked
}

interface RowsProps {
  readonly lenses: readonly Lens[]
  readonly symbol: string | undefined
  readonly more: (() => void) | undefined
  readonly onLink: (lens: Lens) => void
  readonly format: Format
}

function Rows({ lenses, symbol, more, onLink, format }: RowsProps) {
  const say = format.texts.engraving
  const headings = [
    { heading: say.supplier },
    { heading: say.lens },
    { heading: say.index },
    { heading: say.material, shown: 'spare' },
    { heading: say.engraved, shown: 'spare' },
    ...(symbol === undefined ? [] : [{ heading: say.certainty }]),
  ]
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrollable region must be reachable by keyboard (WCAG 2.1.1)
    <section class="scroll" tabIndex={0} aria-labelledby="lenses-title">
      <table>
        <thead>
          <tr>
            {headings.map(({ heading, shown = '' }) => (
              <th key={heading} scope="col" class={shown}>
                {heading}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {lenses.map((lens) => (
            <Row key={lens.id} {...{ lens, symbol, onLink, format }} />
          ))}
        </tbody>
      </table>
      {more !== undefined && (
        <button type="button" class="button more" onClick={more}>
          {say.more}
        </button>
      )}
    </section>
  )
}

function Row({ lens, symbol, onLink, format }: Omit<RowsProps, 'lenses' | 'more'> & { readonly lens: Lens }) {
  const { texts, percent, fixed } = format
  const say = texts.engraving
  const { supplier, name, index, material, material_trade: trade, marks, symbols } = lens
  const link = symbols.find((one) => one.symbol === symbol)
  const engraved = [...marks.flatMap(({ text }) => text ?? []), ...symbols.map((one) => one.symbol)]
  const others = engraved.filter((one) => one !== symbol)
  const made = trade ?? (material === undefined ? undefined : (say.materials[material] ?? material))
  return (
    <tr>
      <td>{supplier}</td>
      <td class="lens-name">{name}</td>
      <td class="figure">{index === undefined ? '–' : fixed(index, 2)}</td>
      <td class="spare">{made ?? '–'}</td>
      <td class="spare">{others.length === 0 ? '–' : others.join(', ')}</td>
      {symbol !== undefined && (
        <td class="link-cell">
          <button
            type="button"
            class="button link-button"
            aria-label={link === undefined ? say.linkTitle(symbol, name) : say.changeLink(symbol, name)}
            onClick={() => onLink(lens)}
          >
            {link === undefined ? say.link : percent(link.confidence)}
          </button>
          {link !== undefined && (
            <span class="note">
              {link.validated_by === undefined ? say.notSeen : say.seenBy(link.validated_by)}
            </span>
          )}
        </td>
      )}
    </tr>
  )
}
