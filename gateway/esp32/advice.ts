import { type OldAdvice, oldAdvice } from './block.ts'

/** Words of the old system for a grade (facts §3): long, in French, a reject spelt in two ways. */
const REJECT = /REJE(C)?T/i
const LETTER = /\b(A\+|A|B|C)(?![\w+])/

const { vl53l8ch, as7341, fusion } = oldAdvice.shape

/**
 * What the device concluded, as far as it is understood. Nothing follows from it, so what is not understood is left out
 * and refuses no measurement.
 */
export function adviceOf(message: {
  readonly vl53l8ch?: unknown
  readonly as7341?: unknown
  readonly fusion?: unknown
}): OldAdvice {
  const advice: OldAdvice = {}
  const ranging = understood(vl53l8ch.unwrap().shape, analysisOf(message.vl53l8ch))
  const spectral = understood(as7341.unwrap().shape, analysisOf(message.as7341))
  const together = understood(fusion.unwrap().shape, message.fusion)
  if (ranging !== undefined) advice.vl53l8ch = vl53l8ch.unwrap().parse(ranging)
  if (spectral !== undefined) advice.as7341 = as7341.unwrap().parse(spectral)
  if (together !== undefined) advice.fusion = fusion.unwrap().parse(together)
  return advice
}

function analysisOf(block: unknown): unknown {
  const analysis = memberOf(block, 'analysis')
  return analysis === undefined || analysis === null ? block : analysis
}

interface Fields {
  readonly [name: string]: { safeParse(value: unknown): { success: boolean; data?: unknown } }
}

/** Member by member: one that is out of its range does not take the others with it. */
function understood(fields: Fields, said: unknown): Record<string, unknown> | undefined {
  const entries = Object.entries(fields).flatMap(([name, field]) => {
    const value = memberOf(said, name)
    const parsed = field.safeParse(name.endsWith('grade') ? gradeOf(value) : value)
    return parsed.success && parsed.data !== undefined ? [[name, parsed.data] as const] : []
  })
  return entries.length === 0 ? undefined : Object.fromEntries(entries)
}

function gradeOf(value: unknown): unknown {
  if (typeof value !== 'string') return undefined
  return REJECT.test(value) ? 'REJECT' : LETTER.exec(value)?.[1]
}

function memberOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, name)
    ? Reflect.get(value, name)
    : undefined
}
