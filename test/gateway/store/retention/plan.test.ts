import { test } from 'tap'
import {
  dueByCount,
  type Extent,
  NEWEST_KEPT,
  nextStep,
  removable,
} from '../../../../gateway/store/retention/plan.ts'
import {
  pagesToGiveBack,
  type RoomLimits,
  roomOf,
  type Space,
  wantsRoom,
} from '../../../../gateway/store/retention/space.ts'

const NOTHING = { raw: 0, inspections: 0 }
const all: Extent = { oldest: 1, oldestRaw: 1, end: 1000, delivered: 1000 }

test('raw data go before inspections, the oldest first', (t) => {
  const due = { raw: 0, inspections: 100 }
  t.same(nextStep(all, due, { room: false, rows: 32 }), { from: 'raw', first: 1, last: 32 })
  t.same(nextStep({ ...all, oldestRaw: 97 }, due, { room: false, rows: 4 }), {
    from: 'raw',
    first: 97,
    last: 100,
  })
  t.same(
    nextStep({ ...all, oldestRaw: 101 }, due, { room: false, rows: 32 }),
    { from: 'inspections', first: 1, last: 32 },
    'when their raw data are gone',
  )
  t.equal(nextStep({ ...all, oldest: 101, oldestRaw: 101 }, due, { room: false, rows: 32 }), undefined)
  t.end()
})

test('for room all raw data that may go are due before the first inspection', (t) => {
  const room = { room: true, rows: 32 }
  t.same(nextStep(all, NOTHING, room), { from: 'raw', first: 1, last: 32 })
  const last = 1000 - NEWEST_KEPT
  t.same(nextStep({ ...all, oldestRaw: last }, NOTHING, room), { from: 'raw', first: last, last })
  t.same(nextStep({ ...all, oldestRaw: last + 1 }, NOTHING, room), {
    from: 'inspections',
    first: 1,
    last: 32,
  })
  t.equal(
    nextStep({ ...all, oldest: last + 1, oldestRaw: last + 1 }, NOTHING, room),
    undefined,
    'nothing is left',
  )
  t.end()
})

test('what somebody has not got stays, and so do the newest', (t) => {
  t.equal(removable({ ...all, delivered: 10 }), 10)
  t.equal(removable(all), 1000 - NEWEST_KEPT)
  t.equal(removable({ ...all, end: 3, delivered: 3 }), 0)
  t.same(nextStep({ ...all, delivered: 10 }, NOTHING, { room: true, rows: 32 }), {
    from: 'raw',
    first: 1,
    last: 10,
  })
  t.equal(
    nextStep({ ...all, delivered: 0 }, { raw: 500, inspections: 500 }, { room: true, rows: 32 }),
    undefined,
  )
  t.end()
})

test('a few rows are not worth a commit, unless there is no room', (t) => {
  const due = { raw: 31, inspections: 0 }
  t.equal(nextStep(all, due, { room: false, rows: 32 }), undefined)
  t.same(nextStep(all, { raw: 32, inspections: 0 }, { room: false, rows: 32 }), {
    from: 'raw',
    first: 1,
    last: 32,
  })
  t.end()
})

test('by count: all but the newest so many', (t) => {
  t.same(dueByCount(all, { raw: 300, inspections: 900 }), { raw: 700, inspections: 100 })
  t.same(dueByCount(all, { raw: 5000 }), NOTHING)
  t.end()
})

const limits: RoomLimits = { maxBytes: 100e6, beginShare: 0.8, leastFreeBytes: 500e6 }
const space: Space = { fileBytes: 90e6, freeBytes: 5e6, pageBytes: 4096, diskFreeBytes: 1e9 }

test('room: the quota and the disk, whichever is smaller; free pages are room', (t) => {
  t.equal(roomOf(space, limits), 15e6)
  t.equal(roomOf({ ...space, diskFreeBytes: 2e6 }, limits), 7e6)
  t.equal(roomOf(space, { ...limits, maxBytes: undefined }), 1.005e9)
  t.equal(roomOf({ ...space, fileBytes: 200e6 }, limits), 0, 'a quota that was lowered')
  t.ok(wantsRoom(space, limits), '85 of 100 MB in use')
  t.notOk(wantsRoom({ ...space, freeBytes: 10e6 }, limits), '80 of 100 MB')
  t.ok(
    wantsRoom({ ...space, fileBytes: 1e6, freeBytes: 0, diskFreeBytes: 400e6 }, limits),
    'others fill the disk',
  )
  t.notOk(wantsRoom(space, { ...limits, maxBytes: undefined }))
  t.end()
})

test('free pages go back to the disk when they are many, or when others need them', (t) => {
  t.equal(pagesToGiveBack(space, limits), 0, 'they are for the next rows')
  t.ok(pagesToGiveBack({ ...space, freeBytes: 45e6 }, limits) > 9000, 'half the file')
  t.ok(pagesToGiveBack({ ...space, diskFreeBytes: 400e6 }, limits) > 0)
  t.equal(pagesToGiveBack({ ...space, freeBytes: 3e6, diskFreeBytes: 0 }, limits), 0, 'a cushion stays')
  t.end()
})
