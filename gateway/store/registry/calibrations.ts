import type { Database } from '../database.ts'
import type { Writer } from '../writer.ts'
import { canonicalOrInvalid } from './recipes.ts'

/** One calibration: never changed, the next one takes its place. */
export interface StoredCalibration {
  /** UUIDv7. */
  readonly id: string
  /** What was calibrated, e.g. `empty-tray`. */
  readonly kind: string
  /** Of what: the chip's serial where it has one, else the head's id; empty for the whole station. */
  readonly subject: string
  /** RFC 3339. */
  readonly takenAt: string
  readonly takenBy: string
  /** As JSON gave it: the caller parses. */
  readonly calibration: unknown
}

interface Row {
  readonly id: string
  readonly kind: string
  readonly subject: string
  readonly taken_at: string
  readonly taken_by: string
  readonly calibration: string
}

/** Every calibration the station ever took, in the order they were saved in: no clock is asked which one is newer. */
export class Calibrations {
  readonly #writer: Writer
  readonly #reader: Database

  constructor(writer: Writer, reader: Database) {
    this.#writer = writer
    this.#reader = reader
  }

  /** Resolves when it is on disk. @throws StoreError `duplicate`, or `invalid` when it is not JSON */
  save({ id, kind, subject, takenAt, takenBy, calibration }: StoredCalibration): Promise<void> {
    return this.#writer.transaction(() =>
      this.#writer.database.run(
        `INSERT INTO calibrations (id, kind, subject, taken_at, taken_by, calibration, number)
         VALUES (?, ?, ?, ?, ?, ?, (SELECT coalesce(max(number), 0) + 1 FROM calibrations))`,
        [id, kind, subject, takenAt, takenBy, canonicalOrInvalid(calibration, `calibration ${id}`)],
      ),
    )
  }

  /** @throws StoreError */
  async get(id: string): Promise<StoredCalibration | undefined> {
    const row = await this.#reader.get<Row>('SELECT * FROM calibrations WHERE id = ?', [id])
    return row === undefined ? undefined : storedCalibration(row)
  }

  /**
   * The one of a kind that was saved last.
   * @param subject what it belongs to; undefined: anything
   * @throws StoreError
   */
  async newest(kind: string, subject?: string): Promise<StoredCalibration | undefined> {
    const row = await this.#reader.get<Row>(
      'SELECT * FROM calibrations WHERE kind = ?1 AND (?2 IS NULL OR subject = ?2) ORDER BY number DESC LIMIT 1',
      [kind, subject ?? null],
    )
    return row === undefined ? undefined : storedCalibration(row)
  }

  /** All of a kind, the one that was saved last first. @throws StoreError */
  async all(kind: string): Promise<StoredCalibration[]> {
    const rows = await this.#reader.all<Row>(
      'SELECT * FROM calibrations WHERE kind = ? ORDER BY number DESC',
      [kind],
    )
    return rows.map(storedCalibration)
  }
}

function storedCalibration({ id, kind, subject, taken_at, taken_by, calibration }: Row): StoredCalibration {
  return { id, kind, subject, takenAt: taken_at, takenBy: taken_by, calibration: JSON.parse(calibration) }
}
