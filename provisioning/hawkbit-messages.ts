import { z } from 'zod'
import type { UpdateStatus } from './status.ts'

const link = z.looseObject({ href: z.url() })

/** `GET /{tenant}/controller/v1/{controllerId}`: what there is to do, and when to ask again. */
export const controllerBase = z.looseObject({
  config: z.looseObject({ polling: z.looseObject({ sleep: z.string() }) }).optional(),
  _links: z
    .looseObject({
      deploymentBase: link.optional(),
      cancelAction: link.optional(),
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

/** `GET …/deploymentBase/{actionId}`: a distribution set, its software modules, their files. */
export const deploymentBase = z.looseObject({
  id: z.union([z.string(), z.int()]).transform(String),
  deployment: z.looseObject({
    /** `skip`: not to be downloaded now. */
    download: z.enum(['skip', 'attempt', 'forced']),
    /** `skip`: not to be installed now, its maintenance window is not open. */
    update: z.enum(['skip', 'attempt', 'forced']),
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
  }),
})
export type Deployment = z.infer<typeof deploymentBase>

/** `GET …/cancelAction/{actionId}`: which action is to be given up. */
export const cancelAction = z.looseObject({
  id: z.union([z.string(), z.int()]).transform(String),
  cancelAction: z.looseObject({ stopId: z.union([z.string(), z.int()]).transform(String) }),
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

export type Execution = 'closed' | 'proceeding' | 'scheduled' | 'rejected' | 'download'
export type Finished = 'success' | 'failure' | 'none'

export interface Feedback {
  readonly execution: Execution
  readonly finished: Finished
  readonly details: readonly string[]
}

/** hawkBit keeps so many messages of so many characters for each feedback. */
const MOST_DETAILS = 50
const LONGEST_DETAIL = 512

/** The body of a feedback; `id` and this form of `time` are what servers before 0.3 read. */
export function feedbackBody(actionId: string, said: Feedback, wallMs: number): object {
  const { execution, finished, details } = said
  return {
    id: actionId,
    time: new Date(wallMs).toISOString().slice(0, 19).replace(/[-:]/g, ''),
    status: {
      execution,
      result: { finished },
      details: details.slice(0, MOST_DETAILS).map((detail) => detail.slice(0, LONGEST_DETAIL)),
    },
  }
}

/** What the updater's state is to hawkBit; undefined: nothing that it knows. */
export function feedbackOf({ state, failure, waiting_for, to }: UpdateStatus): Feedback | undefined {
  const going = (execution: Execution, ...details: string[]): Feedback => ({
    ...{ execution, finished: 'none', details },
  })
  switch (state) {
    case 'downloading':
      return going('download', `downloading ${to ?? ''}`)
    case 'waiting':
      return going('scheduled', ...(waiting_for ?? []))
    case 'testing':
    case 'switching':
    case 'trial':
      return going('proceeding', state)
    case 'committed':
      return { execution: 'closed', finished: 'success', details: [`${to ?? ''} is in use`] }
    case 'rolled_back':
    case 'failed':
      return { execution: 'closed', finished: 'failure', details: [state, failure ?? ''] }
    default:
      return undefined
  }
}
