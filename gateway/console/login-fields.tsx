import type { Login } from './engraving-client.ts'
import type { Format } from './format.ts'

/** Where the station asks who somebody is. */
export function LoginFields({ format }: { readonly format: Format }) {
  const say = format.texts.engraving
  return (
    <>
      <label>
        <span>{say.user}</span>
        <input name="user" required autocomplete="username" />
      </label>
      <label>
        <span>{say.password}</span>
        <input name="password" type="password" required autocomplete="current-password" />
      </label>
    </>
  )
}

export function loginIn(fields: FormData): Login {
  return { username: String(fields.get('user') ?? ''), password: String(fields.get('password') ?? '') }
}
