import { encode } from '@msgpack/msgpack'
import { test } from 'tap'
import { SensorError } from '../../drivers/sensor.ts'
import { SimulatedBus } from '../../drivers/simulated/bus.ts'
import { VirtualClock } from '../../drivers/simulated/clock.ts'
import { generateFirmware } from '../../drivers/simulated/firmware.ts'
import { SimulatedVl53l8ch } from '../../drivers/simulated/vl53l8ch.ts'
import { Vl53l8ch } from '../../drivers/vl53l8ch/vl53l8ch.ts'
import { inspect, type MeasuringHead, observe, undecided } from '../../gateway/inspect.ts'
import { lookingHeads } from '../../gateway/look-plan.ts'
import { type LookPlan, scanLooks, severalLooks, stillLooks } from '../../gateway/looking.ts'
import {
  decodeRaw,
  encodeRaw,
  looksOf,
  type RawRecord,
  rawLine,
  rawRecord,
  rawRecordOf,
} from '../../gateway/raw.ts'
import { BUILT_IN_RECIPES } from '../../gateway/recipes/built-in.ts'
import { Player } from '../../gateway/replay/player.ts'
import { StillScene } from '../fakes/still-scene.ts'

const never = new AbortController().signal
const always = (): boolean => true
const firmware = generateFirmware(1)

/** A ranging head at 15 Hz. @param fails which measurement of it fails, from 1 */
async function rangingHead(fails?: number) {
  const clock = new VirtualClock()
  const bus = new SimulatedBus(clock, 1_000_000)
  bus.attach(0x29, new SimulatedVl53l8ch({ clock, scene: new StillScene() }))
  const chip = await Vl53l8ch.open(bus, clock, { firmware, zones: 64, rateHz: 15 })
  let asked = 0
  const count = (): void => {
    asked += 1
    if (asked === fails) throw new SensorError('tof', 'frozen', 'the same frame again')
  }
  const head: MeasuringHead = {
    id: 'tof',
    kind: 'vl53l8ch',
    measure: (since, signal) => {
      count()
      return chip.measure(since, signal)
    },
    next: (signal) => {
      count()
      return chip.next(signal)
    },
  }
  const look = (plan: LookPlan) => severalLooks(head, plan).looks?.(clock.now(), never) ?? Promise.reject()
  return { clock, head, look }
}

test('a part that stands still: consecutive frames, the first begun after the trigger', async (t) => {
  const { clock, look } = await rangingHead()
  const since = clock.now()
  const looks = await look(stillLooks(5, always))
  t.equal(looks.length, 5)
  const times = looks.map(({ frame }) => frame.takenAt)
  t.ok((times[0] ?? 0) > since)
  for (let i = 1; i < 5; i += 1) t.ok(Math.abs((times[i] ?? 0) - (times[i - 1] ?? 0) - 1000 / 15) < 4)
  t.ok(looks.every(({ beltMm }) => beltMm === undefined))
})

test('time that runs out ends the looks, and not the part', async (t) => {
  const { clock, look } = await rangingHead()
  const until = clock.now() + 300
  const looks = await look(stillLooks(15, (ms) => clock.now() + ms < until))
  t.ok(looks.length >= 2 && looks.length < 5, `${looks.length} looks in 300 ms`)
  t.ok(clock.now() <= until)
  t.equal((await look(stillLooks(5, () => false))).length, 1)
})

test('a part that passes: a frame every few millimetres, until it is through', async (t) => {
  const { clock, look } = await rangingHead()
  const since = clock.now()
  const looks = await look(scanLooks(100, (at) => (at - since) * 0.1, always))
  const places = looks.map(({ beltMm }) => beltMm ?? Number.NaN)
  t.ok((places.at(-1) ?? 0) >= 100 && (places.at(-2) ?? 0) < 100)
  for (let i = 2; i < places.length; i += 1) {
    t.ok(Math.abs((places[i] ?? 0) - (places[i - 1] ?? 0) - 100 / 15) < 0.5, `${i}: ${places[i]} mm`)
  }
})

test('a head that fails on the way leaves what it saw; one that saw nothing is a gap', async (t) => {
  const third = await rangingHead(3)
  t.equal((await third.look(stillLooks(5, always))).length, 2)
  const first = await rangingHead(1)
  const { gaps, measurements } = await observe(
    [severalLooks(first.head, stillLooks(5, always))],
    first.clock.now(),
    never,
  )
  t.strictSame(gaps, [{ head: 'tof', reason: 'sensor-frozen' }])
  t.equal(measurements.size, 0)
})

