import { test } from 'tap'
import { describeEquipment } from '../../gateway/console/equipment.ts'
import { formatFor } from '../../gateway/console/format.ts'
import {
  axisTop,
  channelBars,
  describeZones,
  reliefShare,
  zoneMap,
} from '../../gateway/console/measurements.ts'
import { contrast, DARK, inkOn, LIGHT, rgb, shade } from '../../gateway/console/palette.ts'
import {
  after,
  alarms,
  type ConsoleEvent,
  type ConsoleState,
  NOTHING_YET,
  outlook,
} from '../../gateway/console/state.ts'
import { chooseLanguage, LANGUAGES, TEXTS } from '../../gateway/console/texts.ts'
import { type Equipment, parseServerEvent, type Station } from '../../gateway/console/wire.ts'
import { UNGRADED_REASONS } from '../../gateway/inspection.ts'
import { stationState } from '../fakes/api.ts'
import { CHANNEL_COUNTS, message, ungraded } from '../fakes/messages.ts'

const NOON = Date.UTC(2026, 10, 21, 12, 0, 0)

/** What the gateway sends, as the page reads it. */
function heard(event: unknown): ConsoleEvent {
  const parsed = parseServerEvent(JSON.stringify(event))
  if (parsed === undefined) throw new Error('the page does not understand this')
  return parsed
}

function inspection(sequence: number, extra: object = {}): ConsoleEvent {
  return heard({ type: 'inspection', data: message(sequence), ...extra })
}

function greeted(wall: number): ConsoleState {
  const greeting = {
    type: 'connection_established',
    timestamp: new Date(wall).toISOString(),
    version: '0.1.0',
  }
  return after(NOTHING_YET, heard(greeting), { now: 0, wall: NOON })
}

test('the page understands every message the gateway sends, and nothing else', (t) => {
  t.equal(heard({ type: 'station', data: stationState() }).type, 'station')
  t.equal(heard({ type: 'latest', data: [message(1), ungraded(2, 'reject', ['late'])] }).type, 'latest')
  for (const text of ['', '{', '[]', '{"type":"pong"}', '{"type":"inspection","data":{}}']) {
    t.equal(parseServerEvent(text), undefined, text)
  }
  t.end()
})

test('keeps the last fifty, newest first, and counts what was left out', (t) => {
  let state = greeted(NOON)
  for (let sequence = 1; sequence <= 60; sequence += 1) {
    state = after(state, inspection(sequence, sequence % 10 === 0 ? { skipped: 3 } : {}), {
      now: sequence,
      wall: NOON,
    })
  }
  t.equal(state.inspections.length, 50)
  t.equal(state.inspections[0]?.sequence, 60)
  t.equal(state.skipped, 18)
  t.end()
})

test('the age of the history is told by the gateway’s clock, not by the browser’s', (t) => {
  const hour = 3_600_000
  const state = greeted(NOON + hour)
  const latest = {
    type: 'latest',
    data: [message(1, { timestamp: new Date(NOON + hour - 4000).toISOString() })],
  }
  const fresh = after(state, heard(latest), { now: 10_000, wall: NOON })
  t.equal(fresh.newestAt, 6000)
  t.equal(outlook(fresh, 11_000).kind, 'verdict')
  t.match(outlook(fresh, 11_001), { kind: 'no-data', forMs: 5001 })
  const ahead = { type: 'latest', data: [message(1, { timestamp: new Date(NOON + 2 * hour).toISOString() })] }
  t.equal(
    after(state, heard(ahead), { now: 10_000, wall: NOON }).newestAt,
    10_000,
    'no part comes from the future',
  )
  t.end()
})

test('a verdict grows old after twice the period, but not before five seconds', (t) => {
  const seen = after(greeted(NOON), inspection(1), { now: 0, wall: NOON })
  const withPeriod = (period_ms: number) =>
    after(seen, heard({ type: 'station', data: stationState({ period_ms }) }), { now: 0, wall: NOON })
  t.equal(outlook(withPeriod(1000), 5000).kind, 'verdict')
  t.equal(outlook(withPeriod(1000), 5001).kind, 'no-data')
  t.equal(outlook(withPeriod(10_000), 20_000).kind, 'verdict')
  t.equal(outlook(withPeriod(10_000), 20_001).kind, 'no-data')
  t.equal(outlook(NOTHING_YET, 1e6).kind, 'no-part-yet')
  t.end()
})

