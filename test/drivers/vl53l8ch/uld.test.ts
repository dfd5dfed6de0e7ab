import { join } from 'node:path'
import { type Test, test } from 'tap'
import type { I2cBus } from '../../../drivers/bus.ts'
import { blockHeader } from '../../../drivers/vl53l8ch/registers.ts'
import { play, scenariosOf } from '../../tools/play-transcript.ts'
import { UldSession } from '../../tools/uld-session.ts'
import { bench, firmware } from './bench.ts'

// What ST's driver does in orders of calls that no recording has (facts §4–§8).

/** ST's calls on a simulated chip, and every write as `register: bytes`. */
function driven(targets: 1 | 2 | 3 | 4 = 1) {
  const there = bench()
  const writes: string[] = []
  /** Changes what the chip answers. */
  let disturb = (_register: number, answer: Uint8Array): Uint8Array => answer
  const bus: I2cBus = {
    async transfer(address, out, length) {
      const [high = 0, low = 0] = out
      const register = (high << 8) | low
      if (out.length > 2)
        writes.push(`${register.toString(16)}: ${Buffer.from(out.subarray(2)).toString('hex')}`)
      const answer = await there.bus.transfer(address, out, length)
      return length > 0 ? disturb(register, answer) : answer
    },
  }
  const session = new UldSession({ bus, clock: there.clock, address: 0x29 }, firmware, targets)
  const call = async (...calls: string[]) => {
    let result: Record<string, unknown> = {}
    for (const text of calls) result = await session.call(text)
    return result
  }
  return {
    ...there,
    call,
    disturbed(by: typeof disturb) {
      disturb = by
    },
    /** The writes since the last time this was asked. */
    written: () => writes.splice(0),
  }
}

const EIGHT = ['init', 'set_resolution 64', 'set_freq 15'] as const

test('a frame is new once, also when it is only asked for', async (t) => {
  const { call } = driven()
  t.same(await call(...EIGHT, 'start', 'check'), { status: 0, value: 0, streamcount: 255 })
  t.same(await call('wait_ready', 'check'), { status: 0, value: 0, streamcount: 3 })
  t.match(await call('get_data 64', 'wait_ready'), { value: 1 })
})

test('what the firmware reports is the status of the question', async (t) => {
  const { call, disturbed } = driven()
  await call(...EIGHT, 'start')
  disturbed((register, answer) => (register === 0 ? Uint8Array.of(0xff, 0x05, 0xc5, 0x81) : answer))
  t.same(await call('check'), { status: 0xc5, value: 0, streamcount: 255 })
  t.same(await call('wait_ready'), { status: 0xc5, value: 0, streamcount: 255 })
})

test('a corrupted frame has its status, and what it holds', async (t) => {
  const { call, disturbed } = driven()
  await call(...EIGHT, 'start', 'wait_ready')
  disturbed((_, answer) => {
    const changed = answer.slice()
    changed[changed.length - 1] = 0x55
    return changed
  })
  t.match(await call('get_data 64'), { status: 2, distance_mm: { 0: 320, 63: 257 } })
})

test('while auto-stop is on, stopping asks nothing of the chip', async (t) => {
  const { call, written } = driven()
  const stop = ['7fff: 00', '14: 00', '15: 00', '9: 04', '7fff: 02']
  const asks = ['7fff: 00', '15: 16', '14: 01']
  await call(...EIGHT, 'autostop 1', 'start')
  written()
  t.match(await call('stop'), { status: 0 })
  t.same(written(), stop)
  await call('autostop 0', 'start')
  written()
  t.match(await call('stop'), { status: 0 })
  t.same(written(), [...asks, ...stop])
  await call('autostop 1', 'init', 'set_freq 10', 'start')
  written()
  await call('stop')
  t.same(written(), [...asks, ...stop], 'an initialisation takes it back')
})

test('a block is switched off by its address, whatever its size is by then', async (t) => {
  const { call, written } = driven(2)
  await call('init', 'set_freq 10', 'create_output')
  t.match(await call('disable_block 0x54D00404', 'disable_block 0x57D00401', 'send_output_start'), {
    data_read_size: 692 - (4 + 64) - (4 + 16),
  })
  t.ok(written().some((text) => text.startsWith('2fe4: d970010000000fd7')))
  t.match(await call('wait_ready', 'get_data 16'), {
    status: 0,
    ambient_per_spad: new Array(16).fill(0),
    nb_target_detected: new Array(16).fill(0),
    target_status: new Array(32).fill(255),
  })
})

