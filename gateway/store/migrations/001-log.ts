/**
 * The log. `position` counts rows over all epochs, 1 and up, gap-free; `sequence` is the position less the epoch's
 * `base`. Payloads and raw records are kept apart, because raw data go first when room is needed.
 */
export const log = `
  CREATE TABLE epochs (
    base INTEGER PRIMARY KEY,
    epoch TEXT NOT NULL UNIQUE,
    device_id TEXT NOT NULL,
    begun_at TEXT NOT NULL,
    reason TEXT NOT NULL
  ) STRICT;

  CREATE TABLE inspections (
    position INTEGER PRIMARY KEY,
    run INTEGER NOT NULL,
    noted INTEGER NOT NULL,
    recorded INTEGER NOT NULL,
    id TEXT NOT NULL,
    payload TEXT NOT NULL
  ) STRICT;
  CREATE UNIQUE INDEX inspections_id ON inspections (id);

  CREATE TABLE raw (
    position INTEGER PRIMARY KEY,
    record BLOB NOT NULL
  ) STRICT;

  CREATE TABLE cursors (
    sink TEXT PRIMARY KEY,
    origin INTEGER NOT NULL,
    position INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE unrecorded (
    run INTEGER PRIMARY KEY,
    found_at TEXT NOT NULL,
    parts INTEGER NOT NULL,
    at_least INTEGER NOT NULL
  ) STRICT;
`
