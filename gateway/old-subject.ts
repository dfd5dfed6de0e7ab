const PREFIX = 'esp32:'

/** What the calibrations of a device of the old system are kept under, and how a command names it. */
export function oldSubject(device: string): string {
  return `${PREFIX}${device}`
}

/** The device, where one is meant; undefined: a head of the station. */
export function oldDeviceOf(subject: string): string | undefined {
  return subject.startsWith(PREFIX) ? subject.slice(PREFIX.length) : undefined
}
