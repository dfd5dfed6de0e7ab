import { DEVICE_REBIRTH, DEVICE_REBIRTH_ALIAS, NODE_REBIRTH } from './node-metrics.ts'
import { type Command, decodeCommand } from './payload.ts'

export interface Wish {
  readonly rebirth: boolean
  /** What there is not, or what is not understood. */
  readonly refused: readonly string[]
}

/** Reads a command to the node or the device: rebirth is all that can be written to. Never throws. */
export function wishOf(to: 'node' | 'device', payload: Uint8Array): Wish {
  let command: Command
  try {
    command = decodeCommand(payload)
  } catch (error) {
    return { rebirth: false, refused: [error instanceof Error ? error.message : String(error)] }
  }
  const refused: string[] = []
  let rebirth = false
  for (const { name, alias, booleanValue } of command.metrics) {
    const known =
      to === 'node'
        ? name === NODE_REBIRTH
        : name === DEVICE_REBIRTH || (!name && alias === DEVICE_REBIRTH_ALIAS)
    if (known && booleanValue !== undefined) rebirth ||= booleanValue
    else refused.push((name ?? `alias ${alias}`).slice(0, 128))
  }
  return { rebirth, refused }
}