test('a lost connection is counted from its first loss', (t) => {
  const lost = after(greeted(NOON), { type: 'lost' }, { now: 100, wall: NOON })
  const still = after(lost, { type: 'lost' }, { now: 900, wall: NOON })
  t.match(still, { connection: 'away', awaySince: 100 })
  t.end()
})

test('zones: heights, else distances, else nothing', (t) => {
  const format = formatFor('en', TEXTS.en)
  const heights = zoneMap({
    height_matrix: [
      [0, null],
      [12.5, 40],
    ],
    distance_matrix: [[1]],
  })
  t.match(heights, { kind: 'heights', measured: 3, from: 0, to: 40 })
  if (heights === undefined) throw new Error('measured')
  t.equal(describeZones(heights, format), 'Row 1: 0; not measured. Row 2: 12.5; 40')
  t.equal(reliefShare(heights)(40), 1)
  const flat = zoneMap({ height_matrix: [[1, 2]] })
  t.equal(flat && reliefShare(flat)(2), 0.1, 'noise on a flat tray is no mountain')
  const distances = zoneMap({ distance_matrix: [[300, 250]] })
  t.equal(distances?.kind, 'distances')
  t.equal(distances && reliefShare(distances)(250), 1, 'nearer is higher')
  t.equal(zoneMap({ height_matrix: [[null, null]] }), undefined)
  t.equal(zoneMap(undefined), undefined)
  t.end()
})

test('channels: ten, absent ones absent, Clear cut off where it would flatten the others', (t) => {
  const { NIR: _absent, ...nine } = CHANNEL_COUNTS
  const bars = channelBars({ channels: nine, saturated: ['F4_515nm'] }) ?? []
  t.equal(bars.length, 10)
  t.same(
    bars.filter(({ counts }) => counts === undefined).map(({ name }) => name),
    ['NIR'],
  )
  t.same(
    bars.filter(({ saturated }) => saturated).map(({ label }) => label),
    ['515'],
  )
  t.ok(axisTop(bars) < CHANNEL_COUNTS.Clear)
  t.ok(axisTop(bars) > CHANNEL_COUNTS.F4_515nm)
  t.equal(channelBars({ channels: {}, saturated: [] }), undefined)
  t.end()
})

test('every reason and every text is said in every language', (t) => {
  for (const language of LANGUAGES) {
    const { reason } = formatFor(language, TEXTS[language])
    for (const code of UNGRADED_REASONS)
      t.not(reason(code).toLowerCase(), code.replaceAll('-', ' '), `${language} ${code}`)
    const { findings, measures, classes } = TEXTS[language].reasons
    t.same(Object.keys(findings), Object.keys(TEXTS.en.reasons.findings))
    t.same(Object.keys(measures), Object.keys(TEXTS.en.reasons.measures))
    t.same(Object.keys(classes), Object.keys(TEXTS.en.reasons.classes))
  }
  t.equal(formatFor('fr', TEXTS.fr).reason('sensor-absent:tof'), 'Capteur absent (tof)')
  t.equal(chooseLanguage(['de-DE', 'fr-CA', 'en']), 'fr')
  t.equal(chooseLanguage(['de-DE']), 'en')
  t.end()
})

test('a code that a recipe made is put together from words, and an unknown one can be read', (t) => {
  const [en, fr] = [formatFor('en', TEXTS.en).reason, formatFor('fr', TEXTS.fr).reason]
  t.equal(en('mass_below_legal'), 'Below the legal weight')
  t.equal(fr('volume_below_legal'), 'Volume\u00a0: sous la limite légale')
  t.equal(en('thickness_premier'), 'Thickness: premier')
  t.equal(fr('thickness_deuxieme'), 'Épaisseur\u00a0: deuxième')
  t.equal(en('thickness_very_thin'), 'Thickness: very thin')
  t.equal(fr('thickness_outside'), 'Épaisseur hors classe')
  t.equal(fr('label_rouge_thickness'), 'Hors Label Rouge\u00a0: épaisseur')
  t.equal(en('igp_oxidation'), 'Not IGP: oxidation')
  t.equal(en('house_choice_delta_e00'), 'Not House choice: colour')
  t.equal(fr('oxidation'), 'Oxydation', 'the state, of no label')
  t.equal(en('gloss_high'), 'Gloss too high')
  t.equal(en('new_kind_of-limit'), 'New kind of limit')
  t.equal(en('constructor'), 'Constructor', 'what every object has is no word')
  t.equal(en('thickness_constructor'), 'Thickness: constructor')
  t.equal(en('_low'), 'Low')
  t.end()
})

