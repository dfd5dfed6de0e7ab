import { copyFile, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'tap'
import { readModel } from '../../../gateway/vision/model.ts'
import { confidenceOf, readTextRule, type TextRule, weighed } from '../../../gateway/vision/text-rule.ts'

const FOLDER = fileURLToPath(new URL('../../../../models/engraving-text/', import.meta.url))

test('what lenses usually carry is more likely than what looks alike', (t) => {
  const rule: TextRule = {
    alphabet: [...'245.'],
    usual: { times: 10, texts: new Set(['2.25']) },
    confidence: { slope: 1.5, offset: -0.2 },
  }
  const read = weighed(
    [
      { text: '2.45', probability: 0.5 },
      { text: '2.25', probability: 0.2 },
    ],
    rule,
  )
  // 2 : 0.5, and the 0.3 of all that is not told.
  t.match(read, [{ text: '2.25' }, { text: '2.45' }])
  t.ok(Math.abs((read[0]?.probability ?? 0) - 2 / 2.8) < 1e-9)
  t.ok(confidenceOf(0.9, rule) > confidenceOf(0.5, rule))
  t.ok(confidenceOf(1, rule) <= 1 && confidenceOf(0, rule) >= 0)
  t.end()
})

test('a model that is damaged, or whose manifest is not a recogniser’s, is refused by name', async (t) => {
  const folder = t.testdir()
  const manifest: Record<string, unknown> = JSON.parse(await readFile(join(FOLDER, 'manifest.json'), 'utf8'))
  const bytes = await readFile(join(FOLDER, 'engraving-text.onnx'))
  await copyFile(join(FOLDER, 'manifest.json'), join(folder, 'manifest.json'))
  await writeFile(join(folder, 'engraving-text.onnx'), bytes.fill(0, 1000, 1100))
  await t.rejects(readModel(folder), { name: 'ModelError', fault: 'hash' })
  const good = { alphabet: '01', usual: { times: 1, texts: '' }, confidence: { slope: 1, offset: 0 } }
  await writeFile(join(folder, 'manifest.json'), JSON.stringify({ text: good }))
  t.same((await readTextRule(folder)).alphabet, ['0', '1'])
  for (const [name, text] of [
    ['none', undefined],
    ['a character twice', { ...good, alphabet: '00' }],
    ['a falling confidence', { ...good, confidence: { slope: -1, offset: 0 } }],
    ['usual texts that are less likely', { ...good, usual: { times: 0.5, texts: '67' } }],
  ] as const) {
    await writeFile(join(folder, 'manifest.json'), JSON.stringify({ ...manifest, text }))
    await t.rejects(readTextRule(folder), { name: 'ModelError', fault: 'manifest' }, name)
  }
  await t.rejects(readTextRule(join(folder, 'gone')), { name: 'ModelError', fault: 'missing' })
})
