import { useCallback, useMemo, useRef, useState } from 'preact/hooks'
import { useAsked } from './asked.ts'
import { Drawing, type Picture } from './drawing.tsx'
import { EngravingClient, type Login } from './engraving-client.ts'
import { EnrolDialog } from './enrol.tsx'
import { ForgetDialog } from './forget.tsx'
import type { Format } from './format.ts'
import { KnownSymbols } from './known-symbols.tsx'
import { LensTable } from './lens-table.tsx'
import { LinkDialog } from './link.tsx'
import { Answer, matchOf, meantSymbol, useRecognition } from './recognition.tsx'
import { type Enrolled, type Lens, parseSymbols, type SymbolEntry } from './wire-engraving.ts'

/** Somebody else may enrol, too. */
const EVERY_MS = 30_000
const NONE: readonly SymbolEntry[] = []

interface EngravingProps {
  readonly engravingsUrl: string
  readonly lensesUrl: string
  readonly format: Format
  readonly onProblem: (problem: unknown) => void
}

/** Which dialog stands in front. */
type Asking =
  | { readonly kind: 'enrol'; readonly picture: Blob }
  | { readonly kind: 'forget'; readonly symbol: string }
  | { readonly kind: 'link'; readonly symbol: string; readonly lens: Lens }

/** What an engraving is, by a drawing or a picture of it; which lenses carry it; and how the station learns another. */
export function EngravingRoom({ engravingsUrl, lensesUrl, format, onProblem }: EngravingProps) {
  const say = format.texts.engraving
  const client = useMemo(() => new EngravingClient(engravingsUrl, lensesUrl), [engravingsUrl, lensesUrl])
  const [picture, setPicture] = useState<Picture>()
  const [chosen, setChosen] = useState<string>()
  const [asking, setAsking] = useState<Asking>()
  const [login, setLogin] = useState<Login>()
  const [note, setNote] = useState('')
  /** Another one after each change of what is enrolled. */
  const [round, setRound] = useState(0)
  const symbols = useSymbols(engravingsUrl, round, onProblem)
  const recognition = useRecognition(client, picture, round)
  const match = matchOf(recognition)
  const symbol = chosen ?? meantSymbol(match)
  const pictureOf = useCallback(
    (name: string): string => client.pictureOf(name, symbols.find((one) => one.symbol === name)?.first_at),
    [client, symbols],
  )
  const offered = useCallback((next: Picture | undefined): void => {
    setPicture(next)
    setChosen(undefined)
    if (next !== undefined) setNote('')
  }, [])
  const tooLarge = useCallback(() => setNote(say.tooManyBytes), [say])
  const changed = (said: string): void => {
    setAsking(undefined)
    setChosen(undefined)
    setNote(said)
    setRound((before) => before + 1)
  }
  const common = { client, login, onLogin: setLogin, onClose: () => setAsking(undefined), format }
  return (
    <>
      <p class={note === '' ? 'visually-hidden' : 'banner banner-note'} role="status">
        {note}
      </p>
      <Drawing format={format} onPicture={offered} onTooLarge={tooLarge} />
      <Answer
        {...{ recognition, pictureOf, format }}
        chosen={symbol}
        onChoose={setChosen}
        onEnrol={
          picture === undefined ? undefined : () => setAsking({ kind: 'enrol', picture: picture.blob })
        }
      />
      <LensTable
        {...{ client, symbol, round, format }}
        onLink={(lens) => {
          if (symbol !== undefined) setAsking({ kind: 'link', symbol, lens })
        }}
      />
      <KnownSymbols
        {...{ symbols, pictureOf, format }}
        onChoose={setChosen}
        onForget={(name) => setAsking({ kind: 'forget', symbol: name })}
      />
      {asking?.kind === 'enrol' && (
        <EnrolDialog
          {...{ ...common, pictureOf, known: symbols, picture: asking.picture }}
          symbol={symbol ?? ''}
          onEnrolled={(enrolled) => changed(enrolledText(enrolled, format))}
        />
      )}
      {asking?.kind === 'link' && (
        <LinkDialog
          {...common}
          {...{ lens: asking.lens, symbol: asking.symbol }}
          onLinked={(linked) => {
            const { symbol: its, lens } = asking
            changed(linked ? say.linked(its, lens.name) : say.unlinked(its, lens.name))
            // What is looked at stays.
            setChosen(its)
          }}
        />
      )}
      {asking?.kind === 'forget' && (
        <ForgetDialog
          {...common}
          symbol={asking.symbol}
          onForgotten={() => changed(say.forgotten(asking.symbol))}
        />
      )}
    </>
  )
}

function enrolledText({ symbol, added, examples }: Enrolled, { texts }: Format): string {
  const say = texts.engraving
  return added ? say.done(symbol, say.examples(examples)) : say.wasThere(symbol)
}

/** What is enrolled; while it is asked anew, as it was. */
function useSymbols(
  url: string,
  round: number,
  onProblem: (problem: unknown) => void,
): readonly SymbolEntry[] {
  const { data } = useAsked({
    ...{ url: () => url, key: `${url} ${round}`, parse: parseSymbols, everyMs: EVERY_MS, onProblem },
  })
  const last = useRef(NONE)
  if (data !== undefined) last.current = data
  return last.current
}
