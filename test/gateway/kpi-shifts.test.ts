import { test } from 'tap'
import { plannedMs, type Shift, ShiftCalendar } from '../../gateway/kpi-shifts.ts'
import { shiftsOptions } from '../../gateway/shift-options.ts'

const PARIS = shiftsOptions.parse({
  time_zone: 'Europe/Paris',
  shifts: [
    { name: 'early', from: '06:00', to: '14:00', breaks: [{ from: '09:00', to: '09:30' }] },
    { name: 'late', from: '14:00', to: '22:00' },
    {
      name: 'night',
      from: '22:00',
      to: '06:00',
      days: ['mon', 'tue', 'wed', 'thu', 'sat', 'sun'],
      breaks: [{ from: '01:00', to: '01:20' }],
    },
  ],
})
const HOUR = 3_600_000

function at(utc: string, calendar = new ShiftCalendar(PARIS)): Shift | undefined {
  return calendar.at(Date.parse(utc))
}

test('which shift it is, by the clock on the wall', (t) => {
  for (const [utc, name, date] of [
    ['2026-11-19T04:59:59.999Z', 'night', '2026-11-18'],
    ['2026-11-19T05:00:00Z', 'early', '2026-11-19'],
    ['2026-11-19T13:00:00Z', 'late', '2026-11-19'],
    ['2026-11-19T21:00:00Z', 'night', '2026-11-19'],
    ['2026-11-20T03:00:00Z', 'night', '2026-11-19'],
    ['2026-07-01T04:00:00Z', 'early', '2026-07-01'],
  ] as const) {
    t.match(at(utc), { name, date }, utc)
  }
  t.equal(at('2026-11-20T21:00:00Z'), undefined, 'no night shift begins on Friday')
  t.equal(at('2026-11-21T12:00:00Z'), undefined, 'Saturday')
  t.match(at('2026-11-22T23:00:00Z'), { name: 'night', date: '2026-11-22' }, 'begins on Sunday')
  t.end()
})

test('one calendar asked in turn gives what fresh ones do', (t) => {
  const calendar = new ShiftCalendar(PARIS)
  for (let minute = 0; minute < 4 * 24 * 60; minute += 13) {
    const utc = new Date(Date.parse('2026-11-19T00:00:00Z') + minute * 60_000).toISOString()
    t.same(at(utc, calendar), at(utc), utc)
  }
  t.end()
})

test('the night in which clocks go forward is an hour shorter, the other an hour longer', (t) => {
  const length = (shift: Shift | undefined): number => ((shift?.endMs ?? 0) - (shift?.beginMs ?? 0)) / HOUR
  t.equal(length(at('2026-03-25T23:00:00Z')), 8)
  const spring = at('2026-03-28T23:00:00Z')
  t.match(spring, { name: 'night', date: '2026-03-28' })
  t.equal(length(spring), 7)
  const autumn = at('2026-10-25T00:30:00Z')
  t.match(autumn, { name: 'night', date: '2026-10-24' })
  t.equal(length(autumn), 9)
  t.equal(new Date(autumn?.endMs ?? 0).toISOString(), '2026-10-25T05:00:00.000Z')
  t.end()
})

test('a time that the clocks leave out is the instant of the change; of one that comes twice the first', (t) => {
  const options = shiftsOptions.parse({
    time_zone: 'Europe/Paris',
    shifts: [{ name: 'odd', from: '02:30', to: '04:00', days: ['sun'] }],
  })
  const spring = at('2026-03-29T01:30:00Z', new ShiftCalendar(options))
  t.equal(new Date(spring?.beginMs ?? 0).toISOString(), '2026-03-29T01:00:00.000Z')
  const autumn = at('2026-10-25T01:00:00Z', new ShiftCalendar(options))
  t.equal(new Date(autumn?.beginMs ?? 0).toISOString(), '2026-10-25T00:30:00.000Z')
  t.end()
})

test('other zones: half hours, and the other side of the date line', (t) => {
  for (const [zone, utc] of [
    ['Asia/Kolkata', '2026-11-19T00:30:00.000Z'],
    ['Pacific/Auckland', '2026-11-18T17:00:00.000Z'],
    ['America/St_Johns', '2026-11-19T09:30:00.000Z'],
    ['UTC', '2026-11-19T06:00:00.000Z'],
  ] as const) {
    const options = shiftsOptions.parse({
      time_zone: zone,
      shifts: [{ name: 'early', from: '06:00', to: '14:00' }],
    })
    const shift = at(utc, new ShiftCalendar(options))
    t.same([new Date(shift?.beginMs ?? 0).toISOString(), shift?.date], [utc, '2026-11-19'], zone)
  }
  t.end()
})

test('planned is what lies in the shift and in no break', (t) => {
  const shift = at('2026-11-19T06:00:00Z')
  if (shift === undefined) throw new Error('no shift')
  const planned = (from: string, to: string): number =>
    plannedMs({ beginMs: Date.parse(`2026-11-19T${from}Z`), endMs: Date.parse(`2026-11-19T${to}Z`) }, shift) /
    60_000
  t.equal(planned('05:00:00', '13:00:00'), 450)
  t.equal(planned('00:00:00', '23:00:00'), 450)
  t.equal(planned('08:00:00', '08:20:00'), 0)
  t.equal(planned('08:20:00', '08:40:00'), 10)
  t.equal(planned('14:00:00', '15:00:00'), 0)
  t.end()
})

test('a whole day can be one shift', (t) => {
  const days = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const
  const options = shiftsOptions.parse({ shifts: [{ name: 'day', from: '06:00', to: '06:00', days }] })
  const shift = at('2026-11-21T05:59:00Z', new ShiftCalendar(options))
  t.equal(shift?.date, '2026-11-20')
  t.equal((shift?.endMs ?? 0) - (shift?.beginMs ?? 0), 24 * HOUR)
  t.end()
})

test('calendars that cannot be are refused, with the reason', (t) => {
  const wrong = (shifts: unknown, zone = 'UTC') =>
    shiftsOptions.safeParse({ time_zone: zone, shifts }).error?.issues[0]?.message
  const early = { name: 'early', from: '06:00', to: '14:00' }
  t.equal(wrong([early]), undefined)
  t.equal(wrong([], 'Europe/Pari'), 'expected a time zone of the IANA database, e.g. Europe/Paris')
  t.equal(wrong([{ ...early, from: '6:00' }]), 'expected hours and minutes, 00:00 to 23:59')
  t.equal(wrong([early, { ...early, from: '14:00', to: '22:00' }]), 'expected different names')
  t.equal(wrong([early, { name: 'late', from: '13:59', to: '22:00' }]), 'expected shifts that do not overlap')
  const sunday = { name: 'night', from: '22:00', to: '06:01', days: ['sun'] }
  t.equal(wrong([early, sunday]), 'expected shifts that do not overlap', 'over the end of the week')
  const breaks = (...list: readonly (readonly [string, string])[]) => [
    { ...early, breaks: list.map(([from, to]) => ({ from, to })) },
  ]
  const expectation = 'expected breaks within the shift that do not overlap'
  t.equal(wrong(breaks(['13:30', '14:30'])), expectation)
  t.equal(wrong(breaks(['05:00', '06:30'])), expectation)
  t.equal(wrong(breaks(['09:00', '09:30'], ['09:20', '09:40'])), expectation)
  t.equal(wrong(breaks(['09:30', '09:40'], ['09:00', '09:30'])), undefined)
  t.equal(wrong(breaks(['09:30', '09:30'])), 'expected another time than from')
  t.end()
})
