import { test } from 'tap'
import { LatestFrame } from '../../../drivers/camera/latest.ts'

const at = (takenAt: number) => ({ takenAt })

test('the newest wins, and what nobody looked at is counted', (t) => {
  const latest = new LatestFrame<{ takenAt: number }>()
  t.equal(latest.newest(), undefined)
  for (const takenAt of [1, 2, 3]) latest.put(at(takenAt))
  t.equal(latest.replacedUnseen, 2)
  t.strictSame(latest.newest(), at(3))
  latest.put(at(4))
  t.equal(latest.replacedUnseen, 2, 'the third was seen')
  latest.put(at(5))
  t.equal(latest.replacedUnseen, 3)
  t.end()
})

test('next: what is there where it is new enough, else the first that is', async (t) => {
  const latest = new LatestFrame<{ takenAt: number }>()
  latest.put(at(10))
  t.strictSame(await latest.next(10), at(10))
  const waiting = latest.next(11)
  latest.put(at(10.5))
  latest.put(at(11))
  latest.put(at(12))
  t.strictSame(await waiting, at(11))
  t.equal(latest.replacedUnseen, 1, 'the one that came too early for it')
})

test('several wait at once, each for its own time', async (t) => {
  const latest = new LatestFrame<{ takenAt: number }>()
  const all = Promise.all([latest.next(3), latest.next(1), latest.next(2)])
  for (const takenAt of [1, 2, 3]) latest.put(at(takenAt))
  t.strictSame(await all, [at(3), at(1), at(2)])
  t.equal(latest.replacedUnseen, 0)
})

test('who gives up waits no longer, and no listener stays behind', async (t) => {
  const latest = new LatestFrame<{ takenAt: number }>()
  const leaver = new AbortController()
  const gone = latest.next(1, leaver.signal)
  const stays = latest.next(1)
  leaver.abort(new Error('enough'))
  await t.rejects(gone, { message: 'enough' })
  await t.rejects(latest.next(1, leaver.signal), { message: 'enough' }, 'nor who had given up before')
  latest.put(at(1))
  t.strictSame(await stays, at(1))
  t.equal(latest.replacedUnseen, 0)
})

test('closed: everyone is told why, now and later; the newest stays to be looked at', async (t) => {
  const latest = new LatestFrame<{ takenAt: number }>()
  latest.put(at(1))
  const waiting = latest.next(2)
  latest.close(new Error('unplugged'))
  await t.rejects(waiting, { message: 'unplugged' })
  await t.rejects(latest.next(0), { message: 'unplugged' })
  latest.close(new Error('again'))
  await t.rejects(latest.next(0), { message: 'unplugged' }, 'the first reason stays')
  latest.put(at(3))
  t.strictSame(latest.newest(), at(1))
})
