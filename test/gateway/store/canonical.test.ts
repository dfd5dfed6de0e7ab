import { test } from 'tap'
import { CanonicalWriter, canonical, HOLE } from '../../../gateway/store/log/canonical.ts'
import { inspectionDraft, randomFrom } from './drafts.ts'

/** The double with these IEEE 754 bits, as RFC 8785 writes them down. */
function double(bits: string): number {
  return Buffer.from(bits, 'hex').readDoubleBE()
}

test('numbers are written as in appendix B of RFC 8785', (t) => {
  const samples: readonly (readonly [bits: string, text: string])[] = [
    ['0000000000000000', '0'],
    ['8000000000000000', '0'],
    ['0000000000000001', '5e-324'],
    ['8000000000000001', '-5e-324'],
    ['7fefffffffffffff', '1.7976931348623157e+308'],
    ['ffefffffffffffff', '-1.7976931348623157e+308'],
    ['4340000000000000', '9007199254740992'],
    ['c340000000000000', '-9007199254740992'],
    ['4430000000000000', '295147905179352830000'],
    ['44b52d02c7e14af5', '9.999999999999997e+22'],
    ['44b52d02c7e14af6', '1e+23'],
    ['44b52d02c7e14af7', '1.0000000000000001e+23'],
    ['444b1ae4d6e2ef4e', '999999999999999700000'],
    ['444b1ae4d6e2ef4f', '999999999999999900000'],
    ['444b1ae4d6e2ef50', '1e+21'],
    ['3eb0c6f7a0b5ed8c', '9.999999999999997e-7'],
    ['3eb0c6f7a0b5ed8d', '0.000001'],
    ['41b3de4355555553', '333333333.3333332'],
    ['41b3de4355555554', '333333333.33333325'],
    ['41b3de4355555555', '333333333.3333333'],
    ['41b3de4355555556', '333333333.3333334'],
    ['41b3de4355555557', '333333333.33333343'],
    ['becbf647612f3696', '-0.0000033333333333333333'],
    ['43143ff3c1cb0959', '1424953923781206.2'],
  ]
  for (const [bits, text] of samples) t.equal(canonical(double(bits)), text, bits)
  t.throws(() => canonical(double('7fffffffffffffff')), TypeError, 'NaN')
  t.throws(() => canonical(double('7ff0000000000000')), TypeError, 'infinity')
  t.throws(() => canonical([1, Number.NEGATIVE_INFINITY]), TypeError, 'infinity inside')
  t.end()
})

test('every number is written as ECMAScript writes it, whichever way it takes', (t) => {
  const random = randomFrom(7)
  const wrong: number[] = []
  const compare = (value: number): void => {
    if (canonical(value) !== JSON.stringify(value)) wrong.push(value)
  }
  for (let thousandths = -5_000; thousandths <= 50_000; thousandths += 1) compare(thousandths / 1000)
  // Up to where a scaled number is no 32-bit integer any more, and a little beyond.
  for (let step = -20; step <= 20; step += 1) compare(214_748.3647 + step / 10_000)
  for (const whole of [0, 9, 10, 999, 1000, 9999, 10_000, 10_001, 99_999, 100_000, 214_748]) {
    for (const part of [0, 1, 10, 100, 1000, 1001, 9990, 9999]) compare((whole * 10_000 + part) / 10_000)
  }
  for (let sample = 0; sample < 100_000; sample += 1) {
    const value = (random() - 0.5) * 10 ** Math.floor(random() * 12 - 3)
    const rounded = Number(value.toFixed(Math.floor(random() * 6)))
    // The neighbours of a short decimal must not be taken for it.
    for (const near of [value, rounded, rounded * (1 + Number.EPSILON), rounded * (1 - Number.EPSILON)])
      compare(near)
  }
  t.same(wrong, [])
  t.end()
})

