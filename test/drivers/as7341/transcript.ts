import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import type { Photodiode } from '../../../drivers/as7341/smux.ts'
import { type LightScene, SimulatedAs7341 } from '../../../drivers/simulated/as7341.ts'
import { sharedData } from '../../fakes/shared.ts'

/** Transcripts of public AS7341 drivers; their README says what is real in them. */
export const FOLDER = 'as7341/transcripts'

const line = z.discriminatedUnion('op', [
  z.object({
    op: z.literal('w'),
    t: z.number(),
    reg: z.string().nullable(),
    data: z.string(),
    ack: z.boolean().default(true),
  }),
  z.object({
    op: z.literal('r'),
    t: z.number(),
    reg: z.string(),
    len: z.int(),
    data: z.string(),
    rs: z.boolean(),
  }),
  z.object({ op: z.literal('d'), t: z.number(), us: z.number() }),
  z.object({ op: z.literal('call'), t: z.number(), name: z.string() }),
  z.object({ op: z.literal('ret'), t: z.number(), value: z.unknown() }),
])

const state = z.object({
  t_us: z.number(),
  regs: z.record(z.string(), z.string()),
  smux_chain: z.string(),
  adc: z.array(z.number()),
  scene: z.object({
    F: z.array(z.number()).length(8),
    clear: z.number(),
    nir: z.number(),
    flicker: z.number(),
    dark: z.number(),
    flickerHz: z.union([z.literal(0), z.literal(100), z.literal(120)]),
    analogLimit: z.number(),
  }),
  present: z.boolean(),
  id: z.string(),
})

export interface Transcript {
  readonly lines: readonly z.infer<typeof line>[]
  readonly state: z.infer<typeof state>
}

/** One recorded scenario and what the device was in at its end; undefined where the data are missing. */
export function readTranscript(name: string): Transcript | undefined {
  const folder = sharedData(FOLDER)
  return folder === undefined ? undefined : transcriptAt(folder, name)
}

/** The same from any folder. */
export function transcriptAt(folder: string, name: string): Transcript {
  return {
    lines: readFileSync(join(folder, `${name}.jsonl`), 'utf8')
      .trim()
      .split('\n')
      .map((text) => line.parse(JSON.parse(text))),
    state: state.parse(JSON.parse(readFileSync(join(folder, `${name}.state.json`), 'utf8'))),
  }
}

/** What the driver's function returned. */
export function returned(transcript: Transcript, name: string): unknown {
  const at = transcript.lines.findIndex((entry) => entry.op === 'call' && entry.name === name)
  const ret = transcript.lines.slice(at).find((entry) => entry.op === 'ret')
  return at < 0 || ret?.op !== 'ret' ? undefined : ret.value
}

/** The steady light that the recording was made in. */
export function recordedLight({ scene }: Transcript['state']): LightScene {
  const [F1 = 0, F2 = 0, F3 = 0, F4 = 0, F5 = 0, F6 = 0, F7 = 0, F8 = 0] = scene.F
  const light: Record<Photodiode, number> = {
    ...{ F1, F2, F3, F4, F5, F6, F7, F8 },
    ...{ Clear: scene.clear, NIR: scene.nir, Flicker: scene.flicker, Dark: scene.dark },
  }
  return { light: () => light, flickerHz: () => (scene.flickerHz === 0 ? undefined : scene.flickerHz) }
}

/** `0x80 → 0x03` as the state files write it. */
export function hexRegisters(registers: ReadonlyMap<number, number>): Record<string, string> {
  return Object.fromEntries([...registers].map(([address, value]) => [hexByte(address), hexByte(value)]))
}

function hexByte(value: number): string {
  return `0x${value.toString(16).padStart(2, '0')}`
}

/**
 * Says to the chip what the recorded driver said, at the recorded times.
 * @returns each read whose answer differs from the recorded one, and how many were read
 */
export function replay(
  { lines }: Transcript,
  chip: SimulatedAs7341,
  goTo: (ms: number) => void,
): { readonly reads: number; readonly different: readonly string[] } {
  const different: string[] = []
  let reads = 0
  for (const entry of lines) {
    goTo(entry.t / 1000)
    if (entry.op === 'w') {
      const register = entry.reg === null ? [] : [Number(entry.reg)]
      const acknowledged = chip.write(Uint8Array.of(...register, ...Buffer.from(entry.data, 'hex')))
      if (acknowledged !== entry.ack)
        different.push(`${entry.t} write ${entry.reg}: acknowledged ${acknowledged}`)
    }
    if (entry.op === 'r') {
      reads += 1
      if (entry.rs) chip.write(Uint8Array.of(Number(entry.reg)))
      const answer = Buffer.from(chip.read(entry.len) ?? []).toString('hex')
      if (answer !== entry.data) different.push(`${entry.t} read ${entry.reg}: ${answer}, not ${entry.data}`)
    }
  }
  return { reads, different }
}

/** Where the simulated chip, told what the recorded driver said, is not what was recorded: answers, then its end. */
export function differences(transcript: Transcript): readonly string[] {
  const { state } = transcript
  let ms = -1
  const options = { id: Number(state.id), analogueLimit: state.scene.analogLimit }
  const chip = new SimulatedAs7341({ now: () => ms }, recordedLight(state), options)
  const { different } = replay(transcript, chip, (to) => {
    ms = to
  })
  ms = state.t_us / 1000
  const { registers, chain, counts } = chip.state()
  const found = hexRegisters(registers)
  const addresses = new Set([...Object.keys(found), ...Object.keys(state.regs)])
  const wrong = [...addresses].filter((address) => found[address] !== state.regs[address])
  return [
    ...different,
    ...wrong.map((address) => `register ${address}: ${found[address]}, not ${state.regs[address]}`),
    ...(Buffer.from(chain).toString('hex') === state.smux_chain ? [] : ['the SMUX chain']),
    ...(counts.join() === state.adc.join() ? [] : [`converters ${counts.join()}, not ${state.adc.join()}`]),
  ]
}
