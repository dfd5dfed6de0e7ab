import { join, resolve } from 'node:path'
import type { GuestRun } from './guest.ts'

/** An unpacked kernel, as `kernel.sh` leaves it. */
export interface Kernel {
  readonly folder: string
  readonly version: string
}

/** The name of the additional table in the folder that host and guest share. */
export const ACPI_TABLE = 'table.aml'

/** The shell script that the guest runs below the host's files. Pure. */
export function commandOf(
  root: string,
  { modules = [], script, args = [], env = {}, nodeArgs = [] }: GuestRun,
): string {
  const path = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'
  const node = [process.execPath, ...nodeArgs, resolve(root, script), ...args]
  const words = Object.entries({ PATH: path, HOME: '/root', POINCON_GUEST: '1', ...env })
  return [
    'set -e',
    `cd ${quoted(root)}`,
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
  { qemuArgs = [], kernelArgs = [], acpiTable }: GuestRun,
): string[] {
  const share = 'security_model=none,multidevs=remap'
  const words = [
    ...['console=ttyS0', 'quiet', 'loglevel=5', 'panic=-1', 'oops=panic'],
    // Any other clock of the guest is emulated: asking for the time would cost it more than all that it measures.
    ...['clocksource=tsc', 'tsc=reliable'],
    ...['mitigations=off', 'random.trust_cpu=on'],
    ...kernelArgs,
  ]
  return [
    // Not KVM: where it is nested, the guest may hang in its firmware.
    ...['-accel', 'tcg,thread=multi', '-cpu', 'max', '-smp', '2', '-m', '2048'],
    ...['-nodefaults', '-no-user-config', '-display', 'none', '-vga', 'none', '-nic', 'none', '-no-reboot'],
    ...['-kernel', join(kernel.folder, 'boot/vmlinux'), '-initrd', join(lab, 'initramfs')],
    ...['-append', words.join(' '), '-serial', `file:${join(lab, 'kernel.log')}`],
    ...['-virtfs', `local,path=/,mount_tag=host,readonly=on,${share}`],
    ...['-virtfs', `local,path=${lab},mount_tag=lab,${share}`],
    ...(acpiTable === undefined ? [] : ['-acpitable', `file=${join(lab, ACPI_TABLE)}`]),
    ...qemuArgs,
  ]
}
