import { createHash } from 'node:crypto'
import type { Trace, TracedPart } from '../proof/trace-record.ts'
import { type Language, TRACE_TEXTS, type TraceTexts } from './trace-texts.ts'

const STYLE = `
:root{color-scheme:light dark}
body{font:16px/1.45 system-ui,sans-serif;margin:0 auto;max-width:42rem;padding:1rem}
h1{font-size:1.5rem;margin:.2rem 0;overflow-wrap:anywhere}h2{font-size:1.1rem;margin:1.6rem 0 .4rem}
p.place{margin:0;opacity:.75}dl{display:grid;grid-template-columns:max-content 1fr;gap:.2rem .9rem;margin:0}
dt{opacity:.75}dd{margin:0;overflow-wrap:anywhere}table{border-collapse:collapse;width:100%}
th,td{padding:.25rem .5rem .25rem 0;text-align:left;vertical-align:top;border-bottom:1px solid #8884}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}small,code{font-size:.8rem;overflow-wrap:anywhere}
`

/** The page has one style and no script, and nobody may frame it. */
export const TRACE_POLICY = [
  "default-src 'none'",
  `style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'`,
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

/** The history of a lot or a part for a person with a phone. */
export function tracePage(trace: Trace, language: Language): string {
  const texts = TRACE_TEXTS[language]
  const { kind, id, site, line, station, lot } = trace
  const title = kind === 'lot' ? `${texts.lot} ${id}` : `${texts.part} ${trace.parts[0]?.sequence ?? ''}`
  return `<!doctype html>
<html lang="${language}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<title>${html(title)}</title><style>${STYLE}</style></head><body><main>
<h1>${html(title)}</h1><p class="place">${html(`${site} · ${line} · ${station}`)}</p>
${lot === undefined ? '' : lotSection(lot, texts, language)}
${partsSection(trace, texts, language)}
${sourcesSection(trace, texts, language)}
${checkpointSection(trace, texts, language)}
</main></body></html>
`
}

function lotSection(lot: NonNullable<Trace['lot']>, texts: TraceTexts, language: Language): string {
  const { totals } = lot
  const number = new Intl.NumberFormat(language)
  const grades = Object.entries(totals.grades).filter(([, count]) => count > 0)
  return `<h2>${texts.lot}</h2>${list([
    [texts.lot, lot.id],
    [texts.started, time(lot.started_at, language)],
    [texts.closed, lot.closed_at === undefined ? texts.open : time(lot.closed_at, language)],
    [texts.parts, number.format(totals.parts)],
    ...Object.entries(totals.actions).map(([action, count]) => [
      texts.actions[actionIn(action)],
      number.format(count),
    ]),
    ...grades.map(([grade, count]) => [`${texts.grade} ${grade}`, number.format(count)]),
    ...(totals.ungraded > 0 ? [[texts.ungraded, number.format(totals.ungraded)]] : []),
    ...(totals.overridden > 0 ? [[texts.overridden, number.format(totals.overridden)]] : []),
  ])}`
}

function partsSection(
  { parts, parts_not_listed: others }: Trace,
  texts: TraceTexts,
  language: Language,
): string {
  const rows = parts.map(
    (part) =>
      `<tr><td class="n">${part.sequence}</td><td>${time(part.timestamp, language)}</td><td>${html(verdict(part, texts))}</td></tr>`,
  )
  const rest = others === 0 ? '' : `<p>${texts.notListed(others)}</p>`
  return `<h2>${texts.verdicts}</h2><table><tr><th class="n">${texts.number}</th><th>${texts.when}</th><th>${texts.verdict}</th></tr>
${rows.join('\n')}</table>${rest}`
}

function verdict({ grade, action, overridden }: TracedPart, texts: TraceTexts): string {
  const said = [grade ?? texts.ungraded, texts.actions[action]].join(', ')
  if (overridden === undefined) return said
  return `${said}; ${texts.instead}: ${[overridden.grade ?? texts.ungraded, texts.actions[overridden.action]].join(', ')}`
}

function sourcesSection(
  { recipes, calibrations, software }: Trace,
  texts: TraceTexts,
  language: Language,
): string {
  return `<h2>${texts.sources}</h2>${list([
    ...recipes.map(({ id, revision }) => [texts.recipe, `${id}, ${texts.revision} ${revision}`]),
    ...calibrations.map(({ id, kind, taken_at: at }) => [
      texts.calibration,
      kind === undefined || at === undefined
        ? id
        : `${texts.calibrations[kind] ?? kind}, ${time(at, language)}`,
    ]),
    ...software.map((version) => [texts.software, version]),
  ])}`
}

function checkpointSection({ checkpoint }: Trace, texts: TraceTexts, language: Language): string {
  if (checkpoint === null) return `<h2>${texts.proof}</h2><p>${texts.notSigned}</p>`
  return `<h2>${texts.proof}</h2><p>${texts.signed}</p>${list([
    [texts.checkpoint, `${checkpoint.number}, ${time(checkpoint.at, language)}`],
    [texts.device, checkpoint.device_id],
    [texts.key, checkpoint.key_id],
    [texts.hash, checkpoint.hash],
  ])}`
}

function list(rows: readonly (readonly string[])[]): string {
  return `<dl>${rows.map(([name = '', value = '']) => `<dt>${html(name)}</dt><dd>${html(value)}</dd>`).join('')}</dl>`
}

/** The station does not know where its reader is: UTC, and says so. */
function time(at: string, language: Language): string {
  const format = new Intl.DateTimeFormat(language, {
    dateStyle: 'medium',
    timeStyle: 'short',
    timeZone: 'UTC',
  })
  return `${format.format(new Date(at))} UTC`
}

function actionIn(name: string): 'accept' | 'reject' | 'hold' {
  return name === 'accept' || name === 'reject' ? name : 'hold'
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

function html(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? character)
}
