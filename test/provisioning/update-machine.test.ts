import { test } from 'tap'
import type { UpdateWindow } from '../../provisioning/options.ts'
import { updateOptions } from '../../provisioning/options.ts'
import { unwellOf } from '../../provisioning/switch-trial.ts'
import {
  isOver,
  MAX_INTERRUPTED,
  next,
  PHASES,
  resumed,
  type UpdateEvent,
  type UpdateRecord,
} from '../../provisioning/update-machine.ts'
import { isOpen } from '../../provisioning/update-windows.ts'

const AT = '2026-11-22T04:00:00.000Z'
const BEGUN: UpdateRecord = {
  ...{ schema: 'poincon.update-journal/1', id: 'u', by: 'schedule', kind: 'release', name: 'poincon' },
  ...{ phase: 'fetching', from: '1.0.0', to: '1.1.0', from_schema: 6, began: AT, since: AT, interrupted: 0 },
  target: { path: 'stable/release/x', channel: 'stable', length: 1, hash: 'h' },
}

const STRAIGHT: readonly UpdateEvent[] = [
  { type: 'fetched', file: '/f' },
  { type: 'unpacked', storeSchema: 7 },
  { type: 'tested', differing: [] },
  { type: 'blocked', waitingFor: ['an idle line'] },
  { type: 'locked', well: ['tof'] },
  { type: 'done' },
  { type: 'done', until: AT },
  { type: 'done' },
  { type: 'well' },
  { type: 'done' },
]

test('an update that goes well', (t) => {
  const phases: UpdateRecord[] = []
  for (const event of STRAIGHT) phases.push(next(phases.at(-1) ?? BEGUN, event, AT))
  t.same(
    phases.map(({ phase }) => phase),
    [
      'unpacking',
      'testing',
      'waiting',
      'waiting',
      'held',
      'switching',
      'restarting',
      'trial',
      'committing',
      'committed',
    ],
  )
  t.match(phases.at(-1), { to_schema: 7, well: ['tof'], until: AT })
  t.equal(phases.at(-1)?.waiting_for, undefined)
  t.end()
})

test('wherever it fails, it ends with one release', (t) => {
  let update = BEGUN
  for (const event of STRAIGHT) {
    if (event.type === 'blocked') continue
    for (const bad of ['refused', 'unwell', 'broken'] as const) {
      let failed: UpdateRecord
      try {
        failed = next(update, { type: bad, why: 'x', final: true }, AT)
      } catch (error) {
        t.type(error, TypeError)
        continue
      }
      const ways: string[] = []
      for (
        ;
        !isOver(failed.phase);
        failed = next(failed, { type: failed.phase === 'returned' ? 'well' : 'done' }, AT)
      )
        ways.push(failed.phase)
      const expected = ways.includes('returning') ? 'rolled_back' : 'failed'
      t.equal(failed.phase, expected, `${update.phase}, ${bad}: ${ways.join(', ')}`)
      t.match(failed.failure, 'x')
    }
    update = next(update, event, AT)
  }
  t.end()
})

test('what came is left alone where it was at fault itself, also in the switch', (t) => {
  const ends = (final: boolean): UpdateRecord => {
    const undoing = next(
      { ...BEGUN, phase: 'switching', before: '4' },
      { type: 'broken', why: 'x', final },
      AT,
    )
    return next(next(undoing, { type: 'done' }, AT), { type: 'done' }, AT)
  }
  t.match(ends(true), { phase: 'failed', failure: 'x', refused: true })
  t.match(ends(false), { phase: 'failed', failure: 'x', refused: false })
  const again = next({ ...BEGUN, phase: 'undoing', before: '4' }, { type: 'done' }, AT)
  t.equal(again.before, undefined, 'what it went back to is looked up anew when the line is locked again')
  const stuck = next({ ...BEGUN, phase: 'returning', failure: 'x' }, { type: 'stuck', why: 'y' }, AT)
  t.match(stuck, { phase: 'leaving', failure: 'x; y' })
  t.end()
})

test('a unit that a configuration removes is not missed', (t) => {
  const units = new Map([['tof', 'degraded']])
  const well = ['tof', 'influx']
  t.same(unwellOf({ kind: 'configuration', well }, { units }), ['tof is degraded'])
  t.same(unwellOf({ kind: 'release', well }, { units }), ['tof is degraded', 'influx is not there'])
  t.end()
})

test('a new process goes on, and never restarts a line that may run again', (t) => {
  const after = (phase: UpdateRecord['phase'], running: 'from' | 'to' | 'none'): string =>
    resumed({ ...BEGUN, phase }, running, AT).phase
  t.equal(after('held', 'from'), 'undoing')
  t.equal(after('switching', 'from'), 'undoing')
  t.equal(after('restarting', 'from'), 'undoing')
  t.equal(after('restarting', 'to'), 'trial')
  t.equal(after('restarting', 'none'), 'trial')
  for (const phase of PHASES.filter((one) => !['held', 'switching', 'restarting'].includes(one)))
    t.equal(after(phase, 'from'), phase)
  t.equal(next({ ...BEGUN, phase: 'undoing' }, { type: 'done' }, AT).phase, 'waiting')
  t.match(next({ ...BEGUN, phase: 'undoing', interrupted: MAX_INTERRUPTED }, { type: 'done' }, AT), {
    phase: 'leaving',
    refused: true,
  })
  t.throws(() => next({ ...BEGUN, phase: 'trial' }, { type: 'fetched', file: '' }, AT), /fetched while trial/)
  t.end()
})

test('windows are by the clock on the wall, also across midnight', (t) => {
  const night: UpdateWindow[] = [{ days: ['fri'], from: '22:00', to: '05:00' }]
  const at = (day: number, time: string) => ({
    day,
    minute: Number(time.slice(0, 2)) * 60 + Number(time.slice(3)),
  })
  t.ok(isOpen([], at(3, '12:00')))
  t.ok(isOpen(night, at(5, '22:00')))
  t.ok(isOpen(night, at(6, '04:59')))
  t.notOk(isOpen(night, at(6, '05:00')))
  t.notOk(isOpen(night, at(5, '04:00')), 'it begins on Friday evening')
  t.notOk(isOpen(night, at(4, '23:00')))
  t.ok(isOpen([{ days: ['mon'], from: '06:00', to: '06:30' }], at(1, '06:29')))
  t.end()
})

test('options: a configuration says where updates come from, and no password in an address', (t) => {
  t.match(updateOptions.parse({}), { enabled: false, channel: 'stable', consent: 'auto', keep: 2 })
  const wrong = (block: object): string => updateOptions.safeParse(block).error?.issues[0]?.message ?? ''
  t.match(wrong({ enabled: true }), /url, directory or hawkbit/)
  t.match(wrong({ url: 'https://a.example', directory: '/mnt' }), /one of url, directory and hawkbit/)
  t.match(wrong({ url: 'ftp://a.example' }), /https/)
  t.match(wrong({ url: 'https://me:secret@a.example' }), /without a user name/)
  t.match(wrong({ channel: 'nightly' }), /customer-NAME/)
  t.match(wrong({ windows: [{ from: '22:00', to: '22:00' }] }), /another time/)
  t.end()
})
