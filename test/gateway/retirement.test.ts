import { test } from 'tap'
import { silentLog } from '../../gateway/log.ts'
import { Retirement, run, type Unit } from '../../gateway/station.ts'

test('a device that is taken out of service ends its station, once that is up', async (t) => {
  const retirement = new Retirement()
  const course: string[] = []
  const unit: Unit = {
    name: 'device',
    start: () => {
      // It says so at the first look, before anything runs.
      retirement.order()
      course.push(`started, ended: ${retirement.signal.aborted}`)
      return Promise.resolve()
    },
    stop: () => Promise.resolve(void course.push('stopped')),
  }
  await run([unit], retirement.signal, silentLog, () => {
    course.push('ready')
    retirement.up()
  })
  t.same(course, ['started, ended: false', 'ready', 'stopped'])

  const later = new Retirement()
  later.up()
  t.equal(later.signal.aborted, false)
  later.order()
  later.order()
  t.equal(later.signal.aborted, true)
})
