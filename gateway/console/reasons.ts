import { LABEL_RULES, LIMIT_ENDINGS, type ReasonTexts } from './reason-texts.ts'
import type { Inspection } from './wire.ts'

type Verdict = Inspection['verdict']
type Finding = NonNullable<Verdict['findings']>[number]

/** What cost less than this of the score is not worth a word. */
const LEAST_COST = 0.02

/**
 * Reasons and findings whose codes a person must read, the weightiest first: of a part without a grade why there is
 * none; of a graded one what no score makes good, then what cost points, then the labels it cannot bear.
 */
export function toldCodes({ grade, action, reasons, findings = [] }: Verdict): readonly string[] {
  if (grade === undefined && reasons.length > 0) return reasons
  const codes = new Set(findings.map(({ code }) => code))
  // The reasons of a graded part repeat its findings.
  const others = reasons.filter((reason) => !codes.has(reason))
  const legal = findings.filter(({ code }) => code.endsWith('_legal') || code === 'colour_critical')
  const costly = dearestFirst(findings.filter((one) => cost(one) >= LEAST_COST))
  const labels = action === 'accept' ? findings.filter(({ code }) => labelRuleOf(code) !== undefined) : []
  const told = [...others, ...[...legal, ...costly, ...labels].map(({ code }) => code)]
  // A reject by many small things, or by a defect that takes no points, still has its reason.
  if (told.length === 0 && action !== 'accept') return dearestFirst(findings).map(({ code }) => code)
  return [...new Set(told)]
}

function cost({ contribution = 1 }: Finding): number {
  return contribution
}

function dearestFirst(findings: readonly Finding[]): readonly Finding[] {
  return [...findings].sort((a, b) => cost(b) - cost(a))
}

/** A reason or finding in words; a code without words is made readable. */
export function nameOf(code: string, texts: ReasonTexts): string {
  const known = own(texts.findings, code) ?? own(texts.reasons, code)
  return (
    known ?? thicknessName(code, texts) ?? labelName(code, texts) ?? limitName(code, texts) ?? readable(code)
  )
}

/** Names come from recipes: one that every object has, such as `constructor`, is no word. */
export function own(words: Readonly<Record<string, string>>, key: string): string | undefined {
  return Object.hasOwn(words, key) ? words[key] : undefined
}

function thicknessName(code: string, { classes, thicknessClass }: ReasonTexts): string | undefined {
  const [, name] = /^thickness_(?!(?:low|high|below_legal|above_legal)$)(.+)$/.exec(code) ?? []
  return name === undefined ? undefined : thicknessClass(own(classes, name) ?? name.replaceAll('_', ' '))
}

function labelName(code: string, { labels, labelRules, notOfLabel }: ReasonTexts): string | undefined {
  const rule = labelRuleOf(code)
  if (rule === undefined) return undefined
  const label = code.slice(0, -rule.length - 1)
  return notOfLabel(own(labels, label) ?? readable(label), labelRules[rule])
}

function labelRuleOf(code: string): (typeof LABEL_RULES)[number] | undefined {
  return LABEL_RULES.find((rule) => code.length > rule.length + 1 && code.endsWith(`_${rule}`))
}

function limitName(code: string, { measures, endings }: ReasonTexts): string | undefined {
  const ending = LIMIT_ENDINGS.find((one) => code.length > one.length + 1 && code.endsWith(`_${one}`))
  if (ending === undefined) return undefined
  const measure = code.slice(0, -ending.length - 1)
  return endings[ending](own(measures, measure) ?? readable(measure))
}

/** `new_kind_of-limit` → `New kind of limit` */
export function readable(code: string): string {
  const text = code.replaceAll(/[_-]+/g, ' ').trim()
  return text.charAt(0).toUpperCase() + text.slice(1)
}
