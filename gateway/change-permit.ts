import type { AskPermit, Caller, Permit } from './api/permit.ts'
import type { Log } from './log.ts'
import type { Broker } from './mqtt/broker.ts'

/** What the way in by MQTT is asked. */
export type AskBroker = Pick<Broker, 'asksWho' | 'refusesCall'>

const BAD_LOGIN = 4
const LATER = 3
/** What a browser waits before it asks again, s; whoever guesses is told more by the answer's text. */
const RETRY_AFTER_S = 5

/**
 * Who may change something by HTTP: who may call the same command by MQTT, with the same name and password. Where the
 * broker asks nobody who they are it listens on this machine alone; then changes are for this machine alone, too.
 */
export function changePermit(broker: AskBroker | undefined, log: Log): AskPermit {
  return async (caller, command) => {
    const permit = broker?.asksWho === true ? await asUser(broker, caller, command) : asNeighbour(caller)
    const who = { command, address: caller.address, user: caller.login?.username }
    // As a command by MQTT leaves its trace.
    if (permit.allowed) log.info(who, 'change over HTTP')
    else log.warn({ ...who, problem: permit.detail }, 'change over HTTP refused')
    return permit
  }
}

function asNeighbour({ here }: Caller): Permit {
  if (here) return { allowed: true }
  const detail =
    'expected a request from the station’s own machine: from elsewhere only where mqtt.users_file says who may'
  return { allowed: false, status: 403, detail }
}

async function asUser(broker: AskBroker, { address, login }: Caller, command: string): Promise<Permit> {
  if (login === undefined) {
    return {
      allowed: false,
      status: 401,
      detail: `expected a user who may call ${command}, and the password`,
    }
  }
  const refusal = await broker.refusesCall({ ...login, address }, command)
  if (refusal === undefined) return { allowed: true, user: login.username }
  const detail = refusal.reason
  if (refusal.code === LATER) return { allowed: false, status: 429, detail, retryAfterS: RETRY_AFTER_S }
  return { allowed: false, status: refusal.code === BAD_LOGIN ? 401 : 403, detail }
}
