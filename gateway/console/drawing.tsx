import { useCallback, useEffect, useRef, useState } from 'preact/hooks'
import type { Format } from './format.ts'
import { inked, SIDE, useHand } from './hand.ts'
import { blobOf, type OpenedPicture, openPicture } from './picture-file.ts'
import { drawStroke, fitted, type Stroke } from './strokes.ts'

/** A pause of the hand after which it is asked. */
const PAUSE_MS = 300

export interface Picture {
  readonly blob: Blob
}

interface DrawingProps {
  readonly format: Format
  /** What stands there now; undefined: nothing. */
  readonly onPicture: (picture: Picture | undefined) => void
  /** A file that cannot even be sent. */
  readonly onTooLarge: () => void
}

/** What stands on the drawing: strokes, or a picture that somebody gave. */
type Sheet =
  | { readonly kind: 'strokes'; readonly strokes: readonly Stroke[] }
  | { readonly kind: 'file'; readonly name: string; readonly opened: OpenedPicture }

const EMPTY: Sheet = { kind: 'strokes', strokes: [] }

/** A sheet to draw on with finger, pen or mouse; a picture may be opened, dropped or pasted in its place. */
export function Drawing({ format, onPicture, onTooLarge }: DrawingProps) {
  const canvas = useRef<HTMLCanvasElement>(null)
  const [sheet, setSheet] = useState<Sheet>(EMPTY)
  const [busy, setBusy] = useState(false)
  const say = format.texts.engraving
  const strokes = sheet.kind === 'strokes' ? sheet.strokes : []
  useEffect(() => paint(canvas.current, sheet), [sheet])
  useOffered(canvas, { sheet, busy, onPicture })

  const open = useCallback(
    async (file: File | null | undefined): Promise<void> => {
      if (file === null || file === undefined) return
      const opened = await openPicture(file)
      if (opened === undefined) onTooLarge()
      setSheet(opened === undefined ? EMPTY : { kind: 'file', name: file.name, opened })
    },
    [onTooLarge],
  )
  usePasted(open)
  const hand = useHand(canvas, {
    began: () => setBusy(true),
    ended: (stroke) => {
      setBusy(false)
      setSheet((before) => ({
        kind: 'strokes',
        strokes: before.kind === 'strokes' ? [...before.strokes, stroke] : [stroke],
      }))
    },
  })
  const empty = sheet.kind === 'strokes' && strokes.length === 0
  return (
    <section
      class="panel drawing"
      id="drawing"
      aria-labelledby="drawing-title"
      onDragOver={(event) => event.preventDefault()}
      onDrop={(event) => {
        event.preventDefault()
        void open(event.dataTransfer?.files[0])
      }}
    >
      <header>
        <h2 id="drawing-title">{say.drawing}</h2>
        <p class="note">{say.openHint}</p>
      </header>
      <div class="sheet">
        <canvas
          ref={canvas}
          class={sheet.kind === 'file' ? 'of-file' : ''}
          width={SIDE}
          height={SIDE}
          role="img"
          aria-label={
            sheet.kind === 'file' ? say.shown(sheet.name) : empty ? say.drawHere : say.drawn(strokes.length)
          }
          {...hand}
        />
        {empty && !busy && (
          <p class="sheet-hint" aria-hidden="true">
            {say.drawHere}
          </p>
        )}
      </div>
      <Tools
        {...{ format, open }}
        onUndo={strokes.length === 0 ? undefined : () => setSheet(withoutLast(sheet))}
        onClear={empty ? undefined : () => setSheet(EMPTY)}
      />
    </section>
  )
}

interface ToolsProps {
  readonly format: Format
  readonly open: (file: File | undefined) => Promise<void>
  readonly onUndo: (() => void) | undefined
  readonly onClear: (() => void) | undefined
}

function Tools({ format, open, onUndo, onClear }: ToolsProps) {
  const say = format.texts.engraving
  return (
    <div class="tools">
      <button type="button" class="button" disabled={onUndo === undefined} onClick={onUndo}>
        {say.undo}
      </button>
      <button type="button" class="button" disabled={onClear === undefined} onClick={onClear}>
        {say.clear}
      </button>
      <label class="button file-button">
        {say.open}
        <input
          type="file"
          class="visually-hidden"
          accept="image/png,image/jpeg"
          onChange={({ currentTarget }) => {
            void open(currentTarget.files?.[0])
            // The same file again is another choice.
            currentTarget.value = ''
          }}
        />
      </label>
    </div>
  )
}

function withoutLast(sheet: Sheet): Sheet {
  return sheet.kind === 'strokes' ? { kind: 'strokes', strokes: sheet.strokes.slice(0, -1) } : EMPTY
}

/** Black on white in any light: the sheet is turned dark by the style alone. */
function paint(canvas: HTMLCanvasElement | null, sheet: Sheet): void {
  const context = canvas?.getContext('2d')
  if (context === null || context === undefined) return
  context.fillStyle = '#fff'
  context.fillRect(0, 0, SIDE, SIDE)
  if (sheet.kind === 'file') {
    const { bitmap } = sheet.opened
    if (bitmap === undefined) return
    const { x, y, width, height } = fitted(bitmap.width, bitmap.height, SIDE)
    context.drawImage(bitmap, x, y, width, height)
    return
  }
  inked(context)
  for (const stroke of sheet.strokes) drawStroke(context, stroke, SIDE)
}

interface Offer extends Pick<DrawingProps, 'onPicture'> {
  readonly sheet: Sheet
  /** A stroke is being drawn. */
  readonly busy: boolean
}

/** Tells what stands there, a pause after the last stroke; a file and an empty sheet at once. */
function useOffered(
  canvas: { readonly current: HTMLCanvasElement | null },
  { sheet, busy, onPicture }: Offer,
): void {
  useEffect(() => {
    if (busy) return
    if (sheet.kind === 'file') {
      onPicture({ blob: sheet.opened.blob })
      return
    }
    if (sheet.strokes.length === 0) {
      onPicture(undefined)
      return
    }
    let over = false
    const timer = setTimeout(() => {
      if (canvas.current === null) return
      void blobOf(canvas.current).then((blob) => {
        if (!over) onPicture({ blob })
      })
    }, PAUSE_MS)
    return () => {
      over = true
      clearTimeout(timer)
    }
  }, [canvas, sheet, busy, onPicture])
}

/** A picture out of the clipboard, wherever on the page it is pasted; a text belongs to the field it is pasted into. */
function usePasted(open: (file: File | undefined) => Promise<void>): void {
  useEffect(() => {
    const pasted = (event: ClipboardEvent): void => {
      const [file] = event.clipboardData?.files ?? []
      if (file !== undefined) void open(file)
    }
    window.addEventListener('paste', pasted)
    return () => window.removeEventListener('paste', pasted)
  }, [open])
}
