import { z } from 'zod'
import { lineOptions } from './line-options.ts'

const ms = z.number().min(0).max(3_600_000)
const pulses = z.number().positive().max(1e9)

const belt = {
  mm_per_pulse: z
    .number()
    .positive()
    .describe('Way of the belt between two pulses as they are counted (quadrature: four a line), mm.'),
  reversed: z.boolean().default(false).describe('The count falls while the belt moves forward.'),
  max_mm_per_s: z.number().positive().default(5000).describe('The belt is never faster, mm/s.'),
  standstill_ms: z.number().positive().default(500).describe('Without a pulse for this long it stands, ms.'),
}

/** `encoder`: where the belt is. */
export const encoderOptions = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('counter').describe('The kernel’s counter interface: quadrature, in hardware.'),
    device: z
      .string()
      .regex(/^counter\d+$/, 'expected counterN')
      .default('counter0')
      .describe('Of /sys/bus/counter/devices.'),
    count: z.int().min(0).max(63).default(0).describe('Which of its counts.'),
    function: z.string().default('quadrature x4').describe('One of the count’s function_available.'),
    ...belt,
  }),
  z.strictObject({
    kind: z.literal('line').describe('One channel on a digital line: to some hundred pulses a second.'),
    line: lineOptions.describe('The channel; its rising edges count.'),
    ...belt,
  }),
])
export type EncoderOptions = Readonly<z.infer<typeof encoderOptions>>

/** `trigger`. */
export const triggerOptions = z
  .strictObject({
    kind: z
      .enum(['interval', 'command', 'light-barrier', 'encoder'])
      .default('interval')
      .describe('What asks for an inspection.'),
    period_ms: z.int().min(1).max(86_400_000).default(1000).describe('Time between parts, ms (interval).'),
    line: lineOptions.optional().describe('Active while the beam is interrupted (light barrier).'),
    min_blocked_ms: ms.default(5).describe('Shorter interruptions are no part, ms (light barrier).'),
    min_gap_ms: ms.default(20).describe('Shorter gaps belong to one part, ms (light barrier).'),
    max_blocked_ms: ms
      .default(10_000)
      .describe('A longer interruption is a jam, or a dirty lens, ms (light barrier).'),
    pulses_per_part: pulses.optional().describe('Distance of two parts in pulses (encoder).'),
  })
  .refine(({ kind, line }) => kind !== 'light-barrier' || line !== undefined, {
    path: ['line'],
    error: 'expected the line of the light barrier',
  })
  .refine(({ kind, pulses_per_part }) => kind !== 'encoder' || pulses_per_part !== undefined, {
    path: ['pulses_per_part'],
    error: 'expected the distance of two parts, in pulses of `encoder`',
  })
export type TriggerOptions = Readonly<z.infer<typeof triggerOptions>>

const gateLines = z.strictObject({
  pass: lineOptions.describe('Energised lets the part pass; without supply the gate rejects.'),
  hold: lineOptions.optional().describe('Energised sends the part to the hold lane.'),
  feedback: lineOptions.optional().describe('Active while the flap lies so that parts pass.'),
  kick: lineOptions
    .optional()
    .describe('Kicks an external monostable relay: without kicks it lets the gate fall to reject.'),
  stop: lineOptions.optional().describe('Active stops the belt.'),
  accept: lineOptions.optional().describe('To a PLC: a pulse for each part that is accepted.'),
  reject: lineOptions.optional().describe('To a PLC: a pulse for each part that is not.'),
  ready: lineOptions.optional().describe('To a PLC: active while the station can inspect.'),
})

/** `gate`. */
export const gateOptions = z
  .strictObject({
    hold_lane: z
      .boolean()
      .default(false)
      .describe('The gate can divert a part to a hold lane; without one `hold` stops the line.'),
    lines: gateLines
      .optional()
      .describe('How it is wired. Without it a simulated station has a simulated one, any other runs dry.'),
    delay_ms: ms.optional().describe('From the trigger to the gate, ms; default 600 without `delay_pulses`.'),
    delay_pulses: pulses.optional().describe('From the trigger to the gate, pulses of `encoder`.'),
    pulse_ms: ms.optional().describe('How long a part is in front of the gate, ms; default 200.'),
    pulse_pulses: pulses.optional().describe('The same in pulses.'),
    lead_ms: ms
      .default(0)
      .describe('From the command to the flap’s arrival, ms: it is told that much earlier.'),
    feedback_within_ms: ms.default(150).describe('The flap must have followed within this, ms.'),
    relay_ms: ms.default(200).describe('How long the external relay holds after a kick, ms.'),
    kick_ms: z.number().min(1).max(10_000).default(20).describe('Time between two kicks, ms.'),
    plc_pulse_ms: z.number().min(1).max(60_000).default(50).describe('Length of a pulse to the PLC, ms.'),
  })
  .refine(({ hold_lane, lines }) => !hold_lane || lines === undefined || lines.hold !== undefined, {
    path: ['lines', 'hold'],
    error: 'expected the line of the hold lane, or no hold_lane',
  })
  .refine(({ delay_ms, delay_pulses }) => delay_ms === undefined || delay_pulses === undefined, {
    path: ['delay_pulses'],
    error: 'expected either delay_ms or delay_pulses',
  })
  .refine(({ pulse_ms, pulse_pulses }) => pulse_ms === undefined || pulse_pulses === undefined, {
    path: ['pulse_pulses'],
    error: 'expected either pulse_ms or pulse_pulses',
  })
export type GateOptions = Readonly<z.infer<typeof gateOptions>>
