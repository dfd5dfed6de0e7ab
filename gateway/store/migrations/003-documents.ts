/** What people and rules leave beside the log: lots, alerts, overrides. JSON by kind and id; `open` while it is at work. */
export const documents = `
  CREATE TABLE documents (
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    at TEXT NOT NULL,
    open INTEGER NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (kind, id)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX documents_by_time ON documents (kind, at);
  CREATE INDEX documents_open ON documents (kind) WHERE open = 1;
`
