import { LENS_LIMITS, MATERIALS, TREATMENTS } from '../../lens.ts'

function quoted(words: readonly string[]): string {
  return words.map((word) => `'${word}'`).join(', ')
}

/** A list of names that lenses refer to. */
function names(table: string, longest: number): string {
  return `CREATE TABLE ${table} (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE CHECK (length(name) BETWEEN 1 AND ${longest})
  ) STRICT;`
}

/** Forward only, as the log's: `poincon.db` and `catalogue.db` are two files, so that either can be replaced alone. */
export const CATALOGUE_STEPS: readonly string[] = [
  `
  ${names('suppliers', LENS_LIMITS.supplier)}
  ${names('ranges', LENS_LIMITS.range)}
  ${names('series', LENS_LIMITS.series)}
  CREATE TABLE lenses (
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    supplier INTEGER NOT NULL REFERENCES suppliers,
    name TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND ${LENS_LIMITS.name}),
    refractive_index REAL CHECK (refractive_index BETWEEN ${LENS_LIMITS.indexMin} AND ${LENS_LIMITS.indexMax}),
    material TEXT CHECK (material IN (${quoted(MATERIALS)})),
    material_trade TEXT,
    range INTEGER REFERENCES ranges,
    series INTEGER REFERENCES series,
    height_min_mm REAL CHECK (height_min_mm >= 0),
    height_max_mm REAL CHECK (height_max_mm BETWEEN height_min_mm AND ${LENS_LIMITS.heightMaxMm}),
    source_url TEXT,
    changed_at TEXT NOT NULL,
    CHECK ((height_min_mm IS NULL) = (height_max_mm IS NULL))
  ) STRICT;
  CREATE TABLE lens_sources (
    lens INTEGER NOT NULL REFERENCES lenses ON DELETE CASCADE,
    source TEXT NOT NULL,
    PRIMARY KEY (lens, source)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX lens_sources_source ON lens_sources (source);
  CREATE TABLE lens_treatments (
    lens INTEGER NOT NULL REFERENCES lenses ON DELETE CASCADE,
    treatment TEXT NOT NULL CHECK (treatment IN (${quoted(TREATMENTS)})),
    PRIMARY KEY (lens, treatment)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE lens_marks (
    lens INTEGER NOT NULL REFERENCES lenses ON DELETE CASCADE,
    kind TEXT NOT NULL CHECK (kind IN ('text', 'image')),
    value TEXT NOT NULL CHECK (length(value) > 0),
    folded TEXT NOT NULL,
    alt TEXT,
    PRIMARY KEY (lens, kind, value)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX lens_marks_value ON lens_marks (kind, folded);
  CREATE TABLE symbols (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE CHECK (length(name) BETWEEN 1 AND ${LENS_LIMITS.symbol}),
    description TEXT NOT NULL DEFAULT ''
  ) STRICT;
  CREATE TABLE symbol_examples (
    id INTEGER PRIMARY KEY,
    symbol INTEGER NOT NULL REFERENCES symbols ON DELETE CASCADE,
    sha256 TEXT NOT NULL,
    picture BLOB NOT NULL,
    enrolled_by TEXT NOT NULL,
    enrolled_at TEXT NOT NULL,
    UNIQUE (symbol, sha256)
  ) STRICT;
  CREATE TABLE symbol_tags (
    symbol INTEGER NOT NULL REFERENCES symbols ON DELETE CASCADE,
    tag TEXT NOT NULL CHECK (length(tag) BETWEEN 1 AND ${LENS_LIMITS.tag}),
    PRIMARY KEY (symbol, tag)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE lens_symbols (
    lens INTEGER NOT NULL REFERENCES lenses ON DELETE CASCADE,
    symbol INTEGER NOT NULL REFERENCES symbols ON DELETE CASCADE,
    confidence REAL NOT NULL CHECK (confidence BETWEEN 0 AND 1),
    linked_at TEXT NOT NULL,
    validated_by TEXT,
    validated_at TEXT,
    PRIMARY KEY (lens, symbol),
    CHECK ((validated_by IS NULL) = (validated_at IS NULL))
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX lens_symbols_symbol ON lens_symbols (symbol);
  CREATE TABLE staged (
    source TEXT NOT NULL,
    key TEXT NOT NULL,
    lens TEXT NOT NULL,
    PRIMARY KEY (source, key)
  ) STRICT, WITHOUT ROWID;
  `,
  // What suppliers' pages say, before anybody has looked at it.
  `
  CREATE TABLE crawls (
    id INTEGER PRIMARY KEY,
    plan TEXT NOT NULL,
    begun_at TEXT NOT NULL,
    left_out INTEGER NOT NULL DEFAULT 0,
    closed_at TEXT,
    accepted_by TEXT,
    CHECK (accepted_by IS NULL OR closed_at IS NOT NULL)
  ) STRICT;
  CREATE UNIQUE INDEX crawls_open ON crawls (closed_at IS NULL) WHERE closed_at IS NULL;
  CREATE TABLE crawl_visits (
    crawl INTEGER NOT NULL REFERENCES crawls ON DELETE CASCADE,
    position INTEGER NOT NULL,
    url TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('page', 'picture')),
    outcome TEXT CHECK (outcome IN ('page', 'picture', 'unchanged', 'forbidden', 'failed')),
    detail TEXT,
    at TEXT,
    PRIMARY KEY (crawl, url)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX crawl_visits_waiting ON crawl_visits (crawl, kind, position) WHERE outcome IS NULL;
  CREATE TABLE crawled (
    url TEXT PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('page', 'picture')),
    read_as TEXT NOT NULL,
    etag TEXT,
    last_modified TEXT,
    sha256 TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    rows INTEGER NOT NULL,
    found TEXT NOT NULL,
    read_at TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE crawl_notes (
    url TEXT NOT NULL,
    line INTEGER NOT NULL,
    note TEXT NOT NULL
  ) STRICT;
  CREATE INDEX crawl_notes_url ON crawl_notes (url);
  CREATE TABLE mark_pictures (
    sha256 TEXT PRIMARY KEY,
    media_type TEXT NOT NULL,
    picture BLOB NOT NULL
  ) STRICT;
  `,
]
