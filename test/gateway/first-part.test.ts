import { test } from 'tap'
import { FirstPart } from '../../gateway/first-part.ts'
import type { Judgement } from '../../gateway/inspection.ts'
import { silentLog } from '../../gateway/log.ts'

const GOOD: Judgement = {
  verdict: { kind: 'graded', grade: 'A', score: 0.8, action: 'accept', findings: [{ code: 'fat' }] },
}
const BAD: Judgement = {
  verdict: { kind: 'graded', grade: 'REJECT', score: 0.2, action: 'reject', findings: [] },
}

function remembering() {
  const kept = new Map<string, unknown>()
  const state = {
    get: (key: string) => Promise.resolve(kept.get(key)),
    set: (key: string, value: unknown) => Promise.resolve(void kept.set(key, value)),
  }
  return { kept, open: () => new FirstPart(state, silentLog) }
}

test('after a changeover good parts are held until a person has seen one', async (t) => {
  const check = remembering().open()
  t.equal(check.over(GOOD), GOOD, 'nobody asked for it')
  await check.changed(true)
  t.equal(check.over(BAD), BAD, 'what is not good goes its way')
  await check.resumed('Anne')
  t.equal(check.wanted, true, 'there was nothing to look at yet')
  t.match(check.over(GOOD), {
    verdict: { grade: 'A', action: 'hold', findings: [{ code: 'fat' }, { code: 'first_part' }] },
  })
  t.match(check.over(GOOD), { verdict: { action: 'hold' } }, 'those behind it, too')
  await check.resumed('Anne')
  t.equal(check.over(GOOD), GOOD)
})

test('a restart does not forget that it is wanted; a recipe that does not ask ends it', async (t) => {
  const memory = remembering()
  await memory.open().changed(true)
  const after = memory.open()
  await after.load()
  t.match(after.over(GOOD), { verdict: { action: 'hold' } })
  await after.changed(false)
  t.equal(after.over(GOOD), GOOD)
  const last = memory.open()
  await last.load()
  t.equal(last.wanted, false)
})
