import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

const began = performance.now()

/** What happened, with the seconds since the script began. */
export function note(text: string): void {
  process.stdout.write(`${seconds().toFixed(1).padStart(7)} s  ${text.trim().replaceAll('\n', ' | ')}\n`)
}

/** Since the script began. */
export function seconds(): number {
  return (performance.now() - began) / 1000
}

/**
 * How slow this machine is, told by the one thing that everything else resembles: s that the station takes from `systemctl
 * start` to READY. An emulated processor that others take time from needs 60 s or 600.
 */
export const pace = {
  startS: 120,
  /** What is waited for comes within this, or never. */
  get patienceMs(): number {
    return Math.max(300, 15 * pace.startS) * 1000
  },
  /** A watchdog that bites who hangs, and not who is slow. */
  get watchdogS(): number {
    return Math.max(60, Math.ceil(1.5 * pace.startS))
  },
}

/** What a person's shell has, and nothing of the lab's: a variable that the station does not know is an error to it. */
const env = { PATH: process.env.PATH ?? '', HOME: '/root' }

export function systemctl(...args: string[]): string {
  return execFileSync('systemctl', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim()
}

/** Runs a line of shell as root. @returns what it wrote to both @throws Error with that, where it ends otherwise */
export function shell(line: string, expected = 0): string {
  const { status, stdout } = spawnSync('sh', ['-c', `{ ${line}\n} 2>&1 </dev/null`], {
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
    env,
  })
  if (status !== expected) throw new Error(`${line}: exit ${status}: expected ${expected}\n${stdout}`)
  return stdout.trim()
}

/** The same as another user, of its own group or another. */
export function as(user: string, line: string, group = user): string {
  return shell(
    `setpriv --reuid ${user} --regid ${group} --init-groups env HOME=/ sh -c '${line.replaceAll("'", "'\\''")}'`,
  )
}

/** Properties of a unit, by their names. */
export function shown(unit: string, ...names: string[]): Record<string, string> {
  const text = systemctl('show', unit, ...names.map((name) => `--property=${name}`))
  return Object.fromEntries(text.split('\n').map((line) => line.split(/=(.*)/s).slice(0, 2)))
}

export function pidOf(unit: string): number {
  return Number(shown(unit, 'MainPID').MainPID)
}

export function stateOf(unit: string): string {
  return shown(unit, 'ActiveState').ActiveState ?? ''
}

/** What a unit has said, oldest first. */
export function journal(unit: string): string {
  const { stdout } = spawnSync('journalctl', ['--unit', unit, '--output', 'cat', '--no-pager'], {
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
  })
  return stdout
}

/** What units say from now on: a question that can be asked again and again. */
export function fromNow(): (unit: string) => string {
  const at = shell('date +%s.%6N')
  return (unit) => shell(`journalctl --unit ${unit} --output cat --no-pager --since @${at}`)
}

/** Until it holds, or an end for a machine that hangs. */
export async function until(
  what: string,
  holds: () => boolean | Promise<boolean>,
  withinMs = pace.patienceMs,
): Promise<void> {
  const end = performance.now() + withinMs
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(`not within ${Math.round(withinMs / 1000)} s: ${what}`)
    // Asking costs as much as a second of what is waited for.
    await sleep(3000)
  }
  note(what)
}

const dropIns = (unit: string): string => `/etc/systemd/system/${unit}.d`

/** A drop-in, as an integrator writes it. */
export function dropIn(unit: string, name: string, text: string): void {
  mkdirSync(dropIns(unit), { recursive: true })
  writeFileSync(`${dropIns(unit)}/${name}.conf`, text)
  systemctl('daemon-reload')
}

export function withoutDropIn(unit: string, name: string): void {
  rmSync(`${dropIns(unit)}/${name}.conf`)
  systemctl('daemon-reload')
}

/** Runs a command as root, and bound by what binds the processes of a unit that runs. @returns what it wrote */
export function within(unit: string, command: string): string {
  const { ControlGroup } = shown(unit, 'ControlGroup')
  const script = `echo $$ >/sys/fs/cgroup${ControlGroup}/cgroup.procs; ${command}`
  const { stdout, stderr } = spawnSync('sh', ['-c', script], {
    encoding: 'utf8',
    timeout: pace.patienceMs,
    env,
  })
  return `${stdout}${stderr}`.trim()
}

/** What the first disk was given to write since boot, bytes. */
export function writtenBytes(disk = 'vda'): number {
  const line = new RegExp(` ${disk} (.*)$`, 'm').exec(readFileSync('/proc/diskstats', 'utf8'))
  const fields = (line?.[1] ?? '').split(' ')
  return Number(fields[6] ?? Number.NaN) * 512
}
