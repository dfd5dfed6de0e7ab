import { cp, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Test, test } from 'tap'
import { generateFirmware } from '../../../drivers/simulated/firmware.ts'
import { packImage } from '../../../drivers/vl53l8ch/firmware.ts'
import { modelsInForce } from '../../../gateway/models-in-force.ts'
import { checkContent } from '../../../gateway/self-test/content-check.ts'
import { flowsProblem } from '../../../gateway/self-test/flows-check.ts'
import { stFirmware } from '../../fakes/st-firmware.ts'

const ROOT = new URL('../../../../', import.meta.url)
const MODELS = fileURLToPath(new URL('models/', ROOT))

interface Given {
  readonly kind: string
  readonly name: string
  readonly own?: string
}

/** Checks a folder of content beside a device's own file. */
function check(t: Test, folder: string, { kind, name, own = '' }: Given) {
  const cwd = t.testdir({ 'poincon.yaml': `update:\n  dir: ${t.testdirName}/update\n${own}` })
  const candidate = { kind, name, version: '1.0.0', folder }
  return checkContent({ candidate, sources: { cwd, env: {} }, dataDir: undefined, models: MODELS })
}

test('a configuration: what it changes is told, and no secret', async (t) => {
  const folder = t.testdir({
    'configuration.yaml': `
limits: { waiting_triggers: 20 }
dry_run: true
influx: { url: "https://influx.example", database: line, token_file: /etc/poincon/influx-token }
`,
  })
  const own = 'dry_run: false\n'
  await t.test('beside the device’s own', async (t) => {
    const { changes, detail } = await check(t, folder, { kind: 'configuration', name: 'fleet', own })
    t.match(detail, /fleet 1\.0\.0 under .*poincon\.yaml: correct/)
    t.match(
      changes.filter(({ key }) => !key.startsWith('influx.')),
      [
        { key: 'limits.waiting_triggers', before: '16', after: '20' },
        { key: 'dry_run', before: 'false', after: 'false', kept: true },
      ],
    )
    t.match(changes[0], { key: /^influx\.(url|token_file)$/, before: undefined }, 'where data go comes first')
  })
  await t.test('one that the device cannot run', async (t) => {
    await writeFile(join(folder, 'configuration.yaml'), 'heads: { far: { kind: as7341, bus: no } }\n')
    await t.rejects(check(t, folder, { kind: 'configuration', name: 'fleet' }), {
      message: /heads\.far\.bus: "no": expected one of buses/,
    })
  })
})

test('flows: every node is of a type that this Node-RED has', async (t) => {
  const shipped = await readFile(new URL('flows/flows.json', ROOT), 'utf8')
  t.equal(await flowsProblem(shipped), undefined)
  const problem = (nodes: readonly object[]) => flowsProblem(JSON.stringify(nodes))
  t.match(await problem([{ id: 'a', type: 'telegram sender' }]), /type telegram sender is not known/)
  t.match(
    await problem([
      { id: 'a', type: 'inject' },
      { id: 'a', type: 'debug' },
    ]),
    /node a: is there twice/,
  )
  t.match(await problem([{ id: 'a', type: 'subflow:b' }]), /subflow b is not in the file/)
  t.match(await problem([]), /expected a list of nodes/)
  t.match(await flowsProblem('{'), /expected a list of nodes/)
})

test('firmware: an image as the driver loads it', async (t) => {
  const given = { kind: 'firmware', name: 'vl53l8ch' }
  const unknown = t.testdir({ 'firmware.bin': Buffer.from(packImage(generateFirmware(3))) })
  await t.test('that nobody has published', async (t) => {
    await t.rejects(check(t, unknown, given), { message: /firmware\.bin: .*is not known/ })
    await t.rejects(check(t, unknown, { ...given, name: 'other' }), { message: /expected vl53l8ch/ })
  })
  const image = stFirmware()
  await t.test('of the chip’s maker', { skip: image === undefined && 'no recording' }, async (t) => {
    if (image === undefined) return
    const bytes = Buffer.from(packImage(image))
    const folder = t.testdir({ 'firmware.bin': bytes })
    await t.test('whole', async (t) => {
      t.match(await check(t, folder, given), { detail: `firmware SHA-256 ${image.sha256}` })
    })
    await t.test('with one bit off', async (t) => {
      bytes[bytes.length - 100] = (bytes[bytes.length - 100] ?? 0) ^ 1
      await writeFile(join(folder, 'firmware.bin'), bytes)
      await t.rejects(check(t, folder, given), { message: /firmware\.bin/ })
    })
  })
})

test('a model: its hash, its stored answer, and a picture read with it', async (t) => {
  const name = 'engraving-text'
  const folder = join(t.testdir({}), name)
  await cp(join(MODELS, name), folder, { recursive: true })
  const given = { kind: 'model', name }
  await t.test('good', async (t) => {
    t.match(await check(t, folder, given), { detail: /reading a lens: / })
    await t.rejects(check(t, folder, { ...given, name: 'lens-locator' }), {
      message: /model lens-locator, in its manifest engraving-text/,
    })
  })
  const manifest = await readFile(join(folder, 'manifest.json'), 'utf8')
  await t.test('that gives another answer than was stored with it', async (t) => {
    const other = JSON.parse(manifest)
    other.check.output = other.check.output.map((value: number) => value + 1)
    await writeFile(join(folder, 'manifest.json'), JSON.stringify(other))
    await t.rejects(check(t, folder, given), { message: /engraving-text on cpu: does not run: / })
  })
  await t.test('whose network is another file', async (t) => {
    await writeFile(join(folder, 'manifest.json'), manifest)
    await writeFile(join(folder, 'engraving-text.onnx'), 'x')
    await t.rejects(check(t, folder, given), { message: /sha256 .*, expected/ })
  })
  const content = [{ ...given, version: '1.0.0', folder }]
  t.same(modelsInForce(content, MODELS).lens, { locator: join(MODELS, 'lens-locator'), text: folder })
})

test('what no release takes is refused by its name', async (t) => {
  await t.rejects(check(t, t.testdir({}), { kind: 'os-image', name: 'system' }), {
    message: /os-image system: this release takes no such thing/,
  })
})
