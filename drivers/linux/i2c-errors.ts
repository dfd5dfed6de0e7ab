import { BusError, type BusFault } from '../bus.ts'

/** @throws BusError `short-transfer` */
export function whole(moved: number, asked: number, verb: string, address: number): void {
  if (moved === asked) return
  throw new BusError(
    'short-transfer',
    `short transfer at ${hex(address)}: ${verb} ${moved} of ${asked} bytes`,
  )
}

/** What the kernel's error codes mean on an I²C bus (Documentation/i2c/fault-codes.rst, and what drivers really do). */
const FAULTS: Readonly<Record<string, readonly [BusFault, string]>> = {
  ENXIO: ['no-acknowledge', ''],
  EREMOTEIO: ['no-acknowledge', ''],
  EAGAIN: ['arbitration-lost', ': another master, or a line that is held low'],
  ETIMEDOUT: ['timeout', ': the clock is held low, or there are no pull-ups'],
  EBUSY: ['bus-stuck', ': SDA or SCL is held low'],
  EIO: ['bus-stuck', ': the adapter reports an error that it does not name'],
  EPROTO: ['bus-stuck', ': the adapter reports a protocol error'],
  ENODEV: ['no-bus', 'no such bus: the adapter is gone'],
  ENOENT: ['no-bus', 'no such bus: its device is gone'],
  ENOTTY: ['no-bus', 'no such bus: its device is something else'],
  EBADF: ['no-bus', 'no such bus: its device is not open'],
  ESHUTDOWN: ['no-bus', 'no such bus: the adapter is suspended'],
  EACCES: ['no-bus', 'no permission for the bus device'],
  EPERM: ['no-bus', 'no permission for the bus device'],
  EOPNOTSUPP: ['no-bus', 'the adapter knows SMBus commands only'],
  // What Node calls the same number.
  ENOTSUP: ['no-bus', 'the adapter knows SMBus commands only'],
  ENOTCONN: ['no-bus', 'no such bus: nobody serves it any more'],
}

/** What a fault at an address is called; `no-bus` knows no address. */
const NAMES: Readonly<Record<Exclude<BusFault, 'no-bus'>, string>> = {
  'no-acknowledge': 'no acknowledge',
  'bus-stuck': 'bus stuck',
  'arbitration-lost': 'arbitration lost',
  timeout: 'timeout',
  'short-transfer': 'short transfer',
}

/** The BusError for a system error that an adapter threw at a transfer; any other error as it is. */
export function busError(error: unknown, address: number): unknown {
  const { code, syscall } = errnoOf(error)
  if (error instanceof BusError || code === undefined) return error
  // Whatever the reason: what is left is a descriptor without an address, which would silently speak to address 0.
  if (syscall === 'setAddr' || syscall === 'open') return unreachable(code, syscall, address, error)
  const [fault, meaning] = FAULTS[code] ?? ['bus-stuck', ': the transfer failed']
  const name = fault === 'no-bus' ? '' : `${NAMES[fault]} at ${hex(address)}`
  return new BusError(fault, `${name}${meaning} (${code})`, { cause: error })
}

function unreachable(code: string, syscall: string, address: number, cause: unknown): BusError {
  if (code === 'EBUSY' && syscall === 'setAddr') {
    const advice = 'unbind it, or keep it from being loaded'
    return new BusError('no-bus', `${hex(address)} is in use by a kernel driver: ${advice}`, { cause })
  }
  const [fault, meaning] = FAULTS[code] ?? ['no-bus', '']
  const detail = fault === 'no-bus' && meaning !== '' ? meaning : 'the bus device cannot be opened'
  return new BusError('no-bus', `${detail} (${code}), asked for ${hex(address)}`, { cause })
}

function errnoOf(error: unknown): { readonly code?: string; readonly syscall?: string } {
  if (!(error instanceof Error)) return {}
  return {
    ...('code' in error && typeof error.code === 'string' ? { code: error.code } : {}),
    ...('syscall' in error && typeof error.syscall === 'string' ? { syscall: error.syscall } : {}),
  }
}

/** The BusError for a bus that cannot be opened, with what to do about it. */
export function cannotOpen(number: number, error: unknown): BusError {
  const { code = 'unknown' } = errnoOf(error)
  const [what, advice] = ADVICE[code] ?? ['cannot open', 'look at the kernel log']
  return new BusError('no-bus', `${what} /dev/i2c-${number} (${code}): ${advice}`, { cause: error })
}

const NO_ADAPTER = ['no such bus', 'the device node has no adapter behind it'] as const
const OWNER = 'give the user the group that owns it (usually i2c)'

const ADVICE: Readonly<Record<string, readonly [what: string, advice: string]>> = {
  ENOENT: [
    'no such bus',
    'enable I²C (raspi-config, or dtparam=i2c_arm=on) and load the module i2c-dev; `ls /dev/i2c-*` shows what there is',
  ],
  ENODEV: NO_ADAPTER,
  ENXIO: NO_ADAPTER,
  ENOTTY: ['no such bus', 'the device node is not an I²C bus'],
  EACCES: ['no permission for', OWNER],
  EPERM: ['no permission for', `${OWNER}, and the service access to the device`],
}

/** The kernel does not give a transfer back. */
export function stuck(address: number, detail: string): BusError {
  return new BusError('bus-stuck', `bus stuck at ${hex(address)}: ${detail}`)
}

function hex(address: number): string {
  return `0x${address.toString(16).padStart(2, '0')}`
}
