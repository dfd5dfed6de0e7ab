import { useState } from 'preact/hooks'
import { Dialog } from './dialog.tsx'
import { type EngravingClient, type Login, Refused } from './engraving-client.ts'
import { problemText } from './engraving-problem.ts'
import type { Format } from './format.ts'
import { BY_KEY, keep, kept } from './kept.ts'
import { LoginFields, loginIn } from './login-fields.tsx'
import type { Lens } from './wire-engraving.ts'

const LONGEST_NAME = 64

interface LinkProps {
  readonly client: EngravingClient
  readonly lens: Lens
  readonly symbol: string
  readonly login: Login | undefined
  readonly onLogin: (login: Login) => void
  readonly onLinked: (linked: boolean) => void
  readonly onClose: () => void
  readonly format: Format
}

/** Whether a symbol stands on a lens: how surely, whether somebody has seen it, or that it does not. */
export function LinkDialog(props: LinkProps) {
  const { client, lens, symbol, format, onClose } = props
  const { texts } = format
  const say = texts.engraving
  const link = lens.symbols.find((one) => one.symbol === symbol)
  const [loginWanted, setLoginWanted] = useState(false)
  const [problem, setProblem] = useState<string>()
  const send = async (form: HTMLFormElement, linked: boolean): Promise<void> => {
    const fields = new FormData(form)
    const login = loginWanted ? loginIn(fields) : props.login
    const by = String(fields.get('by') ?? '').trim()
    const share = Number(fields.get('confidence'))
    // What came with more digits than the page shows stays as it is, unless somebody says another.
    const same = link !== undefined && share === shareOf(link)
    try {
      const which = { lens: lens.id, symbol, login }
      if (linked)
        await client.link({
          ...which,
          ...(same ? {} : { confidence: share / 100 }),
          seen: fields.has('seen'),
          by,
        })
      else await client.unlink(which)
      if (by !== '') keep(BY_KEY, by)
      if (login !== undefined) props.onLogin(login)
      props.onLinked(linked)
    } catch (error) {
      const unknown = error instanceof Refused && error.problem.status === 401
      if (unknown) setLoginWanted(true)
      const wanted = login === undefined ? say.loginWanted : say.loginWrong
      setProblem(unknown ? wanted : problemText(error, texts))
    }
  }
  return (
    <Dialog id="link" title={say.linkTitle(symbol, lens.name)} onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault()
          void send(event.currentTarget, true)
        }}
      >
        <Fields link={link} format={format} />
        {loginWanted && <LoginFields format={format} />}
        {problem !== undefined && (
          <p class="form-problem" role="alert">
            {problem}
          </p>
        )}
        <div class="tools">
          {link !== undefined && (
            <button
              type="button"
              class="button button-apart"
              onClick={({ currentTarget: { form } }) => {
                if (form !== null) void send(form, false)
              }}
            >
              {say.unlink}
            </button>
          )}
          <button type="button" class="button" onClick={onClose}>
            {say.cancel}
          </button>
          <button type="submit" class="button button-main">
            {link === undefined ? say.link : say.saveLink}
          </button>
        </div>
      </form>
    </Dialog>
  )
}

/** In the steps of the slider, 0 to 100. */
function shareOf(link: Lens['symbols'][number] | undefined): number {
  return Math.round((link?.confidence ?? 1) * 100)
}

function Fields({
  link,
  format,
}: {
  readonly link: Lens['symbols'][number] | undefined
  readonly format: Format
}) {
  const { texts, percent, day } = format
  const say = texts.engraving
  const [share, setShare] = useState(shareOf(link))
  const [seen, setSeen] = useState(false)
  const { validated_by: by, validated_at: at } = link ?? {}
  return (
    <>
      {by !== undefined && (
        <p class="note">{at === undefined ? say.seenBy(by) : say.seenByAt(by, day(at))}</p>
      )}
      <label>
        <span>{say.sureness(percent(share / 100))}</span>
        <input
          name="confidence"
          type="range"
          min={0}
          max={100}
          step={1}
          value={share}
          onInput={({ currentTarget }) => setShare(Number(currentTarget.value))}
        />
      </label>
      <label class="check">
        <input
          name="seen"
          type="checkbox"
          checked={seen}
          onChange={({ currentTarget }) => setSeen(currentTarget.checked)}
        />
        <span>{say.seenOnLens}</span>
      </label>
      <label>
        <span>{say.by}</span>
        <input
          name="by"
          required={seen}
          maxLength={LONGEST_NAME}
          defaultValue={kept(BY_KEY) ?? ''}
          autocomplete="name"
        />
      </label>
    </>
  )
}
