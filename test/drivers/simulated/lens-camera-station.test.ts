import { pino } from 'pino'
import { test } from 'tap'
import { decode } from '../../../drivers/camera/frame.ts'
import type { CameraImage } from '../../../drivers/camera/image.ts'
import { systemClock } from '../../../drivers/clock.ts'
import { emptyField, lensOf } from '../../../drivers/simulated/lens-camera.ts'
import { renderLens } from '../../../drivers/simulated/lens-render.ts'
import type { LensScene } from '../../../drivers/simulated/lens-scene.ts'
import { SimulatedLine } from '../../../drivers/simulated/line.ts'
import { CameraUnit, cameraOpening } from '../../../gateway/camera.ts'
import { cameraOptions, cameraSource } from '../../../gateway/camera-options.ts'
import { parseConfig } from '../../../gateway/config.ts'

const clock = systemClock

async function shows(image: CameraImage, scene: LensScene): Promise<boolean> {
  const { pixels } = await decode(image)
  const truth = renderLens(scene).pixels
  return (
    pixels.reduce((sum, value, index) => sum + Math.abs(value - (truth[index] ?? 0)), 0) < 2 * pixels.length
  )
}

test('part n of the simulated line is lens n under the simulated camera', async (t) => {
  const config = cameraOptions.parse({ kind: 'simulated', seed: 12, level: 'clean', expected: 'heart' })
  const line = new SimulatedLine({ seed: 1, emptyRate: 0 })
  const source = await cameraSource(config, line.lens)
  if (source.kind !== 'simulated') throw new Error(source.kind)
  const unit = new CameraUnit({
    open: cameraOpening(config, { PATH: process.env.PATH }, clock, line.lens),
    clock,
    log: pino({ level: 'silent' }),
    random: () => 0,
  })
  const { signal } = new AbortController()
  line.next()
  await unit.start(signal)
  t.teardown(() => unit.stop())
  while (unit.newest() === undefined) await clock.sleep(20)
  const image = await unit.measure(Number.NEGATIVE_INFINITY, signal)
  t.match(image, { width: 1280, height: 960 })
  t.ok(await shows(image, lensOf(source.lenses, 1)))
  line.clear()
  t.ok(await shows(await unit.measure(clock.now(), signal), emptyField(source.lenses)))
})

test('an empty place on the line is an empty field', (t) => {
  const line = new SimulatedLine({ seed: 1, emptyRate: 1 })
  line.next()
  t.equal(line.lens.number, undefined)
  t.end()
})

test('the configuration of a simulated camera', async (t) => {
  const place = new SimulatedLine({ seed: 1 }).lens
  const sourceOf = (camera: object) =>
    cameraSource(cameraOptions.parse({ kind: 'simulated', ...camera }), place)
  t.strictSame(await sourceOf({}), {
    ...{ kind: 'simulated', fps: 10, symbols: undefined, place },
    lenses: { seed: 1, wrongShare: 0, faultShare: 0, level: 'usual', polarity: 'bright' },
  })
  const all = { expected: 'heart', wrong_share: 0.1, fault_share: 0.2, addition: '2.25', nasal_text: '67' }
  t.match(await sourceOf({ ...all, symbols: 'engravings', light: 'dark', seed: 9, distinct: 20 }), {
    symbols: 'engravings',
    lenses: {
      ...{ seed: 9, distinct: 20, polarity: 'dark', wrongShare: 0.1, faultShare: 0.2 },
      ...{ expected: 'heart', addition: '2.25', nasalText: '67' },
    },
  })
  await t.rejects(cameraSource(cameraOptions.parse({ kind: 'simulated' })), /no simulated line brings lenses/)
  const problem = (camera: object) => {
    const parsed = parseConfig({ camera: { kind: 'simulated', ...camera } })
    return 'problems' in parsed ? parsed.problems[0] : undefined
  }
  t.match(problem({ wrong_share: 0.1 }), { path: ['camera', 'wrong_share'] })
  t.match(problem({ fault_share: 2 }), { path: ['camera', 'fault_share'] })
  t.match(problem({ addition: '2,25' }), { path: ['camera', 'addition'] })
  t.match(problem({ width: 640 }), { path: ['camera', 'width'] })
})