test('what cost most is told first, and trifles are not', (t) => {
  const { why } = formatFor('en', TEXTS.en)
  const findings = [
    { code: 'fat', contribution: 0.05 },
    { code: 'freshness', contribution: 0.01 },
    { code: 'oxidation', contribution: 0.2 },
    { code: 'foreign_body' },
  ]
  const verdict = { action: 'reject' as const, reasons: [], findings, latency_ms: 1 }
  t.same(why(verdict), ['Foreign body', 'Oxidation', 'Fat quality'])
  t.same(why({ ...verdict, reasons: ['late'] }), ['Decided too late'], 'no grade: only why there is none')
  const graded = {
    ...verdict,
    grade: 'B' as const,
    reasons: ['first_part', ...findings.map(({ code }) => code)],
  }
  t.same(why(graded), ['First part after a changeover', ...why(verdict)], 'reasons repeat the findings')
  t.end()
})

test('what no score makes good is told before what cost more, a label last, and a reject always has a reason', (t) => {
  const { why } = formatFor('en', TEXTS.en)
  const told = (action: 'accept' | 'reject', findings: { code: string; contribution: number }[]) =>
    why({
      grade: action === 'accept' ? 'A' : 'REJECT',
      action,
      reasons: findings.map(({ code }) => code),
      findings,
      latency_ms: 1,
    })
  const label = { code: 'label_rouge_thickness', contribution: 0 }
  const fat = { code: 'fat', contribution: 0.05 }
  t.same(told('reject', [fat, { code: 'mass_below_legal', contribution: 0.001 }, label]), [
    'Below the legal weight',
    'Fat quality',
  ])
  t.same(told('accept', [label, fat]), ['Fat quality', 'Not Label Rouge: thickness'])
  t.same(told('accept', [{ code: 'fat', contribution: 0.01 }]), [])
  t.same(told('reject', [{ code: 'bile', contribution: 0 }]), ['Bile stain'], 'a defect that takes no points')
  t.end()
})

/** The station as the page knows it. */
function stationOf(overrides: Parameters<typeof stationState>[0]): Station {
  const { station } = after(NOTHING_YET, heard({ type: 'station', data: stationState(overrides) }), {
    now: 0,
    wall: NOON,
  })
  if (station === undefined) throw new Error('the page knows no station')
  return station
}

test('equipment is told where the gateway tells of it, and a gateway without it is understood', (t) => {
  const gate = { name: 'gate', state: 'failed' as const, detail: 'stuck', facts: { waiting: 2 } }
  t.same(stationOf({ equipment: [gate] }).equipment, [gate])
  t.equal(stationOf({}).equipment, undefined)
  t.end()
})

test('an alarm is what keeps parts from passing or being graded, and nothing before the station runs', (t) => {
  const gate = { name: 'gate', state: 'failed' as const }
  const calibration = { name: 'calibration', state: 'failed' as const, facts: { chips: 'tof:1a2b' } }
  const camera = { name: 'camera', state: 'failed' as const }
  const equipment = [gate, camera, calibration]
  t.same(alarms(stationOf({})), [])
  t.same(alarms(stationOf({ equipment: [camera, { ...gate, state: 'ok' }] })), [])
  t.same(alarms(stationOf({ equipment, line_stopped: true })), [
    'gate-failed',
    'line-stopped',
    'not-calibrated',
  ])
  t.same(alarms(stationOf({ equipment, phase: 'starting' })), [])
  t.same(alarms(stationOf({ equipment, phase: 'draining', line_stopped: true })), ['line-stopped'])
  const nobodyKnows = { ...calibration, facts: { chips: 'unknown' } }
  t.same(alarms(stationOf({ equipment: [nobodyKnows] })), [], 'the head that is away is told as such')
  t.end()
})

