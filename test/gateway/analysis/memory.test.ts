import { test } from 'tap'
import { Memory, Workspace } from '../../../gateway/analysis/memory.ts'

test('arrays of one memory are zeros, and apart', (t) => {
  const memory = new Memory(5)
  const one = memory.take(2).fill(1)
  const other = memory.take(3)
  t.same([...one], [1, 1])
  t.same([...other], [0, 0, 0])
  t.throws(() => memory.take(1), RangeError, 'there is no more than was asked for')
  t.end()
})

test('a workspace hands out the same arrays again, as zeros', (t) => {
  const workspace = new Workspace()
  const [one, other] = [workspace.take(3).fill(7), workspace.take(3).fill(8)]
  t.not(one, other, 'not twice before it is cleared')
  workspace.clear()
  t.equal(workspace.take(3), one)
  t.same([...one], [0, 0, 0])
  t.same([...workspace.take(2)], [0, 0], 'another length is another array')
  t.end()
})
