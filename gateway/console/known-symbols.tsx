import type { Format } from './format.ts'
import type { SymbolEntry } from './wire-engraving.ts'

interface KnownProps {
  readonly symbols: readonly SymbolEntry[]
  readonly pictureOf: (symbol: string) => string
  readonly onChoose: (symbol: string) => void
  readonly onForget: (symbol: string) => void
  readonly format: Format
}

/** All that can be recognised. */
export function KnownSymbols({ symbols, pictureOf, onChoose, onForget, format }: KnownProps) {
  const { texts, whole } = format
  const say = texts.engraving
  return (
    <section class="panel known" id="known" aria-labelledby="known-title">
      <header>
        <h2 id="known-title">{say.known}</h2>
        <p class="note">{say.knownCount(whole(symbols.length))}</p>
      </header>
      {symbols.length === 0 ? (
        <p class="empty">{say.noneEnrolledMeaning}</p>
      ) : (
        <ul class="symbols">
          {symbols.map(({ symbol, tags, examples }) => (
            <li key={symbol}>
              <button type="button" class="symbol" onClick={() => onChoose(symbol)}>
                <img src={pictureOf(symbol)} alt="" loading="lazy" />
                <span class="candidate-name">{symbol}</span>
                <span class="note">{[say.examples(examples), ...tags].join(' · ')}</span>
              </button>
              <button
                type="button"
                class="forget"
                title={say.forget}
                aria-label={`${say.forget} ${symbol}`}
                onClick={() => onForget(symbol)}
              >
                <svg viewBox="0 0 16 16" class="cross" aria-hidden="true">
                  <path d="M4 4l8 8M12 4l-8 8" />
                </svg>
              </button>
            </li>
          ))}
        </ul>
      )}
    </section>
  )
}
