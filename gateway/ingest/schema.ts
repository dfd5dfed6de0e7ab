/**
 * The final store, step by step; a step never changes once it was released. `ledger` says which inspections were ever
 * taken: it is narrow, stays when old payloads go, and is what a repeat and a foreign history are recognised by. A key
 * over `id` alone could not stand on `inspections`, which is parted by time. `progress` follows the chain.
 */
const LEDGER = `
CREATE TABLE poincon.ledger (
  device_id text NOT NULL,
  epoch uuid NOT NULL,
  sequence bigint NOT NULL CHECK (sequence >= 1),
  id uuid NOT NULL UNIQUE,
  at timestamptz NOT NULL,
  taken_at timestamptz NOT NULL DEFAULT now(),
  previous bytea NOT NULL,
  hash bytea NOT NULL,
  PRIMARY KEY (device_id, epoch, sequence)
);
CREATE TABLE poincon.progress (
  device_id text NOT NULL,
  epoch uuid NOT NULL,
  site text NOT NULL,
  line text NOT NULL,
  station text NOT NULL,
  first_sequence bigint NOT NULL DEFAULT 1,
  floor_hash bytea NOT NULL DEFAULT decode(repeat('00', 32), 'hex'),
  up_to bigint NOT NULL DEFAULT 0,
  hash bytea NOT NULL DEFAULT decode(repeat('00', 32), 'hex'),
  held bigint NOT NULL DEFAULT 0,
  conflict jsonb,
  heard_at timestamptz NOT NULL DEFAULT now(),
  moved_at timestamptz NOT NULL DEFAULT now(),
  said_at timestamptz NOT NULL DEFAULT '-infinity',
  PRIMARY KEY (device_id, epoch)
);
CREATE INDEX progress_by_station ON poincon.progress (site, line, station);
CREATE TABLE poincon.quarantine (
  topic text NOT NULL,
  sha256 bytea NOT NULL,
  reason text NOT NULL,
  detail text NOT NULL,
  payload bytea NOT NULL,
  times integer NOT NULL DEFAULT 1,
  first_at timestamptz NOT NULL DEFAULT now(),
  last_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (topic, sha256)
);
CREATE TABLE poincon.accepted (
  device_id text NOT NULL,
  epoch uuid NOT NULL,
  first_sequence bigint NOT NULL,
  up_to_before bigint NOT NULL,
  conflict jsonb,
  accepted_by text NOT NULL,
  at timestamptz NOT NULL DEFAULT now()
);`

const INSPECTIONS = `
CREATE TABLE poincon.inspections (
  at timestamptz NOT NULL,
  id uuid NOT NULL,
  device_id text NOT NULL,
  epoch uuid NOT NULL,
  sequence bigint NOT NULL,
  site text NOT NULL,
  line text NOT NULL,
  station text NOT NULL,
  lot_id text NOT NULL,
  sample_id text NOT NULL,
  recipe_id text NOT NULL,
  recipe_revision integer NOT NULL,
  verdict text NOT NULL,
  action text NOT NULL,
  grade text,
  score double precision,
  mass_g double precision,
  volume_mm3 double precision,
  dry_run boolean NOT NULL,
  verified boolean NOT NULL,
  payload json NOT NULL
)`

const INSPECTION_INDEXES = `
CREATE INDEX inspections_by_device ON poincon.inspections (device_id, epoch, sequence);
CREATE INDEX inspections_by_station ON poincon.inspections (site, line, station, at);
CREATE INDEX inspections_by_lot ON poincon.inspections (lot_id, at);`

/**
 * Follows the chain of one log from where it ended: in order, without a gap, each link to the one before. Every
 * transaction calls it behind its own inserts, and the row lock makes them come one after the other, so whoever comes
 * last sees the rows of all.
 */
