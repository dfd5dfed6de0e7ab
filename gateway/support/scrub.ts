const HIDDEN = '(secret)'
/** Shorter ones are words that stand everywhere; nobody guards anything with them. */
const SHORTEST = 4

// RFC 7468 §2, private keys of every kind; one that a limit cut off ends with the text.
const PRIVATE_KEY = /-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z0-9 ]*PRIVATE KEY-----|$)/g
// The same in JSON, where a line's end is two characters.
const USER_IN_URL = /([a-z][a-z0-9+.-]*:\/\/)[^/\s"']*@/gi
// RFC 9110 §11.6.2, and what our own header names carry.
const CREDENTIALS = /\b(Basic|Bearer|Token) +[A-Za-z0-9._~+/=-]{8,}/g
// PHC strings: `$scrypt$…`, `$argon2id$…`; and those of mosquitto and shadow files.
const HASHED = /\$(?:scrypt|argon2(?:id|i|d)?|pbkdf2[a-z0-9-]*|[1-9][a-z]?)\$[A-Za-z0-9./+=,$-]{12,}/g

/**
 * What takes secrets out of text before it leaves the machine: each of `secrets`, also as JSON, base64 and in a URL would
 * write it, and whatever looks like a private key, credentials of a request, a hashed password or who is in a URL.
 * @param secrets as they stand in files and configuration; those below 4 characters are no secrets
 */
export function scrubber(secrets: readonly string[]): (text: string) => string {
  const forms = secrets
    .filter((secret) => secret.length >= SHORTEST)
    .flatMap((secret) => [
      secret,
      JSON.stringify(secret).slice(1, -1),
      encodeURIComponent(secret),
      Buffer.from(secret).toString('base64').replace(/=+$/, ''),
      Buffer.from(secret).toString('hex'),
    ])
  // The longest first: what is left of a long one when a short one inside it is gone would still say most of it.
  const known = [...new Set(forms)].sort((a, b) => b.length - a.length)
  return (text) =>
    known
      .reduce((left, secret) => left.replaceAll(secret, HIDDEN), text)
      .replace(PRIVATE_KEY, HIDDEN)
      .replace(USER_IN_URL, '$1')
      .replace(CREDENTIALS, `$1 ${HIDDEN}`)
      .replace(HASHED, HIDDEN)
}
