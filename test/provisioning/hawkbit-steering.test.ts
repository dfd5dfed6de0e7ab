import { test } from 'tap'
import { systemClock } from '../../drivers/clock.ts'
import {
  bench,
  content,
  FILE,
  files,
  isFile,
  newer,
  only,
  publisher,
  SIGNAL,
  status,
  TARGET,
} from './hawkbit-bench.ts'

test('an action is given up until the switch has begun, not after', async (t) => {
  const { ddi, device } = await bench(t)
  ddi.action = { id: '3', files }
  let switching = true
  const offers = device({ mayCancel: () => !switching })
  await offers.check(SIGNAL)
  ddi.canceling = true
  t.same(await offers.check(SIGNAL), [])
  t.match(ddi.feedback, [{ path: '/cancelAction/3/feedback', execution: 'rejected', details: [/too late/] }])
  t.equal(ddi.canceling, false, 'it runs on')
  switching = false
  ddi.canceling = true
  t.same(await offers.check(SIGNAL), [])
  t.match(ddi.feedback[1], { path: '/cancelAction/3/feedback', execution: 'closed', finished: 'success' })
  offers.steering.report(status('committed'))
  await offers.steering.settled()
  t.same([...ddi.closed], [['3', 'canceled']])
  t.equal(ddi.feedback.length, 2, 'nothing is said of what was given up')
  const standing = { consent: undefined, ready: true, signal: SIGNAL }
  const { cancelled } = await device().steering.orders(TARGET, standing)
  t.equal(cancelled, 'called off on the hawkBit server', 'also after a restart')
})

test('an end that the server did not hear is told after a restart', async (t) => {
  const { ddi, device } = await bench(t)
  ddi.action = { id: '3', files }
  const before = device()
  await before.check(SIGNAL)
  ddi.fault = (_, response) => Boolean(response.destroy())
  before.steering.report(status('rolled_back', { from: '0.9.0', failure: 'head tof-1 is absent' }))
  await before.steering.settled()
  t.same(ddi.feedback, [])
  ddi.fault = () => false
  t.same(await device().check(SIGNAL), [])
  t.match(ddi.feedback, [
    {
      id: '3',
      execution: 'closed',
      finished: 'failure',
      details: ['rolled back to 0.9.0', 'head tof-1 is absent'],
    },
  ])
})

test('outside its maintenance window an update is brought, and waits', async (t) => {
  const { ddi, device } = await bench(t)
  ddi.action = { id: '3', files, update: 'skip', maintenanceWindow: 'unavailable' }
  let now = 0
  const offers = device({ clock: { ...systemClock, now: () => now } })
  t.equal((await offers.check(SIGNAL)).length, 1)
  const standing = { consent: undefined, ready: true, signal: SIGNAL }
  const closed = { waitFor: ['the maintenance window of the hawkBit server'] }
  t.same(await offers.steering.orders(TARGET, standing), closed)
  ddi.action = { ...ddi.action, update: 'forced', maintenanceWindow: 'available' }
  t.same(await offers.steering.orders(TARGET, standing), closed, 'the server is asked when it wants to be')
  now = 10_000
  t.same(
    await offers.steering.orders(TARGET, standing),
    closed,
    'and a closed window is no reason to ask more often',
  )
  now = 300_000
  t.same(await offers.steering.orders(TARGET, standing), { waitFor: [] })
  const asked = ddi.asked.length
  now = 310_000
  t.same(await offers.steering.orders(TARGET, { ...standing, ready: false }), { waitFor: [] })
  t.equal(ddi.asked.length, asked)
  await offers.steering.orders(TARGET, standing)
  t.ok(ddi.asked.length > asked, 'once more before a switch')
  t.same(await offers.steering.orders('stable/recipe/other.bin', standing), { waitFor: [] })
})

test('not now, or never to be installed', async (t) => {
  const { ddi, device } = await bench(t)
  ddi.action = { id: '3', files, download: 'skip', update: 'skip', maintenanceWindow: 'unavailable' }
  t.same(await device().check(SIGNAL), [])
  t.same(ddi.feedback, [])
  ddi.action = { id: '4', files, update: 'skip' }
  const offers = device()
  t.same(await offers.check(SIGNAL), [])
  await offers.steering.settled()
  t.match(ddi.feedback, [{ id: '4', finished: 'failure', details: [/only downloads/] }])
})

