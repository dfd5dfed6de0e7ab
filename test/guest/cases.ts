import type { Test } from 'tap'
import type { GuestEnd } from './guest.ts'

/** One thing to show in the guest; throws where it is not so. */
export type Case = () => void | Promise<void>

/** What became of a case. */
export interface Verdict {
  readonly room: string
  readonly name: string
  /** It took so long in the guest, where time means little. */
  readonly ms: number
  /** Why it failed. */
  readonly error?: string
}

/**
 * In the guest: runs the cases one after the other and prints a verdict for each. One that fails does not stop the
 * others; it makes the exit code 1.
 * @param room what they are about: names are unique within it
 * @throws outside a guest, before anything is done to the machine
 */
export async function runCases(room: string, cases: Readonly<Record<string, Case>>): Promise<void> {
  onlyInGuest()
  for (const [name, act] of Object.entries(cases)) {
    const began = performance.now()
    let error: string | undefined
    try {
      await act()
    } catch (thrown) {
      error = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown)
      process.exitCode = 1
    }
    console.log(
      lineOf({
        room,
        name,
        ms: Math.round(performance.now() - began),
        ...(error === undefined ? {} : { error }),
      }),
    )
  }
}

/** For scripts that load modules and make devices. @throws outside a guest */
export function onlyInGuest(): void {
  if (process.env.POINCON_GUEST !== '1')
    throw new Error('this script changes the machine: run it in the guest')
}

/** Outside: one test for each verdict of a room, and one that all came. */
export function reportCases(t: Test, end: GuestEnd, room: string, names: readonly string[]): void {
  const verdicts = verdictsOf(end.output).filter((verdict) => verdict.room === room)
  for (const { name, ms, error } of verdicts) {
    if (error === undefined) t.pass(`${name} (${ms} ms in the guest)`)
    else t.fail(name, { error })
  }
  t.strictSame(
    verdicts.map(({ name }) => name),
    names,
    'every case ran',
  )
}

function lineOf({ room, name, ms, error }: Verdict): string {
  return `case ${ms} ${room}: ${name}${error === undefined ? '' : `\t${JSON.stringify(error)}`}`
}

/** The verdicts among what the script printed. Pure. */
export function verdictsOf(output: string): Verdict[] {
  return [...output.matchAll(/^case (\d+) (\w+): ([^\t\n]+)(?:\t(.*))?$/gm)].map(
    ([, ms, room = '', name = '', error]) => ({
      room,
      name,
      ms: Number(ms),
      ...(error === undefined ? {} : { error: String(JSON.parse(error)) }),
    }),
  )
}