test('equipment in words: what it measures while it works, what its trouble means when it does not', (t) => {
  const told = (unit: Equipment, language: 'en' | 'fr' = 'en') =>
    describeEquipment(unit, formatFor(language, TEXTS[language]))
  const ok = 'ok' as const
  t.match(told({ name: 'encoder', state: ok, facts: { mm_per_s: 251 } }), {
    name: 'Belt encoder',
    condition: ok,
    word: 'Working',
    reading: '251 mm/s',
    meaning: undefined,
  })
  t.equal(told({ name: 'encoder', state: ok, facts: {} }).reading, '', 'no speed is not 0')
  const climate = { temperature_c: 21.4, humidity_percent: 57.6, age_ms: 360_000 }
  t.equal(told({ name: 'environment', state: ok, facts: climate }).reading, '21.4 °C · 58% RH')
  t.match(told({ name: 'environment', state: ok, facts: climate }, 'fr'), { reading: '21,4 °C · 58 % HR' })
  t.match(told({ name: 'environment', state: 'degraded', facts: climate }, 'fr'), {
    name: 'Climat',
    word: 'Limité',
    reading: '',
    meaning: 'Non mesuré : pièces classées sans lui',
  })
  const picture = { fps: 14.93, age_ms: 70 }
  t.equal(told({ name: 'camera', state: ok, facts: picture }).reading, '14.9/s · < 1 s old')
  t.equal(told({ name: 'camera', state: ok, facts: { fps: 0, age_ms: 4200 } }).reading, '0/s · 4 s old')
  t.match(told({ name: 'camera', state: 'failed', facts: picture }), {
    word: 'Not working',
    reading: '',
    meaning: 'There are no pictures',
  })
  const calibrated = { at: new Date(NOON).toISOString() }
  t.match(told({ name: 'calibration', state: ok, facts: calibrated }), {
    word: 'Valid',
    reading: /2026/,
  })
  t.match(told({ name: 'calibration', state: 'failed' }), { word: 'Missing', meaning: /Empty the tray/ })
  t.equal(told({ name: 'calibration', state: ok, facts: { at: 'yesterday' } }).reading, '')
  t.match(told({ name: 'printer', state: 'failed' }), {
    name: 'printer',
    word: 'Not working',
    meaning: undefined,
  })
  t.end()
})

test('the gate counts its parts in a fixed order, and says when the line stands', (t) => {
  const format = formatFor('en', TEXTS.en)
  const facts = { waiting: 3, announced: 1330, accepted: 1240, held: 2, rejected: 85, late: 1 }
  const gate = { name: 'gate', state: 'ok' as const, facts: { ...facts, line_stopped: false } }
  const { word, passages } = describeEquipment(gate, format)
  t.equal(word, 'Working')
  t.same(
    passages.map(({ label, parts }) => `${label} ${parts}`),
    ['Passed 1,240', 'Rejected 85', 'Held 2', 'Too late 1', 'Waiting 3'],
  )
  const stands = describeEquipment({ ...gate, facts: { ...facts, line_stopped: true } }, format)
  t.match(stands, { word: 'Line stopped', condition: 'degraded' })
  const absent = describeEquipment({ name: 'gate', state: 'failed', detail: 'absent' }, format)
  t.match(absent, { word: 'Not working', meaning: 'Every part is rejected', passages: [] })
  t.end()
})

test('durations', (t) => {
  const { duration } = formatFor('en', TEXTS.en)
  t.same([-1, 5999, 119_999, 120_000, 7_199_999, 7_500_000].map(duration), [
    '0 s',
    '5 s',
    '119 s',
    '2 min',
    '119 min',
    '2 h 05',
  ])
  t.end()
})

test('every number on the map can be read, light or dark', (t) => {
  for (const { relief } of [LIGHT, DARK]) {
    for (let share = 0; share <= 1; share += 0.01) {
      const ground = shade(relief, share)
      const ratio = contrast(ground, rgb(inkOn(ground)))
      if (ratio < 4.5) t.fail(`contrast ${ratio} at ${share}`)
    }
  }
  for (const { ink, muted, surface, alarm } of [LIGHT, DARK]) {
    for (const colour of [ink, muted, alarm]) t.ok(contrast(rgb(colour), rgb(surface)) >= 4.5, colour)
  }
  t.end()
})
