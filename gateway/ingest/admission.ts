import { hash } from 'node:crypto'
import { type InspectionMessage, inspectionMessage } from '../message.ts'
import { problemsOf } from '../problems.ts'

/**
 * What of a message has a column. The rest stands in the payload: its hundreds of numbers would outlive the check of
 * every batch that waits, for nobody.
 */
export interface Columns
  extends Pick<
    InspectionMessage,
    'id' | 'timestamp' | 'device_id' | 'epoch' | 'sequence' | 'site' | 'line' | 'station'
  > {
  readonly lot_id: string
  readonly sample_id: string
  readonly recipe_id: string
  readonly recipe_revision: number
  readonly verdict: string
  readonly action: string
  readonly grade: string | null
  readonly score: number | null
  readonly mass_g: number | null
  readonly volume_mm3: number | null
  readonly dry_run: boolean
  /** Chain hash of the inspection before. */
  readonly previous: string
  readonly hash: string
}

/** A message that may go into the store. */
export interface Admitted {
  readonly message: Columns
  /** As it came. */
  readonly payload: string
  /** Its bytes give the hash that it says. */
  readonly verified: boolean
}

/** Why a message is set aside. */
export type RefusalReason =
  | 'too_large'
  | 'not_json'
  | 'invalid'
  | 'misplaced'
  | 'hash'
  | 'foreign_history'
  | 'database'

/** A message that never goes into the store, and why. */
export interface Refused {
  readonly topic: string
  readonly payload: Uint8Array
  readonly reason: RefusalReason
  /** For a person: what was found, and what was expected. */
  readonly detail: string
}

export interface AdmissionRules {
  /** Bytes. */
  readonly maxBytes: number
  /** `required`: bytes that do not give their hash are refused; `noted`: they are taken, and said not to be verified. */
  readonly hashes: 'required' | 'noted'
}

/** A text that fits the topic's levels and nothing else. */
const TOPIC = /^poincon\/([a-z0-9-]{1,64})\/([a-z0-9-]{1,64})\/([a-z0-9-]{1,64})\/inspection$/

/** Looks at one message as it came from outside: nothing of it was checked before. */
export function admit(topic: string, payload: Uint8Array, rules: AdmissionRules): Admitted | Refused {
  const refuse = (reason: RefusalReason, detail: string): Refused => ({ topic, payload, reason, detail })
  if (payload.byteLength > rules.maxBytes)
    return refuse('too_large', `${payload.byteLength} bytes, at most ${rules.maxBytes} are taken`)
  const read = readJson(payload)
  if (!('value' in read)) return refuse('not_json', read.error)
  const parsed = inspectionMessage.safeParse(read.value, { reportInput: true })
  if (!parsed.success) {
    const [first] = problemsOf(parsed.error)
    return refuse('invalid', `${first?.path.join('.')}: ${shown(first?.value)}: ${first?.expectation}`)
  }
  const message = parsed.data
  const [, site, line, station] = TOPIC.exec(topic) ?? []
  if (site !== message.site || line !== message.line || station !== message.station)
    return refuse(
      'misplaced',
      `it says ${message.site}/${message.line}/${message.station} and came on ${topic}`,
    )
  const verified = givesItsHash(read.text, message.provenance.hash)
  if (!verified && rules.hashes === 'required')
    return refuse(
      'hash',
      `its bytes do not give ${message.provenance.hash}: changed on the way, or sent lean`,
    )
  return { message: columnsOf(message), payload: read.text, verified }
}

function columnsOf(message: InspectionMessage): Columns {
  const { recipe, verdict, provenance } = message
  const graded = verdict.kind === 'graded' ? verdict : undefined
  return {
    id: message.id,
    timestamp: message.timestamp,
    device_id: message.device_id,
    epoch: message.epoch,
    sequence: message.sequence,
    site: message.site,
    line: message.line,
    station: message.station,
    lot_id: message.lot_id,
    sample_id: message.sample_id,
    recipe_id: recipe.id,
    recipe_revision: recipe.revision,
    verdict: verdict.kind,
    action: verdict.action,
    grade: graded?.grade ?? null,
    score: graded?.score ?? null,
    mass_g: message.mass_g?.estimate ?? null,
    volume_mm3: message.vl53l8ch?.volume_mm3 ?? null,
    dry_run: message.dry_run ?? false,
    previous: provenance.previous,
    hash: provenance.hash,
  }
}

const UTF_8 = new TextDecoder('utf-8', { fatal: true })
/** How much of a value a reason shows. */
const SHOWN = 80

function shown(value: unknown): string {
  return (JSON.stringify(value) ?? 'missing').slice(0, SHOWN)
}

function readJson(
  payload: Uint8Array,
): { readonly text: string; readonly value: unknown } | { readonly error: string } {
  try {
    const text = UTF_8.decode(payload)
    return { text, value: JSON.parse(text) }
  } catch (error) {
    return { error: error instanceof Error ? error.message : String(error) }
  }
}

/**
 * A station sends the canonical JSON of its log, and `hash` is that of the same text without the member `hash`. In
 * canonical order `models` comes behind it, so the comma that goes is the one behind.
 */
function givesItsHash(text: string, claimed: string): boolean {
  const member = `"hash":"${claimed}",`
  const at = text.lastIndexOf(member)
  return at >= 0 && hash('sha256', text.slice(0, at) + text.slice(at + member.length)) === claimed
}
