import type { GoldenTolerances } from '../golden-options.ts'
import { GoldenWatch, goldenSnapshot } from '../golden-watch.ts'
import { firmwareOf } from '../head-firmware.ts'
import { type RangingHead, rangingHead } from '../head-options.ts'
import { type BenchHead, subjectOf } from './bench.ts'
import { type BareChip, measureCrosstalk } from './crosstalk.ts'
import { checkGoldenPart, defineGolden, type GoldenTaking } from './golden-workflow.ts'
import { newestValid } from './newest.ts'
import { originOf, type Taking } from './origin.ts'
import { CalibrationRefused } from './refused.ts'
import { rowsOf, saveRow } from './register.ts'
import type { CalibrationRow, GoldenCheckRow, Stage } from './rows.ts'
import type { Tile } from './spectral.ts'
import { goldenOf, litBy } from './start.ts'
import { judgingBench, type Workbench } from './workbench.ts'
import { takeDark, takeOffset, takeTray, takeWhite, trayRow } from './workflows.ts'

/** The store's name for what the golden watch must remember. */
export const GOLDEN_STATE = 'golden'

/** What a person asked for at the terminal. */
export type Order = Taking &
  (
    | { readonly kind: 'tray' }
    | { readonly kind: 'offset'; readonly distanceMm: number }
    | {
        readonly kind: 'crosstalk'
        readonly distanceMm: number
        readonly reflectancePercent: number
        readonly samples: number
      }
    | { readonly kind: 'dark'; readonly stage: Stage }
    | { readonly kind: 'white'; readonly stage: Stage; readonly tile: Tile }
    | ({ readonly kind: 'golden define' } & GoldenTaking)
    | ({ readonly kind: 'golden check'; readonly tolerances?: GoldenTolerances } & GoldenTaking)
  )

/**
 * Says what to do, measures, and keeps what was found.
 * @throws CalibrationRefused and what the heads and the store throw: nothing is kept then
 */
export async function guided(order: Order, workbench: Workbench): Promise<CalibrationRow> {
  const row = await measured(order, workbench)
  await saveRow(workbench.store.calibrations, row)
  return row
}

async function measured(order: Order, workbench: Workbench): Promise<CalibrationRow> {
  switch (order.kind) {
    case 'crosstalk':
      return await crosstalk(order, workbench)
    case 'golden define':
    case 'golden check':
      return await golden(order, workbench)
    default:
      return await simple(order, workbench)
  }
}

const REQUESTS = {
  tray: 'Take everything off the tray, and leave it where parts lie.',
  offset: 'Put a flat target under the head, square to it, large enough to fill its view.',
  dark: 'Switch the lamp off and cover the head, unless the head drives its lamp itself.',
  white: 'Lay the clean white tile where parts lie, at the height of their surface.',
} as const

async function simple(
  order: Extract<Order, { readonly kind: keyof typeof REQUESTS }>,
  { open, person, hardware, store }: Workbench,
): Promise<CalibrationRow> {
  const bench = await open(({ kind, id }) => order.kind === 'tray' || isOf(order, kind, id))
  try {
    // A simulated tray is flat, square and grey: it stands in for target and tile.
    hardware.line?.clear()
    await asked(person, REQUESTS[order.kind])
    switch (order.kind) {
      case 'tray':
        return trayRow(await takeTray(bench, order), bench)
      case 'offset':
        return await takeOffset(bench, order)
      case 'white':
        return await takeWhite(bench, order)
      case 'dark': {
        const lit = await litBy(store.calibrations)
        return await takeDark(bench, { ...order, ...(lit === undefined ? {} : { lit }) })
      }
    }
  } finally {
    await bench.close()
  }
}

/** Only the heads that are looked through are opened: others may be away. */
function isOf({ kind, head }: { kind: string; head?: string }, headKind: string, id: string): boolean {
  const wanted = kind === 'offset' || kind === 'crosstalk' ? 'vl53l8ch' : 'as7341'
  return headKind === wanted && (head === undefined || head === id)
}

async function crosstalk(
  order: Extract<Order, { readonly kind: 'crosstalk' }>,
  workbench: Workbench,
): Promise<CalibrationRow> {
  const { person, clock, signal, hardware, config, open } = workbench
  const bench = await open(({ kind, id }) => isOf(order, kind, id))
  const [head] = bench.heads
  // It must not range while it calibrates; its address and its firmware stay.
  await bench.close()
  if (head === undefined)
    throw new CalibrationRefused(`no ranging head${order.head === undefined ? '' : ` ${order.head}`}`)
  const options = rangingOptions(head, config.heads)
  await asked(
    person,
    `Put a flat target of ${order.reflectancePercent} % reflectance ${order.distanceMm} mm before the head, and nothing else before it.`,
  )
  const chip: BareChip = {
    bus: await hardware.bus(options.bus),
    clock,
    address: options.address,
    firmware: await firmwareOf(head.id, options, config),
    signal,
  }
  const found = await measureCrosstalk(chip, order)
  return { kind: 'crosstalk', ...originOf(bench, order, head), subject: subjectOf(head), ...found }
}

function rangingOptions(
  { id }: BenchHead,
  heads: Readonly<Record<string, { readonly kind: string }>>,
): RangingHead {
  const options = rangingHead.safeParse(heads[id])
  if (!options.success) throw new CalibrationRefused(`head ${id}: no ranging head`)
  return options.data
}

async function golden(
  order: Extract<Order, { readonly part: string }>,
  workbench: Workbench,
): Promise<CalibrationRow> {
  const { open, person, hardware, store, clock } = workbench
  const bench = await open()
  try {
    const { look, recipe } = await judgingBench(workbench, bench)
    // A simulated belt brings the same first part every time: that is its golden one.
    hardware.line?.next()
    const placed = (placement: number): Promise<boolean> =>
      person.ready(
        placement === 1
          ? `Put golden part ${order.part} under the heads, clean and at its usual temperature.`
          : `Take it up, and put it down once more (${placement} of ${order.placements}).`,
      )
    const on = { bench, look, recipe, placed }
    if (order.kind === 'golden define') return await defineGolden(on, order)
    const options = goldenOf(recipe)
    const tolerances = order.tolerances ?? (options?.part === order.part ? options.tolerances : undefined)
    if (tolerances === undefined) {
      throw new CalibrationRefused(
        `recipe ${recipe.id} has no tolerances for golden part ${order.part}: give some with --tolerance NAME=VALUE`,
      )
    }
    const wanted = { kind: 'golden', part: order.part } as const
    const found = newestValid(await rowsOf(store.calibrations, 'golden'), wanted, clock.wall())
    if (found.state !== 'valid') {
      throw new CalibrationRefused(
        `golden part ${order.part}: ${found.state}: \`poincon calibrate golden define --part ${order.part}\` first`,
      )
    }
    const row = await checkGoldenPart(on, order, { reference: found.row, tolerances })
    await remember(row, goldenOf(recipe), workbench)
    return row
  } finally {
    await bench.close()
  }
}

/** A check at the terminal counts for the station as one of its own does. */
async function remember(
  row: GoldenCheckRow,
  options: ReturnType<typeof goldenOf>,
  { store }: Workbench,
): Promise<void> {
  const before = goldenSnapshot.safeParse(await store.state.get(GOLDEN_STATE))
  const watch = new GoldenWatch(options, before.success ? before.data : undefined)
  if (watch.checked(row)) await store.state.set(GOLDEN_STATE, watch.snapshot)
}

async function asked(person: Workbench['person'], request: string): Promise<void> {
  if (!(await person.ready(request))) throw new CalibrationRefused('it was not finished')
}