test('all looks are kept with the part, and replayed with it', async (t) => {
  const { clock, head } = await rangingHead()
  const since = clock.now()
  const plan = scanLooks(40, (at) => (at - since) * 0.1, always)
  const trigger = { number: 1, at: since, source: 'interval' } as const
  const judged = () => undecided('no-product')
  const { observation, evidence } = await inspect(trigger, [severalLooks(head, plan)], judged, never)
  t.ok((evidence.looks?.length ?? 0) > 3)
  t.equal(evidence.frame, evidence.looks?.at(-1)?.frame, 'the last look stands for the head')

  const judgedWith = { recipe: { id: 'r', revision: 1 }, calibration: [] }
  const record = rawRecordOf(trigger, { wallMs: 0 }, observation, judgedWith)
  const plain = encode(record)
  const kept = encodeRaw(record)
  t.ok(kept.length < plain.length / 2, `${kept.length} of ${plain.length} bytes`)
  t.strictSame(decodeRaw(plain), decodeRaw(kept), 'those of earlier releases are not compressed')
  const stored: RawRecord = decodeRaw(kept)
  const exported: RawRecord = rawRecord.parse(JSON.parse(rawLine(record)))
  for (const one of [stored, exported]) {
    const kept = one.heads.tof === undefined ? [] : looksOf(one.heads.tof, 0)
    t.strictSame(
      kept.map(({ beltMm, frame }) => ({ beltMm, raw: [...frame.raw] })),
      evidence.looks?.map(({ beltMm, frame }) => ({ beltMm, raw: [...frame.raw] })),
    )
  }

  const heads = [{ id: 'tof', kind: 'vl53l8ch' }] as const
  const player = new Player({ records: [stored], trays: new Map(), heads, clock, paced: false })
  await player.play(async () => {
    const again = await inspect(trigger, player.heads, judged, never)
    t.strictSame(
      again.evidence.looks?.map(({ beltMm, frame }) => [beltMm, ...frame.rangeMm]),
      evidence.looks?.map(({ beltMm, frame }) => [beltMm, ...frame.rangeMm]),
    )
  }, never)
})

test('of a part that passes the spectrum is taken half-way, when its middle is below the head', async (t) => {
  const { clock, head } = await rangingHead()
  const at = clock.now()
  const asked: number[] = []
  const spectral: MeasuringHead = {
    id: 'spectral',
    kind: 'as7341',
    measure: () => {
      asked.push(clock.now() - at)
      return Promise.resolve({ kind: 'as7341', takenAt: clock.now(), counts: {}, saturated: [] })
    },
  }
  const recipe = BUILT_IN_RECIPES.find(({ id }) => id === 'foiegras_haute_resolution')
  const time = { leftMs: () => at + 7000 - clock.now(), nextWaits: () => false, enough: () => {} }
  const part = { shape: recipe?.shape, at, time, clock, travel: undefined }
  const { looks } = await observe(lookingHeads([head, spectral], part), at, never)
  t.ok(Math.abs((asked[0] ?? 0) - 3000) < 20, `asked after ${asked[0]} ms: 300 of 600 mm at 100 mm/s`)
  t.ok((looks.get('tof')?.length ?? 0) > 80, 'a frame every 7 mm')

  const from = clock.now()
  const slow = { ...part, at: from, travel: (begin: number, end: number) => (end - begin) * 0.05 }
  await observe(lookingHeads([spectral], slow), from, never)
  t.ok(Math.abs((asked[1] ?? 0) + at - from - 6000) < 20, 'where there is an encoder, when that says so')
})

test('a spectrum that comes when the part is past the head is a gap, not the belt’s colour', async (t) => {
  const clock = new VirtualClock()
  const recipe = BUILT_IN_RECIPES.find(({ id }) => id === 'foiegras_haute_resolution')
  const taken = async (lateMs: number) => {
    const at = clock.now()
    const spectral: MeasuringHead = {
      id: 'spectral',
      kind: 'as7341',
      measure: async () => {
        await clock.sleep(lateMs)
        return { kind: 'as7341', takenAt: clock.now(), counts: {}, saturated: [] }
      },
    }
    const time = { leftMs: () => at + 7000 - clock.now(), nextWaits: () => false, enough: () => {} }
    const part = { shape: recipe?.shape, at, time, clock, travel: undefined }
    return await observe(lookingHeads([spectral], part), at, never)
  }
  t.ok((await taken(300)).measurements.has('spectral'), '30 mm behind the middle of a part 85 mm wide')
  const { measurements, gaps } = await taken(900)
  t.notOk(measurements.has('spectral'))
  t.strictSame(gaps, [{ head: 'spectral', reason: 'sensor-timeout' }])
})
