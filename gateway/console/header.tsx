import type { Format } from './format.ts'
import { ActionIcon, ConditionIcon } from './icons.tsx'
import { ROOMS, type Room } from './rooms.ts'
import { type ConsoleState, type Outlook, wantsCare } from './state.ts'
import { LANGUAGES, type Language, TEXTS } from './texts.ts'

interface HeaderProps {
  readonly state: ConsoleState
  readonly room: Room
  readonly outlook: Outlook
  readonly format: Format
  readonly onLanguage: (language: Language) => void
}

/** The line above: who we are, where one may go, and in every other room what became of the last part. */
export function Header({ state, room, outlook, format, onLanguage }: HeaderProps) {
  const { texts } = format
  const { station, connection } = state
  return (
    <header class="top">
      <h1>Poinçon</h1>
      {station !== undefined && (
        <>
          <p class="place">
            {station.site} / {station.line} / {station.station}
          </p>
          <p class="recipe">
            {texts.recipe} {station.recipe.id} · {texts.revision} {station.recipe.revision}
          </p>
        </>
      )}
      <Rooms {...{ station, room, format }} />
      {room !== 'live' && <LastVerdict outlook={outlook} format={format} />}
      <p class={`connection connection-${connection}`}>
        {connection === 'open' ? texts.connected : texts.connecting}
      </p>
      <Languages {...{ format, onLanguage }} />
    </header>
  )
}

function Rooms({
  station,
  room,
  format,
}: Pick<HeaderProps, 'room' | 'format'> & Pick<ConsoleState, 'station'>) {
  const { texts } = format
  return (
    <nav class="rooms" aria-label={texts.roomsLegend}>
      {ROOMS.map((one) => (
        <a key={one} href={`#${one}`} aria-current={one === room ? 'page' : undefined}>
          {one === 'storage' && station !== undefined && wantsCare(station) && (
            <ConditionIcon condition="degraded" />
          )}
          {texts.rooms[one]}
        </a>
      ))}
    </nav>
  )
}

function Languages({ format, onLanguage }: Pick<HeaderProps, 'format' | 'onLanguage'>) {
  const { texts, language } = format
  return (
    <fieldset class="languages">
      <legend class="visually-hidden">{texts.switchLanguage}</legend>
      {LANGUAGES.map((choice) => (
        <button
          key={choice}
          type="button"
          lang={choice}
          aria-pressed={choice === language}
          title={TEXTS[choice].languageName}
          onClick={() => onLanguage(choice)}
        >
          {choice.toUpperCase()}
        </button>
      ))}
    </fieldset>
  )
}

/** The part that passes now, small, and the way back to it. */
function LastVerdict({ outlook, format }: { readonly outlook: Outlook; readonly format: Format }) {
  const { texts } = format
  if (outlook.kind !== 'verdict') {
    return (
      <a class="last-verdict last-verdict-none" href="#live">
        {outlook.kind === 'no-data' ? texts.noData(format.duration(outlook.forMs)) : texts.noPartYet}
      </a>
    )
  }
  const { verdict } = outlook.inspection
  const grade = verdict.grade === undefined ? texts.notGraded : texts.grades[verdict.grade]
  return (
    <a class={`last-verdict verdict-${verdict.action}`} href="#live">
      <ActionIcon action={verdict.action} size="small" />
      {texts.actions[verdict.action]} · {grade}
    </a>
  )
}
