import { test } from 'tap'
import { decide, type MatchRule } from '../../../gateway/vision/decision.ts'
import { galleryOf, nearest } from '../../../gateway/vision/gallery.ts'
import { scored } from '../../../gateway/vision/head.ts'
import { trained } from '../../../gateway/vision/head-trial.ts'
import { crowd, labelled } from './labelled.ts'

const RULE: MatchRule = {
  ...{ turn_penalty_per_45_deg: 0.2, second_weight: 0.25, unknown_below: 0.55, one_of_within: 0.02 },
  ...{ confidence_slope: 10, confidence_offset: -5 },
}
const TWINS = { symbols: 12, each: 12, twins: 0.12, hand: 0.25 }

test('where hands differ more than symbols do, a head is better, and is better on what neither has seen', (t) => {
  const { head, trial } = trained(crowd(1, TWINS), RULE)
  t.match(trial, { symbols: 12, pictures: 144, few: [], verdict: 'better' })
  t.ok(trial.known.head > trial.known.prototypes + 10, `${trial.known.prototypes} → ${trial.known.head}`)
  t.ok(trial.unknown.head >= trial.unknown.prototypes, 'no more unknown pass')
  const gallery = galleryOf(crowd(1, TWINS).flatMap(({ prototypes }) => prototypes))
  const right = (learnt: boolean): number =>
    crowd(2, TWINS).filter(({ symbol, prototypes: [asked] }) => {
      const vector = asked?.vector ?? new Float32Array()
      const near = nearest(gallery, vector, { most: 64, turnPenaltyPer45Deg: 0.2 })
      const said = decide(scored(near, vector, learnt ? head : undefined), RULE)
      return said.kind === 'known' && said.symbol === symbol
    }).length
  t.ok(right(true) > right(false) + 10, `of 144: ${right(false)} by prototypes, ${right(true)} with the head`)
  t.end()
})

test('where prototypes serve, a head is not used: it has nothing to gain', (t) => {
  const { trial } = trained(crowd(3, { symbols: 8, each: 6 }), RULE)
  t.match(trial, { verdict: 'not-better', known: { gained: 0, lost: 0 }, chance: 1 })
  t.equal(trial.known.prototypes, trial.known.asked)
  t.end()
})

test('symbols of few pictures have no row, and are asked about all the same', (t) => {
  const many = crowd(4, { symbols: 6, each: 5 })
  const few = crowd(5, { symbols: 8, each: 2 }).filter(({ symbol }) => symbol > 's05')
  const { head, trial } = trained([...many, ...few], RULE)
  t.same(trial.few, ['s06', 's07'])
  t.equal(head.rows.has('s06'), false)
  t.end()
})

test('the same pictures give the same head, to the last bit, in whatever order and however often', (t) => {
  const pictures = crowd(6, { symbols: 5, each: 5, hand: 0.2 })
  const once = trained(pictures, RULE)
  const again = trained([...pictures.toReversed(), ...pictures], RULE)
  t.same([...again.head.rows], [...once.head.rows])
  t.same(again.trial, once.trial)
  t.end()
})

test('what nothing can be learnt from is refused by name', (t) => {
  const fault = (name: string, message: RegExp) => ({ name: 'TrainingError', fault: name, message })
  const refused = (pictures: ReturnType<typeof crowd>, expected: ReturnType<typeof fault>) =>
    t.throws(() => trained(pictures, RULE), expected)
  refused([], fault('too-few', /expected 4 symbols with 4 different pictures each, found none/))
  refused(crowd(7, { symbols: 1, each: 40 }), fault('too-few', /found s00 40/))
  refused(crowd(7, { symbols: 9, each: 3 }), fault('too-few', /found s00 3, s01 3/))
  // Saved anew a picture has another hash, and hardly another embedding: it is no other drawing.
  const [one] = crowd(8, { symbols: 4, each: 1 })
  const saved = Array.from({ length: 4 }, (_, number) =>
    labelled(
      's00',
      one?.prototypes[0]?.vector.map((part) => part + number * 1e-4) ?? new Float32Array(),
      `${number}`,
    ),
  )
  const others = crowd(8, { symbols: 4, each: 4, noise: 0.1 }).filter(({ symbol }) => symbol !== 's00')
  refused([...saved, ...others], fault('too-few', /found s00 1, s01 4/))
  const pictures = crowd(9, { symbols: 4, each: 4 })
  const mistaken = {
    ...(pictures[0] ?? labelled('', new Float32Array(), '')),
    symbol: 's03',
    name: 's03/copy.png',
  }
  refused([...pictures, mistaken], fault('labelled-twice', /s03\/copy\.png: the same picture as s00\/0\.png/))
  t.end()
})
