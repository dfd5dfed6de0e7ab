import { useState } from 'preact/hooks'
import { Dialog } from './dialog.tsx'
import { type EngravingClient, type Login, Refused } from './engraving-client.ts'
import { problemText } from './engraving-problem.ts'
import type { Format } from './format.ts'
import { LoginFields, loginIn } from './login-fields.tsx'

interface ForgetProps {
  readonly client: EngravingClient
  readonly symbol: string
  readonly login: Login | undefined
  readonly onLogin: (login: Login) => void
  readonly onForgotten: () => void
  readonly onClose: () => void
  readonly format: Format
}

/** Asks once more before a symbol goes. */
export function ForgetDialog({ client, symbol, format, onClose, ...props }: ForgetProps) {
  const { texts } = format
  const say = texts.engraving
  const [loginWanted, setLoginWanted] = useState(false)
  const [problem, setProblem] = useState<string>()
  const send = async (form: HTMLFormElement): Promise<void> => {
    const login = loginWanted ? loginIn(new FormData(form)) : props.login
    try {
      await client.forget(symbol, login)
      if (login !== undefined) props.onLogin(login)
      props.onForgotten()
    } catch (error) {
      const unknown = error instanceof Refused && error.problem.status === 401
      if (unknown) setLoginWanted(true)
      const wanted = login === undefined ? say.loginWanted : say.loginWrong
      setProblem(unknown ? wanted : problemText(error, texts))
    }
  }
  return (
    <Dialog id="forget" title={say.forgetTitle(symbol)} onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault()
          void send(event.currentTarget)
        }}
      >
        <p>{say.forgetMeaning}</p>
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
            {say.forget}
          </button>
        </div>
      </form>
    </Dialog>
  )
}