test('members are sorted by UTF-16 code units (RFC 8785 §3.2.3)', (t) => {
  const value = {
    '\u20ac': 'Euro Sign',
    '\r': 'Carriage Return',
    '\ufb33': 'Hebrew Letter Dalet With Dagesh',
    '1': 'One',
    '\ud83d\ude00': 'Emoji: Grinning Face',
    '\u0080': 'Control',
    '\u00f6': 'Latin Small Letter O With Diaeresis',
  }
  t.equal(
    canonical(value),
    '{"\\r":"Carriage Return","1":"One","\u0080":"Control","\u00f6":"Latin Small Letter O With Diaeresis",' +
      '"\u20ac":"Euro Sign","\ud83d\ude00":"Emoji: Grinning Face","\ufb33":"Hebrew Letter Dalet With Dagesh"}',
  )
  t.equal(canonical({ 10: 'a', 9: 'b', B: { b: 1, a: 2 } }), '{"10":"a","9":"b","B":{"a":2,"b":1}}')
  t.equal(canonical(JSON.parse('{"b":1,"__proto__":2}')), '{"__proto__":2,"b":1}')
  t.end()
})

test('objects of the same keys are written alike, in whatever order those were set', (t) => {
  const writer = new CanonicalWriter()
  for (let round = 0; round < 2; round += 1) {
    t.same(writer.pieces({ b: 1, a: 2, 'ü"': 3 }), ['{"a":2,"b":1,"ü\\"":3}'])
    t.same(writer.pieces({ b: 1, 'ü"': 3, a: 2 }), ['{"a":2,"b":1,"ü\\"":3}'])
    t.same(writer.pieces({ b: 1, a: undefined }), ['{"b":1}'])
    t.same(writer.pieces({ b: undefined, a: 2 }), ['{"a":2}'])
  }
  // More kinds of object than are remembered.
  for (let kind = 0; kind < 1000; kind += 1) {
    const [first, last] = [`k${kind % 300}`, `a${kind}`]
    t.same(writer.pieces({ [first]: 1, [last]: 2 }), [`{"${last}":2,"${first}":1}`])
  }
  t.end()
})

test('strings and literals are written as in §3.2.2 of RFC 8785', (t) => {
  const value = JSON.parse(`{
    "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
    "string": "\\u20ac$\\u000F\\u000aA'\\u0042\\u0022\\u005c\\\\\\"\\/",
    "literals": [null, true, false]
  }`)
  t.equal(
    canonical(value),
    '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],' +
      '"string":"\u20ac$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}',
  )
  t.equal(canonical('\b\t\n\f\r\u0000\u001f\u007f'), '"\\b\\t\\n\\f\\r\\u0000\\u001f\u007f"')
  t.throws(() => canonical('\ud800'), TypeError, 'a lone surrogate')
  t.throws(() => canonical({ '\udead': 1 }), TypeError, 'a lone surrogate in a name')
  t.end()
})

test('what JSON cannot say is refused, what is not there is left out', (t) => {
  t.equal(canonical({ b: undefined, a: [] }), '{"a":[]}')
  t.equal(canonical({}), '{}')
  t.equal(canonical([[], {}]), '[[],{}]')
  for (const value of [
    undefined,
    () => 1,
    1n,
    Symbol('s'),
    [undefined],
    new Date(0),
    new Map(),
    Buffer.of(1),
  ]) {
    t.throws(() => canonical(value), TypeError)
  }
  t.end()
})

test('a canonical text is its own canonical form', (t) => {
  const random = randomFrom(3)
  for (let sample = 0; sample < 20; sample += 1) {
    const text = canonical(inspectionDraft(random))
    t.equal(canonical(JSON.parse(text)), text)
  }
  t.end()
})

test('holes cut the text where a value is not known yet', (t) => {
  const writer = new CanonicalWriter()
  t.same(writer.pieces({ c: HOLE, a: '\u0000', b: [HOLE, 1] }), ['{"a":"\\u0000","b":[', ',1],"c":', '}'])
  t.same(writer.pieces({ b: HOLE, a: 'é' }), ['{"a":"é","b":', '}'], 'the writer is used again')
  const long = 'é'.repeat(5000) + 'a'.repeat(50_000)
  t.same(writer.pieces([long, HOLE]), [`["${long}",`, ']'], 'and grows')
  t.same(writer.pieces([HOLE]), ['[', ']'])
  t.end()
})
