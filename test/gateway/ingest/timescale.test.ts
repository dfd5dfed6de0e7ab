import { test } from 'tap'
import { admit } from '../../../gateway/ingest/admission.ts'
import { SCHEMA_STEPS } from '../../../gateway/ingest/schema.ts'
import { AUTHOR, history, topicOf } from './history.ts'
import { missing, Postgres } from './servers.ts'

/**
 * A double of the extension's SQL, by the API reference of TimescaleDB 2 (create_hypertable, add_compression_policy,
 * add_retention_policy, remove_retention_policy, add_continuous_aggregate_policy, time_bucket, timescaledb_information.jobs):
 * names and types of the arguments, and the conditions that the reference states. `anyelement` stands for `"any"`, which
 * only C may take.
 */
const DOUBLE = `
CREATE SCHEMA timescaledb_information;
CREATE TABLE public.calls (place serial, call text, said jsonb);
CREATE TABLE timescaledb_information.jobs (job_id serial, schedule_interval interval, proc_schema name DEFAULT '_timescaledb_functions',
  proc_name name, config jsonb, hypertable_schema name, hypertable_name name);
CREATE FUNCTION public.create_hypertable(relation regclass, time_column_name name, partitioning_column name = NULL,
  number_partitions integer = NULL, associated_schema_name name = NULL, associated_table_prefix name = NULL,
  chunk_time_interval anyelement = NULL::bigint, create_default_indexes boolean = true, if_not_exists boolean = false,
  partitioning_func regproc = NULL, migrate_data boolean = false, chunk_target_size text = NULL,
  chunk_sizing_func regproc = NULL, time_partitioning_func regproc = NULL)
RETURNS TABLE (hypertable_id integer, schema_name name, table_name name, created boolean) LANGUAGE plpgsql AS $$
BEGIN
  PERFORM FROM pg_attribute WHERE attrelid = relation AND attname = time_column_name AND atttypid = 'timestamptz'::regtype;
  IF NOT FOUND THEN RAISE 'column "%" does not exist', time_column_name; END IF;
  PERFORM FROM pg_index i WHERE i.indrelid = relation AND i.indisunique AND NOT EXISTS (SELECT FROM pg_attribute a
    WHERE a.attrelid = relation AND a.attname = time_column_name AND a.attnum = ANY (i.indkey));
  IF FOUND THEN RAISE 'cannot create a unique index without the column "%" (used in partitioning)', time_column_name; END IF;
  INSERT INTO public.calls (call, said) VALUES ('create_hypertable', jsonb_build_object('relation', relation::text,
    'column', time_column_name, 'chunk', chunk_time_interval::text));
  RETURN QUERY SELECT 1, 'poincon'::name, 'inspections'::name, true;
END $$;
CREATE FUNCTION public.set_options(relation regclass, options text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  one text[];
  part text;
BEGIN
  FOR one IN SELECT regexp_matches(options, 'timescaledb.(w+)(?:s*=s*''([^'']*)'')?', 'g') LOOP
    IF one[1] NOT IN ('compress', 'compress_orderby', 'compress_segmentby', 'compress_chunk_time_interval') THEN
      RAISE 'unrecognized parameter "timescaledb.%"', one[1];
    END IF;
    FOREACH part IN ARRAY coalesce(string_to_array(one[2], ', '), '{}') LOOP
      PERFORM FROM pg_attribute WHERE attrelid = relation AND attname = split_part(part, ' ', 1);
      IF NOT FOUND THEN RAISE 'column "%" does not exist', part; END IF;
    END LOOP;
  END LOOP;
  INSERT INTO public.calls (call, said) VALUES ('options', to_jsonb(relation::text));
END $$;
CREATE FUNCTION public.add_compression_policy(hypertable regclass, compress_after anyelement = NULL::interval,
  if_not_exists boolean = false, schedule_interval interval = NULL, initial_start timestamptz = NULL, timezone text = NULL,
  compress_created_before interval = NULL) RETURNS integer LANGUAGE plpgsql AS $$
BEGIN
  PERFORM FROM public.calls WHERE call = 'options' AND said = to_jsonb(hypertable::text);
  IF NOT FOUND THEN RAISE 'compression not enabled on hypertable "%"', hypertable; END IF;
  INSERT INTO public.calls (call, said) VALUES ('add_compression_policy', to_jsonb(compress_after::text));
  RETURN 1000;
END $$;
CREATE FUNCTION public.add_retention_policy(relation regclass, drop_after anyelement = NULL::interval,
  if_not_exists boolean = false, schedule_interval interval = NULL, initial_start timestamptz = NULL, timezone text = NULL,
  drop_created_before interval = NULL) RETURNS integer LANGUAGE plpgsql AS $$
BEGIN
  PERFORM FROM timescaledb_information.jobs WHERE proc_name = 'policy_retention';
  IF FOUND THEN RAISE 'retention policy already exists for hypertable "%"', relation; END IF;
  INSERT INTO public.calls (call, said) VALUES ('add_retention_policy', to_jsonb(drop_after::text));
  INSERT INTO timescaledb_information.jobs (proc_name, config, hypertable_schema, hypertable_name)
    SELECT 'policy_retention', jsonb_build_object('drop_after', drop_after::text, 'hypertable_id', 1), n.nspname, c.relname
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = relation;
  RETURN 1001;
END $$;
CREATE FUNCTION public.remove_retention_policy(relation regclass, if_exists boolean = false) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  DELETE FROM timescaledb_information.jobs WHERE proc_name = 'policy_retention';
  IF NOT FOUND AND NOT if_exists THEN RAISE 'retention policy not found for hypertable "%"', relation; END IF;
  INSERT INTO public.calls (call, said) VALUES ('remove_retention_policy', to_jsonb(relation::text));
END $$;
CREATE FUNCTION public.add_continuous_aggregate_policy(continuous_aggregate regclass, start_offset anyelement,
  end_offset anyelement, schedule_interval interval, if_not_exists boolean = false, initial_start timestamptz = NULL,
  timezone text = NULL) RETURNS integer LANGUAGE plpgsql AS $$
BEGIN
  PERFORM FROM pg_class WHERE oid = continuous_aggregate AND relkind = 'm';
  IF NOT FOUND THEN RAISE '"%" is not a continuous aggregate', continuous_aggregate; END IF;
  IF start_offset - end_offset < interval '2 hours' THEN RAISE 'policy refresh window too small'; END IF;
  INSERT INTO public.calls (call, said) VALUES ('add_continuous_aggregate_policy',
    jsonb_build_array(start_offset::text, end_offset::text, schedule_interval::text));
  RETURN 1002;
END $$;
CREATE FUNCTION public.time_bucket(bucket_width interval, ts timestamptz) RETURNS timestamptz LANGUAGE sql IMMUTABLE
  AS $$ SELECT date_bin(bucket_width, ts, '2000-01-03 00:00:00+00') $$;`

