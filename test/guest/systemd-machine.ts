import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

const began = performance.now()

/** What happened, with the seconds since the script began. */
export function note(text: string): void {
  const at = ((performance.now() - began) / 1000).toFixed(1).padStart(6)
  process.stdout.write(`${at} s  ${text}\n`)
}

export function systemctl(...args: string[]): string {
  return execFileSync('systemctl', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim()
}

/** Properties of a unit, by their names. */
export function shown(unit: string, ...names: string[]): Record<string, string> {
  const text = systemctl('show', unit, ...names.map((name) => `--property=${name}`))
  return Object.fromEntries(text.split('\n').map((line) => line.split(/=(.*)/s).slice(0, 2)))
}

/** What a unit has said, oldest first. */
export function journal(unit: string): string {
  const { stdout } = spawnSync('journalctl', ['--unit', unit, '--output', 'cat', '--no-pager'], {
    encoding: 'utf8',
  })
  return stdout
}

/** Until it holds, or an end for a machine that hangs. */
export async function until(what: string, holds: () => boolean, withinMs = 1_200_000): Promise<void> {
  const end = performance.now() + withinMs
  while (!holds()) {
    if (performance.now() > end) throw new Error(`not within ${withinMs / 1000} s: ${what}`)
    await sleep(500)
  }
  note(what)
}

/** A drop-in, as an integrator writes it. */
export function dropIn(unit: string, name: string, text: string): void {
  mkdirSync(`/etc/systemd/system/${unit}.d`, { recursive: true })
  writeFileSync(`/etc/systemd/system/${unit}.d/${name}.conf`, text)
  systemctl('daemon-reload')
}

/** Runs a command as root, and bound by what binds the processes of a unit that runs. @returns what it wrote */
export function within(unit: string, command: string): string {
  const { ControlGroup } = shown(unit, 'ControlGroup')
  const script = `echo $$ >/sys/fs/cgroup${ControlGroup}/cgroup.procs; ${command}`
  const { stdout, stderr } = spawnSync('sh', ['-c', script], { encoding: 'utf8', timeout: 20_000 })
  return `${stdout}${stderr}`.trim()
}
