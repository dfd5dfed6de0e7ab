import type { Clock } from '../drivers/clock.ts'
import { buttonPins, type Output, outputPins, type PanelOptions } from '../drivers/panel/options.ts'
import { ALL_OFF, type Panel } from '../drivers/panel/panel.ts'

/** Something of the station that a person can move or press, to see that it is wired right. */
export interface TestablePart {
  readonly name: string
  readonly kind: 'output' | 'input'
  /** Of an output. Rejects when it did not. */
  set?(on: boolean): void | Promise<void>
  /** Of an input: tells its level, and each change, until it is closed. */
  watch?(changed: (active: boolean) => void): Promise<{ close(): Promise<void> }>
}

/** The person. */
export interface TestIo {
  /** undefined: there is nobody any more, or the test is to end. */
  ask(question: string): Promise<string | undefined>
  say(line: string): void
}

/** One thing that was tried. */
export interface TestStep {
  readonly part: string
  readonly kind: TestablePart['kind']
  readonly step: 'on' | 'off' | 'watch' | 'level'
  readonly ok: boolean
  /** Of `level`. */
  readonly active?: boolean
  readonly error?: string
}

/** How long a person has to press all the buttons, ms. */
const WATCH_MS = 30_000

/**
 * Lets a person move each part by hand. Whatever was switched on is off again at the end.
 * @returns whether everything that was tried did what it should
 */
export async function testPanel(
  parts: readonly TestablePart[],
  { ask, say }: TestIo,
  clock: Clock,
  signal: AbortSignal,
): Promise<boolean> {
  const on = new Set<TestablePart>()
  let well = true
  const told = (step: TestStep): void => {
    well &&= step.ok
    say(inWords(step))
  }
  for (const [index, { name, kind }] of parts.entries())
    say(`${String(index + 1).padStart(3)}  ${kind}  ${name}`)
  try {
    while (!signal.aborted) {
      const answer = await ask('number: switch it · w: watch the inputs for 30 s · q: end > ')
      if (answer === undefined || answer.trim() === 'q') break
      const part = parts[Number(answer) - 1]
      if (answer.trim() === 'w') await watchAll(parts, { forMs: WATCH_MS, told }, clock, signal)
      else if (part === undefined) say(`${answer.trim()}: expected 1 to ${parts.length}, w or q`)
      else if (part.set === undefined) say(`${part.name}: is an input: w watches it`)
      else told(await toggle(part, on))
    }
  } finally {
    for (const part of on) told(await switched(part, false))
  }
  return well
}

/**
 * Tries everything in turn, for a protocol: each output on for `eachMs`, then off; then the inputs, together, for as long.
 * @returns whether everything did what it should
 */
export async function stepPanel(
  parts: readonly TestablePart[],
  { eachMs, told }: { readonly eachMs: number; readonly told: (step: TestStep) => void },
  clock: Clock,
  signal: AbortSignal,
): Promise<boolean> {
  let well = true
  const noted = (step: TestStep): void => {
    well &&= step.ok
    told(step)
  }
  for (const part of parts.filter(({ kind }) => kind === 'output')) {
    if (signal.aborted) return false
    noted(await switched(part, true))
    await clock.sleep(eachMs, signal).catch(() => {})
    noted(await switched(part, false))
  }
  await watchAll(parts, { forMs: eachMs, told: noted }, clock, signal)
  return well && !signal.aborted
}

/** Lamps, buzzer and buttons of a panel, as parts to try. @param plan what it was opened with */
export function panelParts(panel: Panel, plan: PanelOptions): readonly TestablePart[] {
  let shown = ALL_OFF
  const set = async (name: Output, on: boolean): Promise<void> => {
    shown = { ...shown, [name]: on ? 'on' : 'off' }
    panel.show(shown)
    await panel.settled()
    const fault = panel.health().faults.find(({ piece }) => piece === name)
    if (fault !== undefined) throw new Error(fault.detail)
  }
  return [
    ...outputPins(plan).map(([name]) => ({
      name: name === 'buzzer' ? name : `${name} lamp`,
      kind: 'output' as const,
      set: (on: boolean) => set(name, on),
    })),
    ...buttonPins(plan).map(([name]) => ({
      name: `${name} button`,
      kind: 'input' as const,
      watch: (changed: (active: boolean) => void) => {
        const fault = panel.health().faults.find(({ piece }) => piece === name)
        if (fault !== undefined && fault.fault !== 'stuck') return Promise.reject(new Error(fault.detail))
        changed(panel.isPressed(name))
        const deaf = panel.onLevel((button, active) => {
          if (button === name) changed(active)
        })
        return Promise.resolve({ close: () => Promise.resolve(deaf()) })
      },
    })),
  ]
}

async function toggle(part: TestablePart, on: Set<TestablePart>): Promise<TestStep> {
  const wanted = !on.has(part)
  if (wanted) on.add(part)
  else on.delete(part)
  return await switched(part, wanted)
}

async function switched(part: TestablePart, on: boolean): Promise<TestStep> {
  const step = { part: part.name, kind: part.kind, step: on ? 'on' : 'off' } as const
  try {
    await part.set?.(on)
    return { ...step, ok: true }
  } catch (error) {
    return { ...step, ok: false, error: messageOf(error) }
  }
}

async function watchAll(
  parts: readonly TestablePart[],
  { forMs, told }: { readonly forMs: number; readonly told: (step: TestStep) => void },
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  const open: { close(): Promise<void> }[] = []
  try {
    for (const { name: part, kind, watch } of parts) {
      if (watch === undefined) continue
      try {
        open.push(await watch((active) => told({ part, kind, step: 'level', ok: true, active })))
        told({ part, kind, step: 'watch', ok: true })
      } catch (error) {
        told({ part, kind, step: 'watch', ok: false, error: messageOf(error) })
      }
    }
    if (open.length > 0) await clock.sleep(forMs, signal).catch(() => {})
  } finally {
    for (const watching of open) await watching.close()
  }
}

function inWords({ part, step, ok, active, error }: TestStep): string {
  if (!ok) return `${part}: ${step}: FAILED: ${error ?? ''}`
  if (step === 'watch') return `${part}: watched`
  return `${part}: ${active === undefined ? step : active ? 'active' : 'inactive'}`
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