test('a soft update asks the people of the station, also while the server is away', async (t) => {
  const { ddi, device } = await bench(t)
  ddi.action = { id: '3', files, update: 'attempt' }
  await device().check(SIGNAL)
  ddi.fault = (_, response) => Boolean(response.destroy())
  const standing = { consent: undefined, ready: true, signal: SIGNAL }
  t.same(await device().steering.orders(TARGET, standing), { waitFor: [], ask: 'the update is a soft one' })
  ddi.fault = () => false
  ddi.action = { ...ddi.action, update: 'forced' }
  t.same(await device().steering.orders(TARGET, standing), { waitFor: [] }, 'its time has come')
})

test('an action that waits for a yes gets it from whoever agrees at the station', async (t) => {
  const { ddi, device } = await bench(t)
  ddi.action = { id: '3', files, confirm: true }
  let now = 0
  const offers = device({ clock: { ...systemClock, now: () => now } })
  t.equal((await offers.check(SIGNAL)).length, 1)
  offers.steering.report(status('waiting', { waiting_for: ['consent of the operator'] }))
  const standing = { consent: undefined, ready: true, signal: SIGNAL }
  const asks = { waitFor: [], ask: 'the hawkBit server asks for it' }
  t.same(await offers.steering.orders(TARGET, standing), asks)
  t.same(ddi.confirmations, [])
  ddi.fault = (_, response) => Boolean(response.destroy())
  const agreed = { ...standing, consent: 'camille' }
  const unheard = await offers.steering.orders(TARGET, agreed)
  t.same(unheard.waitFor, ['the hawkBit server to hear of the consent'])
  ddi.fault = () => false
  now = 30_000
  t.same((await offers.steering.orders(TARGET, agreed)).waitFor, [])
  t.same(ddi.confirmations, [{ confirmation: 'confirmed', details: ['camille agreed'] }])
  offers.steering.report(status('committed'))
  await offers.steering.settled()
  t.same(
    ddi.feedback.map(({ execution }) => execution),
    ['closed'],
    'before the yes nothing runs for the server',
  )
})

test('what is refused is said no to, once, where the server waits for a yes', async (t) => {
  const { ddi, device } = await bench(t)
  ddi.action = { id: '3', files: { [FILE]: content }, confirm: true }
  const offers = device()
  await t.rejects(offers.check(SIGNAL), { code: 'signatures' })
  await offers.steering.settled()
  t.match(ddi.confirmations, [{ confirmation: 'denied', details: [/^refused: .*statement\.json beside it/] }])
  t.same(await device().check(SIGNAL), [])
  t.equal(ddi.confirmations.length, 1)
})

test('an action that somebody closed on the server is given up; so is one that another came for', async (t) => {
  const { ddi, device } = await bench(t)
  const standing = { consent: undefined, ready: true, signal: SIGNAL }
  ddi.action = { id: '3', files }
  await device().check(SIGNAL)
  ddi.action = undefined
  t.match(await device().steering.orders(TARGET, standing), { cancelled: /asks for it no longer/ })
  ddi.action = { id: '4', files }
  t.equal((await device().check(SIGNAL)).length, 1, 'asked for anew, it is taken anew')
  t.same(await device().steering.orders(TARGET, standing), { waitFor: [] })
  ddi.action = { id: '5', files: newer }
  t.match(await device().steering.orders(TARGET, standing), { cancelled: /asks for something else/ })
})

test('a download is broken off when its action is', async (t) => {
  const { ddi, device } = await bench(t)
  ddi.action = { id: '3', files }
  ddi.sleep = '00:00:10'
  const hasty = {
    ...systemClock,
    sleep: (_ms: number, signal?: AbortSignal) => systemClock.sleep(20, signal),
  }
  let now = 0
  const offers = device({ clock: { ...hasty, now: () => now } })
  const offer = await only(offers)
  ddi.fault = (request, response) => {
    if (!isFile(request)) return false
    response.writeHead(200, { 'Content-Length': content.length, ETag: '"1"' })
    response.write(content.subarray(0, 70_000))
    ddi.canceling = true
    now = 10_000
    return true
  }
  await t.rejects(offers.fetch(offer, { signal: SIGNAL }), { code: 'not-offered', message: /called off/ })
  t.same([...ddi.closed], [['3', 'canceled']])
})

