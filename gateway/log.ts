import { type Logger, pino } from 'pino'

/** JSON lines for journald. Fields first, then a short message: `log.warn({ sink, err }, 'sink away')`. */
export type Log = Logger

export type LogLevel = 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace' | 'silent'

/** Writes synchronously to standard error: what is logged last is what a crash leaves behind. */
export function openLog(level: LogLevel): Log {
  return pino(
    { level, base: null, timestamp: pino.stdTimeFunctions.isoTime },
    pino.destination({ dest: 2, sync: true }),
  )
}

/** For tests and tools that want no log. */
export const silentLog: Log = pino({ level: 'silent' })
