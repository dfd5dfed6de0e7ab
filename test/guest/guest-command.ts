import { join, resolve } from 'node:path'
import type { GuestRun } from './guest.ts'

/** An unpacked kernel, as `kernel.sh` leaves it. */
export interface Kernel {
  readonly folder: string
  readonly version: string
}

/** Where a guest with a disk of its own has this machine's files, read-only. */
export const HOST = '/run/host'

/** The name of the additional table in the folder that host and guest share. */
export const ACPI_TABLE = 'table.aml'

/** The shell script that the guest runs below the host's files. Pure. */
export function commandOf(
  root: string,
  { modules = [], script, args = [], env = {}, nodeArgs = [], disk }: GuestRun,
): string {
  const path = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'
  const host = disk === undefined ? '' : HOST
  const node = [`${host}${process.execPath}`, ...nodeArgs, `${host}${resolve(root, script)}`, ...args]
  const words = Object.entries({ PATH: path, HOME: '/root', POINCON_GUEST: '1', ...env })
  return [
    'set -e',
    `cd ${quoted(`${host}${root}`)}`,
    `export PATH=${path}`,
    ...modules.map((module) => `modprobe ${module.split(/\s+/).map(quoted).join(' ')}`),
    `exec env -i ${[...words.map(([name, value]) => `${name}=${value}`), ...node].map(quoted).join(' ')}`,
    '',
  ].join('\n')
}

function quoted(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`
}

/**
 * QEMU's command line. Pure.
 * @param lab the folder that host and guest share
 */
export function qemuArgs(
  lab: string,
  kernel: Kernel,
  { qemuArgs = [], kernelArgs = [], acpiTable, disk, memoryMb = 2048 }: GuestRun,
): string[] {
  const share = 'security_model=none,multidevs=remap'
  const words = [
    ...['console=ttyS0', 'quiet', 'loglevel=5', 'panic=-1', 'oops=panic'],
    // Any other clock of the guest is emulated: asking for the time would cost it more than all that it measures.
    ...['clocksource=tsc', 'tsc=reliable'],
    ...['mitigations=off', 'random.trust_cpu=on'],
    // A fifth of its start: memory cleared twice, self-tests, what protects a machine that somebody attacks.
    ...['init_on_alloc=0', 'apparmor=0', 'cryptomgr.notests', 'nokaslr', 'no_timer_check'],
    ...(disk === undefined ? [] : [`lab.root=/dev/vda lab.host=${HOST}`]),
    ...kernelArgs,
  ]
  return [
    // Not KVM: where it is nested, the guest may hang in its firmware.
    // One processor: a second costs the emulation half as much again, and tests run beside this one. No fifth level of
    // page tables: each miss of the emulated cache walks them all.
    ...['-accel', 'tcg', '-cpu', 'max,la57=off', '-smp', '1', '-m', String(memoryMb)],
    ...['-nodefaults', '-no-user-config', '-display', 'none', '-vga', 'none', '-nic', 'none', '-no-reboot'],
    ...['-kernel', join(kernel.folder, 'boot/vmlinux'), '-initrd', join(lab, 'initramfs')],
    ...['-append', words.join(' '), '-serial', `file:${join(lab, 'kernel.log')}`],
    ...['-virtfs', `local,path=/,mount_tag=host,readonly=on,${share}`],
    ...['-virtfs', `local,path=${lab},mount_tag=lab,${share}`],
    ...(disk === undefined ? [] : driveArgs([disk])),
    ...(acpiTable === undefined ? [] : ['-acpitable', `file=${join(lab, ACPI_TABLE)}`]),
    ...qemuArgs,
  ]
}

/** Images of this machine as the guest's disks, `/dev/vda` and on; what it syncs is not synced here. Pure. */
export function driveArgs(files: readonly string[]): string[] {
  return files.flatMap((file, number) => [
    ...['-drive', `file=${file},format=raw,if=none,id=disk${number},cache=unsafe`],
    ...['-device', `virtio-blk-pci,drive=disk${number}`],
  ])
}

/**
 * The rate of the guest's clock, which counts this machine's ticks: by itself the kernel measures it at its start, and
 * where something else computed at that moment finds ten times as much, so that every deadline passes ten times too soon.
 * Pure.
 * @param cpuinfo `/proc/cpuinfo` of the host: its bogomips are twice the MHz of the time-stamp counter
 */
export function clockArgs(cpuinfo: string): string[] {
  const [, bogomips] = /^bogomips\s*:\s*([\d.]+)$/m.exec(cpuinfo) ?? []
  return bogomips === undefined ? [] : [`tsc_early_khz=${Math.round(Number(bogomips) * 500)}`]
}
