import type { JSX } from 'preact'
import { useRef } from 'preact/hooks'
import { drawStroke, extended, type Place, type Stroke } from './strokes.ts'

/** Of the bitmap that is drawn on, px. */
export const SIDE = 640
/** As thick as what a hand draws on paper of that size. */
const INK_WIDTH = 10

/** What a stroke is drawn with. */
export function inked(context: CanvasRenderingContext2D): void {
  context.strokeStyle = '#000'
  context.lineWidth = INK_WIDTH
  context.lineCap = 'round'
  context.lineJoin = 'round'
}

type Hand = Pick<
  JSX.HTMLAttributes<HTMLCanvasElement>,
  'onPointerDown' | 'onPointerMove' | 'onPointerUp' | 'onPointerCancel'
>

interface Strokes {
  readonly began: () => void
  readonly ended: (stroke: Stroke) => void
}

/** One finger, pen or mouse at a time; what it draws stands there at once. */
export function useHand(canvas: { readonly current: HTMLCanvasElement | null }, strokes: Strokes): Hand {
  const active = useRef<{ readonly id: number; stroke: Stroke }>()
  const end = (event: PointerEvent): void => {
    const { current } = active
    if (current?.id !== event.pointerId) return
    active.current = undefined
    strokes.ended(current.stroke)
  }
  return {
    onPointerDown: (event) => {
      if (active.current !== undefined || event.button !== 0) return
      event.preventDefault()
      event.currentTarget.setPointerCapture(event.pointerId)
      active.current = { id: event.pointerId, stroke: extended([], placesOf(event)) }
      strokes.began()
      draft(canvas.current, active.current.stroke, 0)
    },
    onPointerMove: (event) => {
      const { current } = active
      if (current?.id !== event.pointerId) return
      const drawn = current.stroke.length
      current.stroke = extended(current.stroke, placesOf(event))
      draft(canvas.current, current.stroke, drawn)
    },
    onPointerUp: end,
    onPointerCancel: end,
  }
}

/** What is new of the stroke, and where it joins what is `drawn`; all of it is drawn anew when it ends. */
function draft(canvas: HTMLCanvasElement | null, stroke: Stroke, drawn: number): void {
  const context = canvas?.getContext('2d')
  if (context === null || context === undefined) return
  inked(context)
  drawStroke(context, stroke.slice(Math.max(0, drawn - 3)), SIDE)
}

/** All places since the last event: a browser gathers several for one picture of its screen. */
function placesOf(event: JSX.TargetedPointerEvent<HTMLCanvasElement>): readonly Place[] {
  const { left, top, width, height } = event.currentTarget.getBoundingClientRect()
  const gathered = event.getCoalescedEvents?.() ?? []
  const events: readonly PointerEvent[] = gathered.length === 0 ? [event] : gathered
  return events.map(({ clientX, clientY }) => ({
    x: (clientX - left) / width,
    y: (clientY - top) / height,
  }))
}
