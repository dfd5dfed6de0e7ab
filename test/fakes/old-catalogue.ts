import sqlite3 from 'sqlite3'

/** A lens as the old system's cleaner left it, but for what is said otherwise. */
export interface OldLensRow {
  readonly nom: string
  readonly fournisseur: string
  readonly indice?: number
  readonly url_gravure?: string
  readonly variante?: string
  readonly hauteur?: readonly [number, number]
  readonly materiau?: string
  readonly gamme?: string
  readonly serie?: string
  readonly traitements?: readonly string[]
}

/** A link as the old system kept it; `verre` counts from 1, in the order of the lenses. */
export interface OldLinkRow {
  readonly verre: number
  readonly symbole: string
  readonly score_confiance?: number | null
  readonly est_valide?: 0 | 1
  readonly valide_par?: string | null
  readonly created_at?: string
  readonly updated_at?: string | null
}

const SCHEMA = `
  CREATE TABLE fournisseurs (id INTEGER PRIMARY KEY, nom VARCHAR(100) NOT NULL UNIQUE);
  CREATE TABLE materiaux (id INTEGER PRIMARY KEY, nom VARCHAR(100) NOT NULL UNIQUE);
  CREATE TABLE gammes (id INTEGER PRIMARY KEY, nom VARCHAR(100) NOT NULL UNIQUE);
  CREATE TABLE series (id INTEGER PRIMARY KEY, nom VARCHAR(100) NOT NULL UNIQUE);
  CREATE TABLE traitements (id INTEGER PRIMARY KEY, nom VARCHAR(100) NOT NULL UNIQUE,
    type VARCHAR(20) CHECK (type IN ('protection', 'photochromique')));
  CREATE TABLE verres (id INTEGER PRIMARY KEY, nom VARCHAR(100) NOT NULL, variante VARCHAR(50),
    hauteur_min INTEGER CHECK (hauteur_min >= 0), hauteur_max INTEGER CHECK (hauteur_max BETWEEN hauteur_min AND 100),
    indice FLOAT NOT NULL CHECK (indice BETWEEN 1.0 AND 2.0), url_gravure VARCHAR(255), url_source VARCHAR(255),
    fournisseur_id INTEGER REFERENCES fournisseurs, materiau_id INTEGER REFERENCES materiaux,
    gamme_id INTEGER REFERENCES gammes, serie_id INTEGER REFERENCES series);
  CREATE TABLE verres_traitements (verre_id INTEGER REFERENCES verres, traitement_id INTEGER REFERENCES traitements);
  CREATE TABLE symboles_tags (id INTEGER PRIMARY KEY, nom VARCHAR(50) NOT NULL UNIQUE, description TEXT,
    created_at DATETIME, updated_at DATETIME);
  CREATE TABLE verres_symboles (id INTEGER PRIMARY KEY, verre_id INTEGER REFERENCES verres,
    symbole_id INTEGER REFERENCES symboles_tags, score_confiance FLOAT, est_valide BOOLEAN DEFAULT 0,
    valide_par VARCHAR(100), created_at DATETIME, updated_at DATETIME);
  INSERT INTO traitements (nom, type) VALUES ('Protection UV', 'protection'), ('Photochromique', 'photochromique');
`

/** Writes a `verres.db` of the old system's tables. */
export async function writeOldCatalogue(
  file: string,
  rows: {
    readonly lenses: readonly OldLensRow[]
    readonly symbols?: readonly { readonly nom: string; readonly description?: string }[]
    readonly links?: readonly OldLinkRow[]
  },
): Promise<void> {
  const database = new sqlite3.Database(file)
  const run = (sql: string, values: readonly unknown[] = []): Promise<void> =>
    new Promise((resolve, reject) => {
      database.run(sql, values, (error) => (error === null ? resolve() : reject(error)))
    })
  for (const statement of SCHEMA.split(';')) if (statement.trim() !== '') await run(statement)
  const named = async (table: string, name: string): Promise<void> => {
    await run(`INSERT INTO ${table} (nom) VALUES (?) ON CONFLICT DO NOTHING`, [name])
  }
  for (const [index, lens] of rows.lenses.entries()) {
    const { fournisseur, materiau = 'ORGANIQUE', gamme = 'STANDARD', serie = 'INCONNU' } = lens
    const { variante = 'STANDARD', traitements = ['Protection UV', 'Photochromique'] } = lens
    const [low, high] = lens.hauteur ?? [14, 14]
    await named('fournisseurs', fournisseur)
    await named('materiaux', materiau)
    await named('gammes', gamme)
    await named('series', serie)
    await run(
      `INSERT INTO verres SELECT ?, ?, ?, ?, ?, ?, ?, 'https://a.example/gravures/', f.id, m.id, g.id, s.id
       FROM fournisseurs f, materiaux m, gammes g, series s WHERE f.nom = ? AND m.nom = ? AND g.nom = ? AND s.nom = ?`,
      [
        ...[index + 1, lens.nom, variante, low, high, lens.indice ?? 1.5, lens.url_gravure ?? null],
        ...[fournisseur, materiau, gamme, serie],
      ],
    )
    for (const name of traitements)
      await run('INSERT INTO verres_traitements SELECT ?, id FROM traitements WHERE nom = ?', [
        index + 1,
        name,
      ])
  }
  for (const { nom, description = null } of rows.symbols ?? [])
    await run('INSERT INTO symboles_tags (nom, description) VALUES (?, ?)', [nom, description])
  for (const link of rows.links ?? []) {
    const { score_confiance: score = null, est_valide: valid = 0, valide_par: by = null } = link
    const { created_at: created = '2025-03-01 10:00:00.123456', updated_at: updated = null } = link
    await run(
      `INSERT INTO verres_symboles (verre_id, symbole_id, score_confiance, est_valide, valide_par, created_at, updated_at)
       VALUES (?, (SELECT id FROM symboles_tags WHERE nom = ?), ?, ?, ?, ?, ?)`,
      [link.verre, link.symbole, score, valid, by, created, updated],
    )
  }
  await new Promise<void>((resolve, reject) => {
    database.close((error) => (error === null ? resolve() : reject(error)))
  })
}
