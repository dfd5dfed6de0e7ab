import { useEffect, useState } from 'preact/hooks'

const AFTER_FAILURE_MS = 10_000
const ANSWER_WITHIN_MS = 15_000

/** What a resource of the gateway said last. */
export interface Asked<T> {
  /** Undefined before the first answer. */
  readonly data: T | undefined
  /** The last question had no answer: what stands there is from before. */
  readonly failed: boolean
}

interface Question<T> {
  /** Asked anew with each question: it may name the present hour. */
  readonly url: () => string
  /** Another one is another question: what was answered before is forgotten. */
  readonly key: string
  readonly parse: (body: unknown) => T
  readonly everyMs: number
  readonly onProblem: (problem: unknown) => void
}

/** Asks again and again, for as long as the component stands. */
export function useAsked<T>({ url, key, parse, everyMs, onProblem }: Question<T>): Asked<T> {
  const [asked, setAsked] = useState<Asked<T> & { readonly key: string }>({
    ...{ key, data: undefined, failed: false },
  })
  useEffect(() => {
    const ended = new AbortController()
    let timer = 0
    const ask = async (): Promise<void> => {
      try {
        const data = parse(await answerOf(url(), ended.signal))
        if (!ended.signal.aborted) setAsked({ key, data, failed: false })
        timer = window.setTimeout(() => void ask(), everyMs)
      } catch (problem) {
        if (ended.signal.aborted) return
        onProblem(problem)
        setAsked((before) => ({ key, data: before.key === key ? before.data : undefined, failed: true }))
        timer = window.setTimeout(() => void ask(), AFTER_FAILURE_MS)
      }
    }
    void ask()
    return () => {
      ended.abort()
      clearTimeout(timer)
    }
  }, [key])
  return asked.key === key ? asked : { data: undefined, failed: false }
}

/** @throws where there is none in time, or it is no answer */
async function answerOf(url: string, ended: AbortSignal): Promise<unknown> {
  const signal = AbortSignal.any([ended, AbortSignal.timeout(ANSWER_WITHIN_MS)])
  const answer = await fetch(url, { signal, cache: 'no-store' })
  if (!answer.ok) throw new Error(`${url} answers ${answer.status}`)
  return await answer.json()
}
