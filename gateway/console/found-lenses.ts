import { useEffect, useState } from 'preact/hooks'
import type { EngravingClient } from './engraving-client.ts'
import type { LensPage } from './wire-engraving.ts'

/** A pause in typing after which it is asked. */
const PAUSE_MS = 300
const PAGE = '50'

interface Found {
  readonly page: LensPage | undefined
  readonly problem: unknown
  /** Asks for the next page; undefined on the last one. */
  readonly more: (() => void) | undefined
}

/** The lenses that answer to a question, anew when it or `round` changes. */
export function useLenses(
  client: EngravingClient,
  query: Readonly<Record<string, string>> | undefined,
  round: number,
): Found {
  const key = `${round} ${JSON.stringify(query)}`
  const [found, setFound] = useState<{
    readonly key: string
    readonly page?: LensPage
    readonly problem?: unknown
  }>({
    key: '',
  })
  useEffect(() => {
    if (query === undefined) return
    const ended = new AbortController()
    const timer = setTimeout(() => {
      client.lenses({ ...query, limit: PAGE }, ended.signal).then(
        (page) => setFound({ key, page }),
        (problem: unknown) => {
          if (!ended.signal.aborted) setFound({ key, problem })
        },
      )
    }, PAUSE_MS)
    return () => {
      ended.abort()
      clearTimeout(timer)
    }
  }, [client, key])
  if (query === undefined || found.key !== key)
    return { page: undefined, problem: undefined, more: undefined }
  const { page, problem } = found
  const next = page?.next_after
  const more = async (after: number): Promise<void> => {
    const following = await client.lenses(
      { ...query, limit: PAGE, after: String(after) },
      new AbortController().signal,
    )
    const lenses = [...(page?.lenses ?? []), ...following.lenses]
    setFound((now) => (now.key === key ? { key, page: { ...following, lenses } } : now))
  }
  const ask = (after: number): void => {
    more(after).catch((error: unknown) => setFound({ key, problem: error }))
  }
  return { page, problem, more: next === undefined ? undefined : () => ask(next) }
}
