import { test } from 'tap'
import {
  type OverriddenInspection,
  OverrideError,
  overrideOf,
  overrideSchema,
} from '../../gateway/override.ts'

const inspection: OverriddenInspection = {
  epoch: '01890a5d-ac96-774b-bcce-b302099a8057',
  sequence: 1234,
  id: '01890a5d-ac96-774b-bcce-b302099a8058',
  verdict: { action: 'reject', grade: 'REJECT' },
}
const record = { id: '01890a5d-ac96-774b-bcce-b302099a8059', at: '2026-03-01T08:00:00.000Z' }
const request = {
  inspection_id: inspection.id,
  by: 'Anna Berg',
  confirmed_by: 'Luc Morel',
  reason: 'glare of the film, the product is faultless',
  grade: 'B',
  action: 'accept',
}

test('two people decide otherwise, and say why; the inspection is only named', (t) => {
  const override = overrideOf(request, inspection, record)
  t.strictSame(override, {
    schema: 'poincon.override/1',
    ...record,
    inspection: { epoch: inspection.epoch, sequence: 1234, id: inspection.id },
    by: 'Anna Berg',
    confirmed_by: 'Luc Morel',
    reason: request.reason,
    verdict: { grade: 'B', action: 'accept' },
  })
  t.strictSame(overrideSchema.parse(JSON.parse(JSON.stringify(override))), override)
  t.end()
})

test('what may not be is refused by its field', (t) => {
  const wrong: readonly (readonly [object, RegExp])[] = [
    [{ reason: 'looks ok' }, /^reason: "looks ok": expected at least 10 characters/],
    [{ reason: '             ' }, /^reason: .*expected at least 10 characters/],
    [{ confirmed_by: 'Anna Berg' }, /^confirmed_by: .*expected another person than `by`/],
    [{ confirmed_by: ' anna  BERG.' }, /four eyes/],
    [{ confirmed_by: undefined }, /^confirmed_by: missing/],
    [{ by: '' }, /^by: "": expected the name of a person/],
    [{ grade: 'D' }, /^grade: "D"/],
    [{ grade: 'REJECT', action: 'accept' }, /a REJECT is never accepted/],
    [{ grade: 'REJECT', action: 'reject' }, /the verdict says so already$/],
    [{ inspection_id: record.id }, /^inspection_id: .*expected 01890a5d.*58/],
    [{ score: 1 }, /score/],
  ]
  for (const [change, message] of wrong) {
    t.throws(() => overrideOf({ ...request, ...change }, inspection, record), message)
  }
  t.throws(() => overrideOf('yes', inspection, record), OverrideError)
  t.end()
})
