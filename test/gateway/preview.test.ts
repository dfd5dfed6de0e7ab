import { test } from 'tap'
import type { Spectrum } from '../../drivers/as7341/counts.ts'
import { VirtualClock } from '../../drivers/simulated/clock.ts'
import type { BusHead } from '../../gateway/inspect.ts'
import { Preview } from '../../gateway/preview.ts'

const SPECTRUM: Spectrum = { kind: 'as7341', takenAt: 0, counts: { F1_415nm: 100 }, saturated: [] }

/** A head that takes `measureMs`, and somebody who watches what they name. */
function stage(watched: readonly string[], measureMs = 100) {
  const clock = new VirtualClock()
  const calls = { asked: 0, aborted: 0 }
  const shown: { readonly name: string; readonly text: string; readonly at: number }[] = []
  const state = { idle: true }
  const head: BusHead = {
    id: 'spectral',
    kind: 'as7341',
    measure: async (_, signal) => {
      calls.asked += 1
      try {
        await clock.sleep(measureMs, signal)
      } catch (error) {
        calls.aborted += 1
        throw error
      }
      return SPECTRUM
    },
  }
  const preview = new Preview({
    heads: [head, { ...head, id: 'second' }],
    clock,
    idle: () => state.idle,
    picture: () => Promise.resolve(Uint8Array.of(0xff, 0xd8)),
    screen: {
      watched: (name) => watched.includes(name),
      show: (name, payload) =>
        shown.push({ name, text: Buffer.from(payload).toString('latin1'), at: clock.now() }),
    },
  })
  return { clock, calls, shown, state, preview }
}

test('nobody looks: nothing is asked and nothing is shown', async (t) => {
  const { clock, calls, shown, preview } = stage([])
  await preview.start()
  await clock.sleep(5000)
  await preview.stop()
  t.strictSame([calls.asked, shown.length], [0, 0])
})

test('while no part comes the main head of a kind is asked, twice a second', async (t) => {
  const { clock, shown, preview } = stage(['spectrum', 'camera'])
  await preview.start()
  await clock.sleep(1900)
  await preview.stop()
  const spectra = shown.filter(({ name }) => name === 'spectrum')
  t.strictSame(
    spectra.map(({ at }) => at),
    [100, 600, 1100, 1600],
  )
  t.match(JSON.parse(spectra[0]?.text ?? ''), {
    schema: 'poincon.preview/1',
    head: 'spectral',
    kind: 'as7341',
    channels: { F1_415nm: 100 },
    timestamp: '2026-01-01T00:00:00.100Z',
  })
  t.equal(shown.filter(({ name, text }) => name === 'camera' && text === '\xff\xd8').length, 4)
})

test('a part that comes has the head at once', async (t) => {
  const { clock, calls, shown, preview } = stage(['spectrum'])
  await preview.start()
  await clock.sleep(50)
  preview.makeWay()
  await clock.sleep(1)
  t.strictSame([calls.asked, calls.aborted, shown.length], [1, 1, 0])
  await preview.stop()
})

test('while parts come their own measurements are shown, throttled, and no head is asked', async (t) => {
  const { clock, calls, shown, state, preview } = stage(['spectrum'])
  state.idle = false
  await preview.start()
  for (let part = 0; part < 20; part += 1) {
    preview.measured(new Map([['spectral', SPECTRUM]]))
    await clock.sleep(100)
  }
  await preview.stop()
  t.equal(calls.asked, 0)
  t.equal(shown.length, 4)
})
