import { test } from 'tap'
import { gaugeStudy } from '../../../gateway/analysis/gauge-rr.ts'
import { parseReadings, readingsCsv } from '../../../gateway/calibration/gauge-csv.ts'
import { gaugeTable } from '../../../gateway/calibration/gauge-table.ts'

const READINGS = `# depth, mm
part;operator;repeat;value
1;Anna;1;10,1
1;Anna;2;10,2
1;Luc;1;10,0
1;Luc;2;10,2
2;Anna;1;12,1
2;Anna;2;12,0
2;Luc;1;12,2
2;Luc;2;12,1
`

test('readings of a spreadsheet, and back', (t) => {
  const readings = parseReadings(READINGS, 'study.csv')
  t.equal(readings.length, 8)
  t.strictSame(readings[0], { part: '1', operator: 'Anna', value: 10.1 })
  t.strictSame(parseReadings(readingsCsv(readings), 'again.csv'), readings)
  t.end()
})

test('a line that is none is named', (t) => {
  t.throws(() => parseReadings('', 'a.csv'), /^a.csv: empty: expected a line part,operator,value$/)
  t.throws(
    () => parseReadings('part,who,value\n', 'a.csv'),
    /^a.csv:1: part,who,value: expected a column operator$/,
  )
  for (const line of ['1,Anna,high', '1,,3', ',Anna,3', '1,Anna,', '1']) {
    t.throws(
      () => parseReadings(`part,operator,value\n${line}\n`, 'a.csv'),
      new Error(`a.csv:2: ${line}: expected a part, an operator and a number`),
    )
  }
  t.end()
})

test('the table has what an auditor looks for', (t) => {
  const study = gaugeStudy(parseReadings(READINGS, 'study.csv'), { tolerance: 4 })
  const options = { quantity: 'depth, mm', sigmas: 6, confidence: 0.95, poolAbove: 0.25, tolerance: 4 }
  const text = gaugeTable(study, options).join('\n')
  t.match(text, /2 parts × 2 operators × 2 repeats; study variation 6 standard deviations/)
  t.match(text, /Analysis of variance with interaction/)
  t.match(text, /Source +variance +%contrib\. +std +6 × std +%study +%tol\./)
  t.match(text, /Total \(TV\) .* 100\.00 /)
  t.match(text, /\(ndc\): \d+/)
  t.match(text, /acceptable: %GRR below 10 %; tolerance 4/)
  t.end()
})
