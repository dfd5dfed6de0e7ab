import { useState } from 'preact/hooks'
import { Dialog } from './dialog.tsx'
import { asked, authorization, type Login, Refused } from './engraving-client.ts'
import { problemText } from './engraving-problem.ts'
import type { Format } from './format.ts'
import { keep, kept } from './kept.ts'
import { LoginFields, loginIn } from './login-fields.tsx'

const NAME_KEY = 'poincon.name'

interface AgreeProps {
  readonly updateUrl: string
  readonly version: string
  readonly format: Format
  readonly onAgreed: () => void
  readonly onClose: () => void
}

/** Asks once more, and who says so. */
export function AgreeDialog({ updateUrl, version, format, onAgreed, onClose }: AgreeProps) {
  const { texts } = format
  const say = texts.update
  const [loginWanted, setLoginWanted] = useState(false)
  const [problem, setProblem] = useState<string>()
  const send = async (form: HTMLFormElement): Promise<void> => {
    const fields = new FormData(form)
    const by = String(fields.get('by') ?? '').trim()
    try {
      await agree(`${updateUrl}/consent`, { version, by }, loginWanted ? loginIn(fields) : undefined)
      keep(NAME_KEY, by)
      onAgreed()
      onClose()
    } catch (error) {
      const unknown = error instanceof Refused && error.problem.status === 401
      setLoginWanted(unknown || loginWanted)
      const wanted = loginWanted ? texts.engraving.loginWrong : texts.engraving.loginWanted
      setProblem(unknown ? wanted : problemText(error, texts))
    }
  }
  return (
    <Dialog id="update-agree" title={say.agreeTitle(version)} onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault()
          void send(event.currentTarget)
        }}
      >
        <p>{say.agreeMeaning}</p>
        <label>
          <span>{say.name}</span>
          <input name="by" required maxLength={128} autocomplete="name" defaultValue={kept(NAME_KEY) ?? ''} />
        </label>
        {loginWanted && <LoginFields format={format} />}
        {problem !== undefined && (
          <p class="form-problem" role="alert">
            {problem}
          </p>
        )}
        <div class="tools">
          <button type="button" class="button" onClick={onClose}>
            {say.cancel}
          </button>
          <button type="submit" class="button button-main">
            {say.agree}
          </button>
        </div>
      </form>
    </Dialog>
  )
}

async function agree(
  url: string,
  order: { readonly version: string; readonly by: string },
  login: Login | undefined,
): Promise<void> {
  const headers = { 'content-type': 'application/json', ...authorization(login) }
  await asked(url, { method: 'POST', body: JSON.stringify(order), headers })
}
