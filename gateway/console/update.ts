import { own } from './reasons.ts'
import type { UpdateTexts } from './update-texts.ts'
import type { UpdateStatus, UpdateView } from './wire-update.ts'

/** States that nobody needs to hear of. */
const QUIET: ReadonlySet<string> = new Set(['current', 'committed'])
/** How the updater begins to say that somebody has to agree. */
const CONSENT = 'consent'
const ENDED: ReadonlySet<string> = new Set(['failed', 'rolled_back'])

/** What stands in the line that tells of an update. */
export interface UpdateLine {
  /** `locked`: no part passes; `ended`: it went wrong; `ahead`: it comes. */
  readonly look: 'locked' | 'ended' | 'ahead'
  readonly words: readonly string[]
  /** The version to agree to, where somebody may. */
  readonly agree: string | undefined
  /** Names what can be hidden; undefined: it must be seen. */
  readonly hide: string | undefined
  /** 0..1 */
  readonly progress: number | undefined
}

/** @returns undefined where there is nothing to tell */
export function updateLine(view: UpdateView, texts: UpdateTexts): UpdateLine | undefined {
  const { status, lock, consent, trial } = view
  if (lock !== null) {
    const words = [trial ? texts.trial : texts.locked, moveText(status, texts) || lock.version]
    return { look: 'locked', words, agree: undefined, hide: undefined, progress: status?.progress }
  }
  if (status === null || QUIET.has(status.state)) return undefined
  const ended = ENDED.has(status.state)
  const waits = status.state === 'waiting' ? waitText(status, texts) : []
  return {
    look: ended ? 'ended' : 'ahead',
    words: [
      [titleOf(status, texts), moveText(status, texts)].filter((one) => one !== '').join(' '),
      ...(waits.length > 0 ? waits : [own(texts.states, status.state) ?? status.state]),
    ],
    agree: asksConsent(status) && consent === null ? status.to : undefined,
    hide: ended ? `${status.state} ${status.to ?? ''} ${status.since}` : undefined,
    progress: status.progress,
  }
}

/** Where nobody is asked, nobody's word would change anything. */
function asksConsent({ state, waiting_for: reasons = [] }: UpdateStatus): boolean {
  return state === 'waiting' && reasons.some((reason) => reason.startsWith(CONSENT))
}

function titleOf({ kind }: UpdateStatus, { title, kinds }: UpdateTexts): string {
  return kind === 'release' ? title : `${title} (${own(kinds, kind) ?? kind})`
}

/** `0.1.0 → 0.2.0` */
export function moveText(status: UpdateStatus | null, texts: UpdateTexts): string {
  return status === null ? '' : texts.move(status.from, status.to)
}

/** Why it waits: what the line says in the page's language, the rest as the updater says it. */
export function waitText({ waiting_for: reasons = [] }: UpdateStatus, texts: UpdateTexts): readonly string[] {
  if (reasons.length === 0) return []
  return [texts.waitsFor(reasons.map((reason) => reasonText(reason, texts)).join(', '))]
}

function reasonText(reason: string, { reasons }: UpdateTexts): string {
  const [begin, words] = reasons.find(([start]) => reason.startsWith(start)) ?? []
  return begin === undefined || words === undefined ? reason : words(reason.slice(begin.length))
}
