import { useCallback, useEffect, useRef, useState } from 'preact/hooks'
import { DARK, LIGHT, type Palette } from './palette.ts'
import { type Room, roomOf } from './rooms.ts'

/** Monotonic ms, anew every `everyMs`. */
export function useNow(everyMs: number): number {
  const [now, setNow] = useState(() => performance.now())
  useEffect(() => {
    const timer = setInterval(() => setNow(performance.now()), everyMs)
    return () => clearInterval(timer)
  }, [everyMs])
  return now
}

/** The room that the address names, anew when it changes: links and the browser's own way back do. */
export function useRoom(): Room {
  const [room, setRoom] = useState(() => roomOf(location.hash))
  useEffect(() => {
    const change = (): void => setRoom(roomOf(location.hash))
    window.addEventListener('hashchange', change)
    return () => window.removeEventListener('hashchange', change)
  }, [])
  return room
}

/** The colours of the system's setting, anew when a person changes it. */
export function usePalette(): Palette {
  const [palette, setPalette] = useState(() => preferred(matchMedia(DARK_SCHEME)))
  useEffect(() => {
    const scheme = matchMedia(DARK_SCHEME)
    const change = (): void => setPalette(preferred(scheme))
    scheme.addEventListener('change', change)
    return () => scheme.removeEventListener('change', change)
  }, [])
  return palette
}

const DARK_SCHEME = '(prefers-color-scheme: dark)'

function preferred(scheme: MediaQueryList): Palette {
  return scheme.matches ? DARK : LIGHT
}

/** The text, but changed at most every `ms`: a screen reader cannot speak twenty verdicts a second. */
export function useUnhurried(text: string, ms: number): string {
  const [said, setSaid] = useState({ text, at: Number.NEGATIVE_INFINITY })
  useEffect(() => {
    if (said.text === text) return
    const wait = Math.max(0, said.at + ms - performance.now())
    const timer = setTimeout(() => setSaid({ text, at: performance.now() }), wait)
    return () => clearTimeout(timer)
  }, [text, said, ms])
  return said.text
}

/**
 * State from events: every event counts at once, but the page is drawn anew at most every `ms`. Nobody reads faster,
 * and a small panel without a graphics chip draws its charts in software.
 */
export function usePaced<State, Event>(
  reduce: (state: State, event: Event) => State,
  initial: State,
  ms: number,
): readonly [State, (event: Event) => void] {
  const [shown, setShown] = useState(initial)
  const latest = useRef({ state: initial, shownAt: Number.NEGATIVE_INFINITY, timer: 0 })
  useEffect(() => () => clearTimeout(latest.current.timer), [])
  const tell = useCallback(
    (event: Event) => {
      const { current } = latest
      current.state = reduce(current.state, event)
      if (current.timer !== 0) return
      const wait = Math.max(0, current.shownAt + ms - performance.now())
      current.timer = window.setTimeout(() => {
        current.timer = 0
        current.shownAt = performance.now()
        setShown(current.state)
      }, wait)
    },
    [reduce, ms],
  )
  return [shown, tell]
}