test('without the block of statuses only the zones without a target have one', async (t) => {
  const { call, scene } = driven()
  const look = scene.look.bind(scene)
  scene.look = (zones, at, integrationMs) => {
    const seen = look(zones, at, integrationMs)
    return { ...seen, echoes: seen.echoes.map((echoes, zone) => (zone === 1 ? [] : echoes)) }
  }
  await call('init', 'set_freq 10', 'create_output', 'disable_block 0xE0840401', 'send_output_start')
  const { target_status } = await call('wait_ready', 'get_data 16')
  t.same(target_status, [0, 255, ...new Array(14).fill(0)])
})

test('an initialisation forgets the crosstalk that was calibrated', async (t) => {
  const { call, scene } = driven()
  scene.coverGlass = 3
  await call('init', 'set_freq 10')
  const { xtalk } = await call('get_caldata_xtalk')
  t.match(await call('calibrate_xtalk 3 4 600'), { status: 0 })
  t.not((await call('get_caldata_xtalk')).xtalk, xtalk)
  t.equal((await call('set_power_mode 2', 'set_power_mode 1', 'get_caldata_xtalk')).xtalk, xtalk)
})

test('histograms that do not fit are refused where ST’s driver refuses them', async (t) => {
  const { call, written } = driven()
  await call(...EIGHT)
  written()
  t.same(await call('cnh_init 0 19 4', 'cnh_map 64 0 0 1 1 8 8', 'cnh_mem'), { status: 127, value: 6428 })
  t.same(await call('cnh_map 64 1 0 1 1 8 8'), { status: 127 })
  t.same(await call('cnh_map 64 0 0 1 1 8 8', 'cnh_init 0 18 4', 'cnh_mem'), { status: 0, value: 6108 })
  t.same(written(), [])
  t.match(await call('create_output', 'add_cnh_block'), {
    header: `0x${blockHeader(0xc048, 6108 / 4, 4).toString(16)}`,
  })
  for (const wrong of ['set_ranging_mode 2', 'set_resolution 32', 'motion_init 8']) {
    t.same(await call(wrong), { status: 127 })
  }
})

/** A scenario of its own, with the files that it names. */
async function played(
  t: Test,
  entry: Readonly<Record<string, unknown>>,
  files: Record<string, string | Buffer>,
) {
  const folder = t.testdir({ ...files, 'index.json': JSON.stringify([{ name: 'one', ...entry }]) })
  const path = join(folder, 'index.json')
  const [scenario] = scenariosOf(path)
  if (scenario === undefined) throw new Error('no scenario')
  return await play(path, scenario, firmware, undefined)
}

test('a scenario that needs no transfer is equal, too', async (t) => {
  const entry = {
    file: 'none.jsonl',
    targets_per_zone: 1,
    prelude: 'init',
    recorded: 'set_integration 1',
    calls: [{ status: 127 }],
  }
  t.same(await played(t, entry, { 'none.jsonl': '' }), { name: 'one', equal: true })
})

test('a recorded frame that is longer than one transfer of ours is read in pieces', async (t) => {
  const histograms = [
    'cnh_init 0 18 4',
    'cnh_map 64 0 0 1 1 8 8',
    'cnh_send',
    'create_output',
    'add_cnh_block',
  ]
  const prelude = [...EIGHT, ...histograms, 'send_output_start', 'wait_ready']
  const { call, disturbed } = driven(4)
  t.match(await call(...prelude.slice(0, -1)), { data_read_size: 9476 })
  await call('wait_ready')
  const pieces: Uint8Array[] = []
  disturbed((_, answer) => {
    pieces.push(answer)
    return answer
  })
  await call('get_data 64')
  const frame = Buffer.concat(pieces)
  t.same([pieces.length, frame.length], [2, 9476])
  frame.writeInt8(-7, 31)
  const read = { op: 'r', reg: '0x0000', len: frame.length, blob: 'frame.bin' }
  const entry = {
    file: 'get.jsonl',
    targets_per_zone: 4,
    prelude: prelude.join('; '),
    recorded: 'get_data 64',
    calls: [{ status: 0, silicon_temp_degc: -7 }],
  }
  t.same(await played(t, entry, { 'get.jsonl': JSON.stringify(read), 'frame.bin': frame }), {
    name: 'one',
    equal: true,
  })
})
