import type { BusFault } from '../bus.ts'
import type { LineFault } from '../gpio.ts'
import type { Button, Output } from './options.ts'
import type { ButtonPiece, OutputPiece } from './pieces.ts'

/** What is wrong with one piece of the panel. */
export interface PanelFault {
  readonly piece: Output | Button
  /** `gpiochip0/17`, or `expander main/3`. */
  readonly place: string
  /** `stuck`: a button that was pressed from the beginning, or for more than 30 s; it is ignored until released. */
  readonly fault: LineFault | BusFault | 'stuck'
  readonly detail: string
}

export interface PanelHealth {
  /** `failed`: nothing of it works. */
  readonly state: 'ok' | 'degraded' | 'failed'
  readonly faults: readonly PanelFault[]
}

/** What is wrong with which piece: the broken ones first, then the buttons that are stuck. */
export function healthOf(outputs: readonly OutputPiece[], buttons: readonly ButtonPiece[]): PanelHealth {
  const pieces = [...outputs, ...buttons]
  const broken = pieces.flatMap((piece): PanelFault[] => {
    const fault = piece.fault()
    if (fault === undefined) return []
    return [{ piece: piece.name, place: piece.place, fault: fault.fault, detail: fault.message }]
  })
  const stuck = buttons.flatMap((piece): PanelFault[] => {
    if (!piece.button.stuck || piece.fault() !== undefined) return []
    const detail = 'pressed from the beginning, or for more than 30 s'
    return [{ piece: piece.name, place: piece.place, fault: 'stuck', detail }]
  })
  const faults = [...broken, ...stuck]
  if (faults.length === 0) return { state: 'ok', faults }
  return { state: faults.length < pieces.length ? 'degraded' : 'failed', faults }
}
