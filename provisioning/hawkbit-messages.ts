import { z } from 'zod'
import type { UpdateStatus } from './status.ts'

/** An address that a server may name; never one of this machine's own files. */
export const webUrl = z.url({ protocol: /^https?$/ })

const link = z.looseObject({ href: webUrl })

/** `GET /{tenant}/controller/v1/{controllerId}`: what there is to do, and when to ask again. */
export const controllerBase = z.looseObject({
  config: z.looseObject({ polling: z.looseObject({ sleep: z.string() }) }).optional(),
  _links: z
    .looseObject({
      deploymentBase: link.optional(),
      cancelAction: link.optional(),
      /** Instead of `deploymentBase`: the action runs only once somebody at the device has agreed. */
      confirmationBase: link.optional(),
      configData: link.optional(),
    })
    .optional(),
})
export type ControllerBase = z.infer<typeof controllerBase>

const artifact = z.looseObject({
  filename: z.string().min(1).max(255),
  hashes: z.looseObject({ sha256: z.string().optional() }).optional(),
  size: z.int().nonnegative(),
  _links: z.looseObject({ download: link.optional(), 'download-http': link.optional() }),
})
export type Artifact = z.infer<typeof artifact>

/** `attempt`: a soft one, the device may ask its people first; `skip`: not now. */
const handling = z.enum(['skip', 'attempt', 'forced'])
const id = z.union([z.string(), z.int()]).transform(String)

/** A distribution set, its software modules, their files. */
const deployment = z.looseObject({
  download: handling,
  update: handling,
  /** Only where the action has a schedule of its own. */
  maintenanceWindow: z.enum(['available', 'unavailable']).nullish(),
  chunks: z
    .array(
      z.looseObject({
        part: z.string().optional(),
        name: z.string(),
        version: z.string(),
        artifacts: z.array(artifact).max(100).default([]),
      }),
    )
    .max(100),
})
export type Deployment = z.infer<typeof deployment>

/** `GET …/deploymentBase/{actionId}`. */
export const deploymentBase = z.looseObject({ id, deployment })
/** `GET …/confirmationBase/{actionId}`: the same, of an action that waits for somebody's yes. */
export const confirmationBase = z
  .looseObject({ id, confirmation: deployment })
  .transform(({ id, confirmation }) => ({ id, deployment: confirmation }))

/** `GET …/cancelAction/{actionId}`: which action is to be given up. */
export const cancelAction = z.looseObject({
  id,
  cancelAction: z.looseObject({ stopId: id }),
})

/**
 * The server's pause between two polls.
 * @param text `HH:MM:SS`
 * @returns ms, at least 10 s and at most a day; undefined for what is no such time
 */
export function pollMs(text: string | undefined): number | undefined {
  const [, hours, minutes, seconds] = /^(\d{1,3}):([0-5]\d):([0-5]\d)$/.exec(text ?? '') ?? []
  if (hours === undefined) return undefined
  const ms = ((Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds)) * 1000
  return Math.min(86_400_000, Math.max(10_000, ms))
}

/**
 * RFC 9110 §10.2.3: seconds, or a date.
 * @returns ms, at most a day; undefined: it does not say
 */
export function pauseMs(said: string | undefined, wallMs: number): number | undefined {
  if (said === undefined) return undefined
  const ms = /^\d+$/.test(said) ? Number(said) * 1000 : Date.parse(said) - wallMs
  return Number.isFinite(ms) ? Math.min(86_400_000, Math.max(0, ms)) : undefined
}

export const EXECUTIONS = ['closed', 'proceeding', 'scheduled', 'rejected', 'download'] as const
export const RESULTS = ['success', 'failure', 'none'] as const

export interface Feedback {
  readonly execution: (typeof EXECUTIONS)[number]
  readonly finished: (typeof RESULTS)[number]
  /** Steps done. */
  readonly done?: number | undefined
  readonly details: readonly string[]
}

/** hawkBit keeps so many messages of so many characters for each feedback. */
const MOST_DETAILS = 50
const LONGEST_DETAIL = 512
/** Of an update: downloading, testing, waiting, switching, on trial. */
const STEPS = 5

function cut(details: readonly string[]): string[] {
  const said = details.filter((detail) => detail !== '')
  return said.slice(0, MOST_DETAILS).map((detail) => detail.slice(0, LONGEST_DETAIL))
}

/** The body of a feedback; `id` and this form of `time` are what servers before 0.3 read. @param atMs when it was so */
export function feedbackBody(actionId: string, said: Feedback, atMs: number): object {
  const { execution, finished, done, details } = said
  return {
    id: actionId,
    time: new Date(atMs).toISOString().slice(0, 19).replace(/[-:]/g, ''),
    timestamp: atMs,
    status: {
      execution,
      result: { finished, ...(done !== undefined && { progress: { cnt: done, of: STEPS } }) },
      details: cut(details),
    },
  }
}

/** The answer to an action that waits for somebody's yes. */
export function confirmationBody(confirmation: 'confirmed' | 'denied', details: readonly string[]): object {
  return { confirmation, details: cut(details) }
}

/** What the updater's state is to hawkBit; undefined: nothing that it knows. */
export function feedbackOf({ state, failure, waiting_for, from, to }: UpdateStatus): Feedback | undefined {
  const going = (execution: Feedback['execution'], done: number, ...details: string[]): Feedback => ({
    ...{ execution, finished: 'none', done, details },
  })
  switch (state) {
    case 'downloading':
      return going('download', 0, `downloading ${to ?? ''}`)
    case 'testing':
      return going('proceeding', 1, 'testing')
    case 'waiting':
      // Before the line was looked at there is nothing to say.
      return waiting_for === undefined ? undefined : going('scheduled', 2, 'waiting', ...waiting_for)
    case 'switching':
      return going('proceeding', 3, 'switching')
    case 'trial':
      return going('proceeding', 4, 'on trial')
    case 'committed':
      return { execution: 'closed', finished: 'success', details: [`${to ?? ''} is in use`] }
    case 'rolled_back':
      return {
        execution: 'closed',
        finished: 'failure',
        details: [`rolled back to ${from ?? ''}`, failure ?? ''],
      }
    case 'failed':
      return { execution: 'closed', finished: 'failure', details: ['failed', failure ?? ''] }
    default:
      return undefined
  }
}
