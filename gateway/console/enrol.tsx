import type { JSX } from 'preact'
import { useState } from 'preact/hooks'
import { Dialog } from './dialog.tsx'
import type { EngravingClient, Login } from './engraving-client.ts'
import { Refused } from './engraving-client.ts'
import { problemText } from './engraving-problem.ts'
import type { Format } from './format.ts'
import { BY_KEY, keep, kept } from './kept.ts'
import { LoginFields, loginIn } from './login-fields.tsx'
import type { Conflict, Enrolled, SymbolEntry } from './wire-engraving.ts'

const LONGEST_NAME = 64
const LONGEST_SYMBOL = 100

interface EnrolProps {
  readonly client: EngravingClient
  readonly picture: Blob
  /** What stands in the field of the name at first. */
  readonly symbol: string
  readonly known: readonly SymbolEntry[]
  readonly login: Login | undefined
  readonly pictureOf: (symbol: string) => string
  readonly onLogin: (login: Login) => void
  readonly onEnrolled: (enrolled: Enrolled) => void
  readonly onClose: () => void
  readonly format: Format
}

/** How far an enrolment is. */
interface Progress {
  readonly busy: boolean
  readonly conflicts: readonly Conflict[]
  readonly loginWanted: boolean
  readonly problem: string | undefined
}

const BEGUN: Progress = { busy: false, conflicts: [], loginWanted: false, problem: undefined }

/** Asks for name, tags and who says so; and once more where the name or the picture is another symbol's. */
export function EnrolDialog(props: EnrolProps) {
  const { client, picture, known, format, onClose } = props
  const say = format.texts.engraving
  const [progress, setProgress] = useState(BEGUN)
  const send = async (form: HTMLFormElement): Promise<void> => {
    const fields = new FormData(form)
    const text = (name: string): string => String(fields.get(name) ?? '').trim()
    const login = progress.loginWanted ? loginIn(fields) : props.login
    const tags = text('tags')
      .split(',')
      .map((tag) => tag.trim())
      .filter((tag) => tag !== '')
    const sure = progress.conflicts.map(({ kind }) => kind)
    setProgress({ ...progress, busy: true, problem: undefined })
    try {
      const wanted = {
        symbol: text('symbol'),
        by: text('by'),
        tags,
        sure: [...new Set(sure)],
        picture,
        login,
      }
      const enrolled = await client.enrol(wanted)
      keep(BY_KEY, text('by'))
      if (login !== undefined) props.onLogin(login)
      props.onEnrolled(enrolled)
    } catch (problem) {
      setProgress(after(progress, problem, login, format))
    }
  }
  return (
    <Dialog id="enrol" title={say.enrolThis} onClose={onClose}>
      <form
        onSubmit={(event: JSX.TargetedSubmitEvent<HTMLFormElement>) => {
          event.preventDefault()
          void send(event.currentTarget)
        }}
        // Another name or picture is another question.
        onInput={() => setProgress((before) => ({ ...before, conflicts: [], problem: undefined }))}
      >
        <Fields symbol={props.symbol} known={known} format={format} />
        {progress.loginWanted && <LoginFields format={format} />}
        <Doubts conflicts={progress.conflicts} {...props} />
        {progress.problem !== undefined && (
          <p class="form-problem" role="alert">
            {progress.problem}
          </p>
        )}
        <div class="tools">
          <button type="button" class="button" onClick={onClose}>
            {say.cancel}
          </button>
          <button type="submit" class="button button-main" disabled={progress.busy}>
            {progress.conflicts.length > 0 ? say.saveAnyway : say.save}
          </button>
        </div>
      </form>
    </Dialog>
  )
}

function after(before: Progress, problem: unknown, login: Login | undefined, { texts }: Format): Progress {
  const answered = problem instanceof Refused ? problem.problem : undefined
  const still = { ...before, busy: false, problem: undefined }
  if (answered?.status === 409 && answered.conflicts !== undefined) {
    return { ...still, conflicts: answered.conflicts }
  }
  if (answered?.status === 401) {
    const { loginWanted, loginWrong } = texts.engraving
    return { ...still, loginWanted: true, problem: login === undefined ? loginWanted : loginWrong }
  }
  return { ...still, problem: problemText(problem, texts) }
}

function Fields({ symbol, known, format }: Pick<EnrolProps, 'symbol' | 'known' | 'format'>) {
  const say = format.texts.engraving
  const [first] = useState(symbol)
  return (
    <>
      <label>
        <span>{say.symbolName}</span>
        <input
          name="symbol"
          required
          maxLength={LONGEST_SYMBOL}
          list="known-names"
          defaultValue={first}
          autocomplete="off"
        />
      </label>
      <datalist id="known-names">
        {known.map(({ symbol: name }) => (
          <option key={name} value={name} />
        ))}
      </datalist>
      <label>
        <span>
          {say.tags} <small>{say.tagsHint}</small>
        </span>
        <input name="tags" autocomplete="off" />
      </label>
      <label>
        <span>{say.by}</span>
        <input
          name="by"
          required
          maxLength={LONGEST_NAME}
          defaultValue={kept(BY_KEY) ?? ''}
          autocomplete="name"
        />
      </label>
    </>
  )
}

/** What somebody has to be sure of, with the pictures to compare. */
function Doubts({
  conflicts,
  symbol,
  pictureOf,
  format,
}: Pick<EnrolProps, 'symbol' | 'pictureOf' | 'format'> & { readonly conflicts: readonly Conflict[] }) {
  const say = format.texts.engraving
  if (conflicts.length === 0) return null
  return (
    <ul class="doubts" role="alert">
      {conflicts.map((conflict) =>
        conflict.kind === 'existing' ? (
          <li key="existing">{say.existing(symbol, say.examples(conflict.examples))}</li>
        ) : (
          <li key={conflict.symbol}>
            <img src={pictureOf(conflict.symbol)} alt="" />
            {say.similar(conflict.symbol, format.fixed(conflict.similarity, 2))}
          </li>
        ),
      )}
    </ul>
  )
}
