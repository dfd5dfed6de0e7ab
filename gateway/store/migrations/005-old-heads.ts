/**
 * Who else named an inspection: `<device> <sample>` of an old head, NULL for a part of the station. It is unique, so that
 * a sample that comes again is never stored twice, whatever crashed in between.
 */
export const oldHeads = `
  ALTER TABLE inspections ADD COLUMN origin TEXT;
  CREATE UNIQUE INDEX inspections_origin ON inspections (origin) WHERE origin IS NOT NULL;
`
