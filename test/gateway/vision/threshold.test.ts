import { test } from 'tap'
import { Threshold } from '../../../gateway/vision/threshold.ts'

const gone = new Error('the thread has left')
const leave = (): never => {
  throw gone
}

test('a thread outside of the runtime may be ended, and does not go in again', async (t) => {
  const shared = Threshold.shared()
  const thread = new Threshold(shared)
  t.equal(await thread.within(() => Promise.resolve(7), leave), 7)
  t.equal(new Threshold(shared).bar(), true)
  let calls = 0
  await t.rejects(
    thread.within(() => Promise.resolve(calls++), leave),
    gone,
  )
  t.equal(calls, 0)
})

test('a thread inside of the runtime is left there, and leaves by itself when it comes out', async (t) => {
  const shared = Threshold.shared()
  let comeOut = (_: string): void => {}
  const call = new Threshold(shared).within(
    () =>
      new Promise<string>((resolve) => {
        comeOut = resolve
      }),
    leave,
  )
  t.equal(new Threshold(shared).bar(), false)
  comeOut('answer')
  await t.rejects(call, gone)
  t.equal(new Threshold(shared).bar(), true)
})