/** The two statements whose options only the extension can read. */
const OPTIONS = /ALTER TABLE (poincon\.inspections) SET \((timescaledb\.[^)]*)\);/
const CONTINUOUS = /WITH \(timescaledb\.continuous\) /

const skip = missing('postgresql')
test('the schema on TimescaleDB, against a double of its SQL', { skip: skip ?? false }, async (t) => {
  const server = await Postgres.start({ allow_system_table_mods: 'on' })
  t.teardown(() => server.close())

  await t.test('is chosen where the extension is', async (t) => {
    await server.query(`${DOUBLE}
      INSERT INTO pg_extension VALUES (90000, 'timescaledb', 10, 2200, false, 'double', NULL, NULL)`)
    await t.rejects(server.open(), { message: /unrecognized parameter namespace "timescaledb"/ })
    const [calls] = await server.query('SELECT count(*) AS n FROM calls')
    t.equal(calls?.n, '0', 'as far as a plain PostgreSQL follows, and rolled back')
  })

  await t.test('calls what the reference has, with its names and types', async (t) => {
    await server.query(`CREATE TABLE IF NOT EXISTS poincon.schema_steps
      (step integer PRIMARY KEY, flavour text NOT NULL, at timestamptz NOT NULL DEFAULT now())`)
    const [, second] = SCHEMA_STEPS
    t.match(second?.timescale, OPTIONS)
    t.match(second?.timescale, CONTINUOUS)
    const translated = second?.timescale
      .replace(OPTIONS, (_all, table, options) => `SELECT set_options('${table}', $o$${options}$o$);`)
      .replace(CONTINUOUS, '')
    await server.query(`${translated}; INSERT INTO poincon.schema_steps VALUES (2, 'timescale')`)
    t.strictSame(await server.query('SELECT call, said FROM calls ORDER BY place'), [
      {
        call: 'create_hypertable',
        said: { relation: 'inspections', column: 'at', chunk: '7 days' },
      },
      { call: 'options', said: 'inspections' },
      { call: 'add_compression_policy', said: '14 days' },
      { call: 'add_continuous_aggregate_policy', said: ['3 days', '01:00:00', '01:00:00'] },
    ])
  })

  await t.test('is written to, summed up, and keeps to its retention', async (t) => {
    const store = await server.open()
    t.teardown(() => store.close())
    const rules = { maxBytes: 1e6, hashes: 'required' } as const
    const looked = history(AUTHOR, 1, 30).map(({ payload }) =>
      admit(topicOf(AUTHOR), Buffer.from(payload), rules),
    )
    const good = looked.filter((one) => 'message' in one)
    t.equal((await store.write(good, [])).taken.length, 30)
    t.match(await store.write(good, []), { taken: [], repeats: 30 })
    await server.query('REFRESH MATERIALIZED VIEW poincon.inspections_by_hour')
    const sums = await server.query('SELECT hour, parts::integer, grade FROM poincon.inspections_by_hour')
    t.match(sums, [{ parts: 30, grade: 'A' }])
    await server.query('TRUNCATE calls')
    for (const days of [400, 400, 30]) t.strictSame(await store.keepFor(days), [])
    t.strictSame(
      await server.query('SELECT call, said FROM calls ORDER BY place'),
      [
        { call: 'remove_retention_policy', said: 'inspections' },
        { call: 'add_retention_policy', said: '400 days' },
        { call: 'remove_retention_policy', said: 'inspections' },
        { call: 'add_retention_policy', said: '30 days' },
      ],
      'its job is left alone while nothing changes',
    )
  })
})
