import type { BackupOptions } from './options.ts'

const HOUR_MS = 3_600_000

/**
 * Whether a backup is due: none was taken since the last instant at which one should have been. A station that was off
 * at that instant makes up for it once.
 * @param lastMs when the newest backup was taken, ms since 1970; one of the future (the clock was wrong) counts for none
 */
export function isDue(nowMs: number, lastMs: number | undefined, options: BackupOptions): boolean {
  if (lastMs === undefined || lastMs > nowMs) return true
  const { at, every_h } = options
  if (at === undefined) return nowMs - lastMs >= every_h * HOUR_MS
  return lastMs < lastSlot(nowMs, at, every_h)
}

/** Whether so much time went by without a backup that somebody has to look. */
export function isOverdue(nowMs: number, lastMs: number | undefined, { every_h }: BackupOptions): boolean {
  // Half a period more, at least an hour: one that is tried again, or takes long, is not overdue yet.
  const allowedMs = every_h * HOUR_MS + Math.max(HOUR_MS, (every_h * HOUR_MS) / 2)
  return lastMs === undefined || nowMs - lastMs > allowedMs
}

/** The newest instant, not after now, at which a backup should have been taken. */
function lastSlot(nowMs: number, at: string, everyH: number): number {
  const [hour = 0, minute = 0] = at.split(':').map(Number)
  const now = new Date(nowMs)
  const slots: number[] = []
  // Local time of day, so that a change of the clocks moves no slot but the one that it hits.
  for (const day of [-1, 0]) {
    for (let later = 0; later < 24; later += everyH) {
      const slot = new Date(
        now.getFullYear(),
        now.getMonth(),
        now.getDate() + day,
        (hour + later) % 24,
        minute,
      ).getTime()
      if (slot <= nowMs) slots.push(slot)
    }
  }
  return Math.max(...slots)
}
