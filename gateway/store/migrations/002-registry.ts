/** What the station works with: recipes by revision, calibrations by date, and its present state. */
export const registry = `
  CREATE TABLE recipes (
    id TEXT NOT NULL,
    revision INTEGER NOT NULL,
    sha256 TEXT NOT NULL,
    saved_at TEXT NOT NULL,
    saved_by TEXT NOT NULL,
    recipe TEXT NOT NULL,
    PRIMARY KEY (id, revision)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE calibrations (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    taken_at TEXT NOT NULL,
    taken_by TEXT NOT NULL,
    calibration TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX calibrations_latest ON calibrations (kind, subject, taken_at);

  CREATE TABLE state (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;
`
