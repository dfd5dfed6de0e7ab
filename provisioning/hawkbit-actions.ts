import { isDeepStrictEqual } from 'node:util'
import type { Deployment } from './hawkbit-messages.ts'
import type { Action, HawkbitState } from './hawkbit-state.ts'

/** An action as the server describes it. */
export interface Asked {
  readonly id: string
  readonly deployment: Deployment
  /** Its address, where it waits for somebody's yes. */
  readonly confirm?: string
}

/** How the server wants an action handled, as it is remembered. */
export function handlingOf({ deployment, confirm }: Asked): Pick<Action, 'soft' | 'closed' | 'confirm'> {
  return {
    soft: deployment.update === 'attempt',
    closed: deployment.update === 'skip' || deployment.maintenanceWindow === 'unavailable',
    ...(confirm !== undefined && { confirm }),
  }
}

/** Whether a target is this server's affair. */
export function concerns({ action, gone }: HawkbitState, path: string): boolean {
  return action?.items.some((item) => item.path === path) === true || gone?.paths.includes(path) === true
}

/** The action is over for the server: what has not been switched to is given up. */
export function leaving(state: HawkbitState, { id, items }: Action, why: string): HawkbitState {
  const { action: _, ...rest } = state
  return { ...rest, gone: { id, why, paths: items.filter(({ done }) => !done).map(({ path }) => path) } }
}

/** What is remembered, held against what the server says there is to do. */
export function known(state: HawkbitState, asked: Asked | undefined): HawkbitState {
  const { denied, ...undenied } = state
  const before = denied === undefined || denied === asked?.id ? state : undenied
  const { action } = before
  if (action === undefined) return before
  if (asked === undefined) return leaving(before, action, 'the hawkBit server asks for it no longer')
  if (asked.id !== action.id) return leaving(before, action, 'the hawkBit server asks for something else')
  const { confirm: _, ...kept } = action
  const after: Action = { ...kept, ...handlingOf(asked) }
  return isDeepStrictEqual(after, action) ? before : { ...before, action: after }
}