const FUNCTIONS = `
CREATE FUNCTION poincon.follow(of_device text, of_epoch uuid) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  p poincon.progress;
  r record;
  steps integer;
  ended boolean := false;
  began bigint;
BEGIN
  SELECT * INTO STRICT p FROM poincon.progress WHERE device_id = of_device AND epoch = of_epoch FOR UPDATE;
  began := p.up_to;
  WHILE NOT ended LOOP
    steps := 0;
    FOR r IN SELECT sequence, previous, hash FROM poincon.ledger
      WHERE device_id = of_device AND epoch = of_epoch AND sequence > p.up_to ORDER BY sequence LIMIT 1000
    LOOP
      IF r.sequence <> p.up_to + 1 THEN
        ended := true;
      ELSIF r.previous <> p.hash THEN
        p.conflict := jsonb_build_object('sequence', r.sequence, 'held', encode(p.hash, 'hex'),
          'came', encode(r.previous, 'hex'), 'at', to_jsonb(now()));
        ended := true;
      END IF;
      EXIT WHEN ended;
      p.up_to := r.sequence;
      p.hash := r.hash;
      steps := steps + 1;
    END LOOP;
    ended := ended OR steps < 1000;
  END LOOP;
  UPDATE poincon.progress SET up_to = p.up_to, hash = p.hash, conflict = p.conflict,
    moved_at = CASE WHEN p.up_to <> began THEN clock_timestamp() ELSE moved_at END
    WHERE device_id = of_device AND epoch = of_epoch;
END $$;

-- Whoever removes rows of the ledger takes the confirmation of them back in the same transaction, and the inspections
-- with it: when they come again, each is there once.
CREATE FUNCTION poincon.fall_back() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE poincon.progress p SET held = p.held - gone.rows, moved_at = clock_timestamp(),
    up_to = CASE WHEN gone.least <= p.up_to THEN gone.least - 1 ELSE p.up_to END,
    hash = CASE WHEN gone.least <= p.up_to THEN coalesce((SELECT l.hash FROM poincon.ledger l
        WHERE l.device_id = p.device_id AND l.epoch = p.epoch AND l.sequence = gone.least - 1
        AND l.sequence >= p.first_sequence), p.floor_hash)
      ELSE p.hash END
  FROM (SELECT device_id, epoch, count(*) AS rows, min(sequence) FILTER (WHERE sequence >= first_sequence) AS least
    FROM removed JOIN poincon.progress USING (device_id, epoch) GROUP BY 1, 2) gone
  WHERE p.device_id = gone.device_id AND p.epoch = gone.epoch;
  DELETE FROM poincon.inspections i USING removed r
    WHERE i.device_id = r.device_id AND i.epoch = r.epoch AND i.sequence = r.sequence;
  RETURN NULL;
END $$;
CREATE TRIGGER ledger_falls_back AFTER DELETE ON poincon.ledger
  REFERENCING OLD TABLE AS removed FOR EACH STATEMENT EXECUTE FUNCTION poincon.fall_back();
CREATE FUNCTION poincon.fall_to_nothing() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE poincon.progress SET held = 0, up_to = first_sequence - 1, hash = floor_hash, moved_at = clock_timestamp();
  TRUNCATE poincon.inspections;
  RETURN NULL;
END $$;
CREATE TRIGGER ledger_falls_to_nothing AFTER TRUNCATE ON poincon.ledger
  FOR EACH STATEMENT EXECUTE FUNCTION poincon.fall_to_nothing();`

/**
 * Months as partitions, made before the first row of each comes. Parts of a station whose clock is far off share one:
 * nobody can make partitions without end by what he claims.
 */
const PLAIN = `
${INSPECTIONS} PARTITION BY RANGE (at);
${INSPECTION_INDEXES}
CREATE TABLE poincon.inspections_elsewhen PARTITION OF poincon.inspections DEFAULT;
CREATE FUNCTION poincon.part_of(month date) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  first date := date_trunc('month', month)::date;
BEGIN
  IF first < '2024-01-01' OR first > now() + interval '2 days' THEN RETURN; END IF;
  PERFORM pg_advisory_xact_lock(hashtext('poincon.inspections'));
  EXECUTE format('CREATE TABLE IF NOT EXISTS poincon.%I PARTITION OF poincon.inspections FOR VALUES FROM (%L) TO (%L)',
    'inspections_' || to_char(first, 'YYYY_MM'), first || ' 00:00:00+00',
    (first + interval '1 month')::date || ' 00:00:00+00');
EXCEPTION WHEN check_violation THEN
  -- Parts from the future came before their month did: it stays where they are.
  RETURN;
END $$;
CREATE VIEW poincon.inspections_by_hour AS
  SELECT date_trunc('hour', at) AS hour, site, line, station, recipe_id, lot_id, action, grade,
    count(*) AS parts, avg(score) AS score, avg(mass_g) AS mass_g, stddev_samp(mass_g) AS mass_g_std
  FROM poincon.inspections GROUP BY 1, 2, 3, 4, 5, 6, 7, 8;`

/** Chunks of a week, compressed after a fortnight, with sums that the extension keeps up to date. */
const TIMESCALE = `
${INSPECTIONS};
${INSPECTION_INDEXES}
SELECT create_hypertable('poincon.inspections', 'at', chunk_time_interval => interval '7 days');
ALTER TABLE poincon.inspections SET (timescaledb.compress,
  timescaledb.compress_segmentby = 'device_id', timescaledb.compress_orderby = 'epoch, sequence');
SELECT add_compression_policy('poincon.inspections', interval '14 days');
CREATE MATERIALIZED VIEW poincon.inspections_by_hour WITH (timescaledb.continuous) AS
  SELECT time_bucket(interval '1 hour', at) AS hour, site, line, station, recipe_id, lot_id, action, grade,
    count(*) AS parts, avg(score) AS score, avg(mass_g) AS mass_g, stddev_samp(mass_g) AS mass_g_std
  FROM poincon.inspections GROUP BY 1, 2, 3, 4, 5, 6, 7, 8 WITH NO DATA;
SELECT add_continuous_aggregate_policy('poincon.inspections_by_hour', start_offset => interval '3 days',
  end_offset => interval '1 hour', schedule_interval => interval '1 hour');`

/** One step of the schema, without and with the extension. `WITH NO DATA` lets an aggregate be made in a transaction. */
export interface SchemaStep {
  readonly plain: string
  readonly timescale: string
}

/** Forward only. */
export const SCHEMA_STEPS: readonly SchemaStep[] = [
  { plain: `${LEDGER}${FUNCTIONS}`, timescale: `${LEDGER}${FUNCTIONS}` },
  { plain: PLAIN, timescale: TIMESCALE },
]
