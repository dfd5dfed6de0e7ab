import { useEffect, useState } from 'preact/hooks'
import type { Picture } from './drawing.tsx'
import type { EngravingClient } from './engraving-client.ts'
import { problemText } from './engraving-problem.ts'
import type { Format } from './format.ts'
import type { Candidate, Match } from './wire-engraving.ts'

/** Nobody is surer: what is said of more would be rounded to certainty. */
const MOST_SURE = 0.999

/** What is known of the picture. */
export type Recognition =
  | { readonly kind: 'nothing' }
  /** `before`: what was said of the picture before: it stands until the next answer comes. */
  | { readonly kind: 'asking'; readonly before: Match | undefined }
  | { readonly kind: 'said'; readonly match: Match }
  | { readonly kind: 'failed'; readonly problem: unknown }

/** Asks what the picture shows, anew when it changes or when `round` does. */
export function useRecognition(
  client: EngravingClient,
  picture: Picture | undefined,
  round: number,
): Recognition {
  const [recognition, setRecognition] = useState<Recognition>({ kind: 'nothing' })
  useEffect(() => {
    if (picture === undefined) {
      setRecognition({ kind: 'nothing' })
      return
    }
    const ended = new AbortController()
    setRecognition((before) => ({ kind: 'asking', before: matchOf(before) }))
    client.match(picture.blob, ended.signal).then(
      (match) => {
        if (!ended.signal.aborted) setRecognition({ kind: 'said', match })
      },
      (problem: unknown) => {
        if (!ended.signal.aborted) setRecognition({ kind: 'failed', problem })
      },
    )
    return () => ended.abort()
  }, [client, picture, round])
  return recognition
}

export function matchOf(recognition: Recognition): Match | undefined {
  if (recognition.kind === 'said') return recognition.match
  return recognition.kind === 'asking' ? recognition.before : undefined
}

/** The symbol to go on with where nobody has chosen: the one that is surely meant. */
export function meantSymbol(match: Match | undefined): string | undefined {
  if (match?.kind === 'known') return match.symbol
  return match?.kind === 'one-of' ? match.symbols[0] : undefined
}

interface AnswerProps {
  readonly recognition: Recognition
  /** The candidate whose lenses are shown. */
  readonly chosen: string | undefined
  readonly pictureOf: (symbol: string) => string
  readonly onChoose: (symbol: string) => void
  /** Undefined where there is nothing to enrol. */
  readonly onEnrol: (() => void) | undefined
  readonly format: Format
}

/** Which symbol it is, how sure that is, and which others are near. */
export function Answer({ recognition, chosen, pictureOf, onChoose, onEnrol, format }: AnswerProps) {
  const say = format.texts.engraving
  const match = matchOf(recognition)
  return (
    <section
      class="panel answer"
      id="answer"
      aria-labelledby="answer-title"
      aria-busy={recognition.kind === 'asking'}
    >
      <header>
        <h2 id="answer-title">{say.answer}</h2>
        {recognition.kind === 'asking' && <p class="note">{say.asking}</p>}
      </header>
      <div class="said" role="status" aria-live="polite">
        <Said {...{ recognition, match, pictureOf, format }} />
      </div>
      {match !== undefined && match.candidates.length > 0 && (
        <>
          <h3>{say.candidates}</h3>
          <ul class="candidates">
            {match.candidates.map((candidate) => (
              <CandidateEntry
                key={candidate.symbol}
                pressed={candidate.symbol === chosen}
                {...{ candidate, pictureOf, onChoose, format }}
              />
            ))}
          </ul>
        </>
      )}
      {onEnrol !== undefined && (
        <button type="button" class="button enrol-this" onClick={onEnrol}>
          {say.enrolThis}
        </button>
      )}
    </section>
  )
}

type SaidProps = Pick<AnswerProps, 'recognition' | 'pictureOf' | 'format'> & {
  readonly match: Match | undefined
}

function Said({ recognition, match, pictureOf, format }: SaidProps) {
  const { texts, whole, percent } = format
  const say = texts.engraving
  if (recognition.kind === 'failed') {
    return <p class="said-problem">{problemText(recognition.problem, texts)}</p>
  }
  if (match === undefined) return <p class="said-note">{say.waiting}</p>
  if (match.kind === 'known') {
    return (
      <div class="said-symbol">
        <img src={pictureOf(match.symbol)} alt="" />
        <p>
          <strong>{match.symbol}</strong>
          <span>{say.confidence(percent(Math.min(match.confidence, MOST_SURE)))}</span>
        </p>
      </div>
    )
  }
  const [head, meaning] = wordsOf(match, format, whole(match.gallery.symbols))
  return (
    <p class={`said-${match.kind}`}>
      <strong>{head}</strong>
      <span>{meaning}</span>
    </p>
  )
}

function wordsOf(
  match: Exclude<Match, { kind: 'known' }>,
  { texts }: Format,
  symbols: string,
): readonly [string, string] {
  const say = texts.engraving
  if (match.kind === 'one-of') return [`${say.oneOf}: ${match.symbols.join(', ')}`, say.oneOfMeaning]
  if (match.kind === 'blank') return [say.blank, say.blankMeaning]
  if (match.gallery.symbols === 0) return [say.noneEnrolled, say.noneEnrolledMeaning]
  return [say.unknown, say.unknownMeaning(symbols)]
}

interface CandidateProps extends Pick<AnswerProps, 'pictureOf' | 'onChoose' | 'format'> {
  readonly candidate: Candidate
  readonly pressed: boolean
}

function CandidateEntry({ candidate, pressed, pictureOf, onChoose, format }: CandidateProps) {
  const { symbol, similarity } = candidate
  const likeness = format.fixed(similarity, 2)
  return (
    <li>
      <button
        type="button"
        class="candidate"
        aria-pressed={pressed}
        title={`${format.texts.engraving.similarity} ${likeness}`}
        onClick={() => onChoose(symbol)}
      >
        <img src={pictureOf(symbol)} alt="" />
        <span class="candidate-name">{symbol}</span>
        <span class="candidate-likeness figure">
          <span class="visually-hidden">{format.texts.engraving.similarity} </span>
          {likeness}
        </span>
      </button>
    </li>
  )
}