test('a line that runs is no reason to write all day', async (t) => {
  const { ddi, device } = await bench(t)
  ddi.action = { id: '3', files }
  let wall = Date.now()
  const { steering, check } = ((offers) => ({
    steering: offers.steering,
    check: () => offers.check(SIGNAL),
  }))(device({ clock: { ...systemClock, wall: () => wall } }))
  await check()
  for (let parts = 1; parts <= 120; parts++) {
    wall += 60_000
    steering.report(status('waiting', { waiting_for: [`${parts} parts on the belt`] }))
  }
  await steering.settled()
  t.same(
    ddi.feedback.map(({ details }) => details[1]),
    ['1 parts on the belt', '61 parts on the belt'],
  )
})

test('while the server is away what is told is kept, the end above all', async (t) => {
  const { ddi, device } = await bench(t)
  ddi.action = { id: '3', files }
  const offers = device()
  await offers.check(SIGNAL)
  ddi.fault = (_, response) => Boolean(response.destroy())
  for (let turn = 0; turn < 30; turn++) {
    offers.steering.report(status('switching'))
    offers.steering.report(status('waiting', { waiting_for: [`${turn}`] }))
  }
  offers.steering.report(status('committed'))
  const asked = ddi.asked.length
  await offers.steering.settled()
  t.ok(ddi.asked.length - asked <= 1, 'it is not asked each time')
  ddi.fault = () => false
  await device().check(SIGNAL)
  t.equal(ddi.feedback.length, 20)
  t.same([...ddi.closed], [['3', 'success']])
})

test('whoever waits for somebody at the station does not ask every few seconds', async (t) => {
  const { ddi, device } = await bench(t)
  ddi.action = { id: '3', files, update: 'attempt' }
  let now = 0
  const { check, steering } = ((offers) => ({
    check: () => offers.check(SIGNAL),
    steering: offers.steering,
  }))(device({ clock: { ...systemClock, now: () => now } }))
  await check()
  const standing = { consent: undefined, ready: true, signal: SIGNAL }
  const before = ddi.asked.length
  for (; now < 290_000; now += 10_000) await steering.orders(TARGET, standing)
  t.equal(ddi.asked.length, before)
  await steering.orders(TARGET, { ...standing, consent: 'camille' })
  t.ok(ddi.asked.length > before, 'once there is a yes, it is asked once more')
})

test('a server that is away is asked less and less often, whoever has agreed', async (t) => {
  const { ddi, device } = await bench(t)
  ddi.action = { id: '3', files, confirm: true }
  let now = 0
  const offers = device({ clock: { ...systemClock, now: () => now } })
  await offers.check(SIGNAL)
  ddi.fault = (_, response) => Boolean(response.destroy())
  const asked = ddi.asked.length
  const standing = { consent: 'camille', ready: true, signal: SIGNAL }
  for (; now < 600_000; now += 10_000) await offers.steering.orders(TARGET, standing)
  // At least 15, 30, 60, 120, 240 s between two attempts: six in ten minutes, and one asks twice.
  t.ok(ddi.asked.length - asked <= 12, `${ddi.asked.length - asked} requests`)
})

test('what the server has heard enough of, or never wants, stops nothing', async (t) => {
  const { ddi, device } = await bench(t)
  ddi.action = { id: '3', files }
  ddi.fault = ({ method }, response) => {
    if (method === 'GET') return false
    response.writeHead(403).end()
    return true
  }
  const offers = device()
  t.equal((await offers.check(SIGNAL)).length, 1, 'no attributes: no matter')
  offers.steering.report(status('downloading'))
  await offers.steering.settled()
  t.same((await offers.steering.memory.read()).unheard, [], 'a quota is not asked again')
  t.equal((await offers.check(SIGNAL)).length, 1)
})

test('an answer for the server before is not brought to the one after it', async (t) => {
  const { ddi, device } = await bench(t)
  ddi.action = { id: '3', files: { [FILE]: content }, confirm: true }
  const before = device()
  ddi.fault = ({ method }, response) => method === 'POST' && Boolean(response.destroy())
  await t.rejects(before.check(SIGNAL), { code: 'signatures' })
  await before.steering.settled()
  t.equal((await before.steering.memory.read()).unheard.length, 1)
  const next = await bench(t)
  next.ddi.action = { id: '9', files }
  const after = device({ url: new URL(next.ddi.url) })
  t.equal((await after.check(SIGNAL)).length, 1)
  t.same([next.ddi.confirmations, ddi.confirmations], [[], []])
  t.same((await after.steering.memory.read()).unheard, [])
})

test('the publisher goes home', async (t) => {
  await publisher.close()
  t.end()
})
