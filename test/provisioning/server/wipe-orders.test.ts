import { test } from 'tap'
import { openFleet } from '../../../provisioning/server/fleet.ts'
import { folder } from '../devices.ts'

test('a key that stays in its token is said, also after what was said before it was to go', async (t) => {
  const fleet = await openFleet(await folder(t))
  t.teardown(() => fleet.database.close())
  const deviceId = 'cell-6'
  await fleet.tokens.make({ deviceId, lifeMs: 1000 }, 1)
  await fleet.orders.decommission(deviceId, false, 2)
  const orderId = (await fleet.orders.open(deviceId))?.order_id ?? ''
  const report = (state: 'done' | 'failed' | 'waits', atMs: number) =>
    fleet.orders.report({ deviceId, orderId }, { state, detail: `${atMs}` }, atMs)
  t.equal(await report('done', 3), true)
  t.equal(await report('waits', 4), false)
  t.equal(await report('failed', 5), true)
  t.match(await fleet.orders.open(deviceId), { state: 'failed', detail: '5' }, 'it is open again')
})
