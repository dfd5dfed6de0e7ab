/**
 * Calibrations count by the order they were saved in, whatever the wall clock said meanwhile. Of those that are there
 * already only the clock knows.
 */
export const calibrationOrder = `
  ALTER TABLE calibrations ADD COLUMN number INTEGER NOT NULL DEFAULT 0;
  UPDATE calibrations SET number =
    (SELECT count(*) FROM calibrations AS c WHERE (c.taken_at, c.id) <= (calibrations.taken_at, calibrations.id));
  CREATE UNIQUE INDEX calibrations_number ON calibrations (number);
  DROP INDEX calibrations_latest;
  CREATE INDEX calibrations_latest ON calibrations (kind, subject, number);
`
