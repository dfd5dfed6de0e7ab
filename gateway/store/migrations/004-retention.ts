/**
 * What stays when old rows go: per epoch the last link that was removed, so that the chain can be followed from there,
 * and sums by hour and day. `aggregate_scratch` holds sums that are counted anew until they take the others' place.
 */
const AGGREGATE_COLUMNS = `
    period TEXT NOT NULL,
    starts_at TEXT NOT NULL,
    station TEXT NOT NULL,
    recipe TEXT NOT NULL,
    revision INTEGER NOT NULL,
    lot TEXT NOT NULL,
    parts INTEGER NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (period, starts_at, station, recipe, revision, lot)
`

export const retention = `
  CREATE TABLE anchors (
    base INTEGER PRIMARY KEY,
    position INTEGER NOT NULL,
    hash TEXT NOT NULL,
    removed_at TEXT NOT NULL,
    broken TEXT
  ) STRICT;

  CREATE TABLE aggregates (${AGGREGATE_COLUMNS}) STRICT, WITHOUT ROWID;
  CREATE INDEX aggregates_of_lot ON aggregates (lot, period, starts_at);
  CREATE TABLE aggregate_scratch (${AGGREGATE_COLUMNS}) STRICT, WITHOUT ROWID;
  CREATE TABLE aggregated (
    epoch TEXT PRIMARY KEY,
    sequence INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
`
