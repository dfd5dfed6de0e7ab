import { z } from 'zod'
import { OUTPUTS } from '../drivers/vl53l8ch/outputs.ts'
import { lineOptions } from './line-options.ts'

const address = z.int().min(0x08).max(0x77)
const onBus = z.string().describe('Name of an entry of `buses`.')

const simulatedBus = z.strictObject({
  kind: z.literal('simulated').describe('Chips and parts are simulated, bit by bit.'),
  hz: z.int().min(10_000).max(1_000_000).default(400_000).describe('Bit rate, Hz.'),
})

const linuxBus = z.strictObject({
  kind: z.literal('linux').describe('A bus of the kernel; its bit rate is set in the device tree.'),
  path: z
    .string()
    .regex(/^\/dev\/i2c-\d+$/, 'expected /dev/i2c-N')
    .describe('The kernel’s bus device.'),
  hz: z
    .int()
    .min(10_000)
    .max(1_000_000)
    .default(400_000)
    .describe('Bit rate that the device tree gives it, Hz: what the heads’ rates are checked against.'),
})

const multiplexedBus = z.strictObject({
  kind: z.literal('multiplexed').describe('One channel of a TCA9548A: a bus behind another.'),
  bus: z.string().describe('The bus that the multiplexer hangs on.'),
  address: z.int().min(0x70).max(0x77).default(0x70).describe('Of the multiplexer; 112 is 0x70.'),
  channel: z.int().min(0).max(7).describe('0 to 7.'),
})

/** One entry of `buses`. */
export const busOptions = z.discriminatedUnion('kind', [simulatedBus, linuxBus, multiplexedBus])
export type BusOptions = Readonly<z.infer<typeof busOptions>>

const byte = z.int().min(0).max(255)

/** Where the bins of a histogram lie, and which zones it sums. */
export const histogramLayout = z.strictObject({
  start_bin: byte.default(0).describe('First bin of the chip, 37.5 mm each.'),
  sub_sample: z.int().min(1).max(255).default(1).describe('Bins of the chip that are summed into one.'),
  grid: z
    .strictObject({
      start_x: z.int().min(0).max(7).default(0).describe('First column.'),
      start_y: z.int().min(0).max(7).default(0).describe('First row.'),
      merge_x: z.int().min(1).max(8).default(1).describe('Columns of zones that make one.'),
      merge_y: z.int().min(1).max(8).default(1).describe('Rows of zones that make one.'),
      columns: z.int().min(1).max(8).describe('Aggregates in a row.'),
      rows: z.int().min(1).max(8).describe('Aggregates in a column.'),
    })
    .describe('Which zones are summed.'),
})
const histograms = histogramLayout.extend({
  bins: z.int().min(1).max(255).describe('Bins of a histogram.'),
})

const glareFilter = z.strictObject({
  threshold_percent: z.number().min(0).max(100).describe('0 switches it off.'),
  farthest_mm: z.int().min(0).max(32_767).describe('How far it acts.'),
})

/** A ranging head. What is not given stays at the firmware’s default. */
export const rangingHead = z.strictObject({
  kind: z.literal('vl53l8ch').describe('Ranging head, 8x8 or 4x4 zones.'),
  bus: onBus,
  address: address.default(0x29).describe('7-bit address; 41 is 0x29. Another than 41 needs `lpn`.'),
  lpn: lineOptions
    .optional()
    .describe('The chip’s LPn pin: several heads on one bus are told apart by theirs at power-up.'),
  firmware_file: z
    .string()
    .min(1)
    .optional()
    .describe('ST’s vl53lmz_buffers.h, or what `firmware import` made of it; default: the imported one.'),
  zones: z.literal([16, 64]).default(64).describe('4x4 or 8x8.'),
  rate_hz: z.int().min(2).max(60).default(15).describe('Frames per second: to 15 at 8x8, to 60 at 4x4.'),
  targets_per_zone: z.literal([1, 2, 3, 4]).default(1).describe('Echoes kept of each zone.'),
  outputs: z
    .array(z.enum(OUTPUTS))
    .min(1)
    .optional()
    .describe('What a frame carries; default all. Fewer save time on the bus.'),
  ranging_mode: z.enum(['autonomous', 'continuous']).optional().describe('When light is gathered.'),
  integration_ms: z.int().min(2).max(1000).optional().describe('Light of one exposure, ms (autonomous).'),
  sharpener_percent: z.int().min(0).max(99).optional().describe('Takes off what leaks from zone to zone.'),
  target_order: z.enum(['closest', 'strongest']).optional().describe('Which echo comes first.'),
  glare_filter: glareFilter.optional().describe('Against the glare of a bright target.'),
  xtalk_margin_kcps_per_spad: z
    .number()
    .min(0)
    .max(10_000)
    .optional()
    .describe('Signal over the crosstalk that counts as a target.'),
  external_sync: z.boolean().optional().describe('A frame waits for a pulse at the SYNC pin.'),
  histograms: histograms.optional().describe('Compressed histograms beside the ranges.'),
})
export type RangingHead = Readonly<z.infer<typeof rangingHead>>

/** A spectral head. */
export const spectralHead = z
  .strictObject({
    kind: z.literal('as7341').describe('Spectral head, ten channels.'),
    bus: onBus,
    address: address.default(0x39).describe('7-bit address; 57 is 0x39.'),
    exposure: z
      .enum(['fixed', 'auto'])
      .default('fixed')
      .describe(
        '`auto` chooses gain and integration by the light: a part takes up to a second where the light jumped, which the recipe’s deadline must allow.',
      ),
    atime: byte.default(29).describe('Integration steps less one (fixed).'),
    astep: z
      .int()
      .min(0)
      .max(65534)
      .default(599)
      .describe('Length of a step less one, 2.78 µs units (fixed).'),
    gain: z
      .union([0.5, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512].map((gain) => z.literal(gain)))
      .default(4)
      .describe('Analogue gain (fixed).'),
    lamp_ma: z
      .int()
      .min(4)
      .max(258)
      .optional()
      .describe('LED current, mA; without it the lamp pin is left alone.'),
  })
  .refine(({ atime, astep }) => atime > 0 || astep > 0, {
    path: ['astep'],
    error: 'expected atime or astep above 0: the chip has no shorter integration than two steps',
  })
export type SpectralHead = Readonly<z.infer<typeof spectralHead>>

/** One entry of `heads`. */
export const headOptions = z.discriminatedUnion('kind', [rangingHead, spectralHead])
export type HeadOptions = Readonly<z.infer<typeof headOptions>>

/** `environment`. */
export const environmentOptions = z.strictObject({
  kind: z.enum(['sht31', 'bme280']).describe('Which chip.'),
  bus: onBus,
  address: address.optional().describe('7-bit; default 68 (SHT31), 118 (BME280).'),
  period_ms: z.int().min(1000).max(3_600_000).default(10_000).describe('Time between two measurements, ms.'),
  stale_after_ms: z
    .int()
    .min(1000)
    .max(86_400_000)
    .default(120_000)
    .describe('A value older than this is no longer told, ms.'),
})
export type EnvironmentOptions = Readonly<z.infer<typeof environmentOptions>>

const CLIMATE_ADDRESSES = { sht31: 0x44, bme280: 0x76 } as const

/** 7-bit. */
export function climateAddress({ kind, address }: EnvironmentOptions): number {
  return address ?? CLIMATE_ADDRESSES[kind]
}
