import { readFileSync } from 'node:fs'
import { test } from 'tap'
import { type Admitted, admit } from '../../../gateway/ingest/admission.ts'
import { accept, claim, overview, placesOf, unclaim } from '../../../gateway/ingest/places.ts'
import type { OutboxEntry } from '../../../gateway/outbox.ts'
import { AUTHOR, type Author, history, topicOf } from './history.ts'
import { missing, Postgres } from './servers.ts'

const RULES = { maxBytes: 1_000_000, hashes: 'required' } as const
const STATION = { site: 'lyon', line: 'l1', station: 's1' }

function admitted(author: Author, entries: readonly OutboxEntry[]): Admitted[] {
  return entries.flatMap(({ payload }) => {
    const looked = admit(topicOf(author), Buffer.from(payload), RULES)
    return 'message' in looked ? [looked] : []
  })
}

const skip = missing('postgresql')
test('the final store', { skip: skip ?? false }, async (t) => {
  const server = await Postgres.start()
  t.teardown(() => server.close())
  const store = await server.open()
  t.teardown(() => store.close())
  const count = async (table: string): Promise<number> =>
    Number((await server.query(`SELECT count(*) AS n FROM poincon.${table}`))[0]?.n)
  const standing = async (device = AUTHOR.device) =>
    (await store.ask(overview)).find(({ place }) => place.device_id === device)?.place
  const parts = history(AUTHOR, 1, 60)
  const hashOf = (sequence: number): string =>
    JSON.parse(parts[sequence - 1]?.payload ?? '{}').provenance.hash

  await t.test('opens twice, and a newer release’s schema is left alone', async (t) => {
    const again = await store.open()
    t.strictSame(again, { steps: 2, flavour: 'plain' })
    await server.query('INSERT INTO poincon.schema_steps (step, flavour) VALUES (3, $$plain$$)')
    await t.rejects(store.open(), { name: 'StoreUnfitError' })
    await server.query('DELETE FROM poincon.schema_steps WHERE step = 3')
  })

  await t.test('takes a batch once, in any order, and confirms without a gap', async (t) => {
    const [first, hole, rest] = [parts.slice(0, 10), parts.slice(10, 12), parts.slice(12, 20)]
    const written = await store.write(admitted(AUTHOR, first.toReversed()), [])
    t.equal(written.taken.length, 10)
    t.match(await standing(), { from: 1, up_to: 10, count: 10, beyond: 0, hash: hashOf(10) })
    await store.write(admitted(AUTHOR, rest), [])
    t.match(await standing(), { up_to: 10, count: 10, beyond: 8, hash: hashOf(10) }, 'a hole stops it')
    const filled = await store.write(admitted(AUTHOR, [...first, ...hole, ...hole]), [])
    t.strictSame([filled.taken.length, filled.repeats, filled.refused.length], [2, 12, 0])
    t.match(await standing(), { up_to: 20, count: 20, beyond: 0, hash: hashOf(20) })
    t.equal(await count('inspections'), 20)
    const rows = await server.query(
      'SELECT grade, score, payload, verified FROM poincon.inspections WHERE sequence = 7',
    )
    t.match(rows, [{ grade: 'A', score: 0.88, verified: true }])
    t.strictSame(rows[0]?.payload, JSON.parse(parts[6]?.payload ?? ''), 'the payload is the log’s')
  })

  await t.test(
    'the text is kept as it came: its hash can be derived again from the store alone',
    async (t) => {
      const [row] = await server.query(
        'SELECT payload::text AS text FROM poincon.inspections WHERE sequence = 7',
      )
      t.equal(row?.text, parts[6]?.payload)
      const documented = /-- Rows that do not give their hash: none\.\n([^;]+);/.exec(
        readFileSync('docs/fleet-delivery.md', 'utf8'),
      )?.[1]
      t.strictSame(await server.query(documented ?? ''), [])
      const changed = 'replace(payload::text, \'"score":0.88\', \'"score":0.98\')::json'
      await server.query(`UPDATE poincon.inspections SET payload = ${changed} WHERE sequence = 7`)
      t.match(await server.query(documented ?? ''), [{ device_id: 'gw-1', sequence: '7' }])
      await server.query(
        `UPDATE poincon.inspections SET payload = $$${parts[6]?.payload}$$::json WHERE sequence = 7`,
      )
    },
  )

  await t.test('two workers in each other’s way lose nothing and wait for nobody', async (t) => {
    const other = await server.open()
    const all = admitted(AUTHOR, parts.slice(20, 60))
    const halves = [all.filter((_, place) => place % 2 === 0), all.filter((_, place) => place % 2 === 1)]
    await Promise.all([
      store.write(halves[0] ?? [], []),
      other.write(halves[1]?.toReversed() ?? [], []),
      store.write(all.slice(0, 15), []),
    ])
    t.match(await standing(), { up_to: 60, count: 60, beyond: 0, hash: hashOf(60) })
    t.equal(await count('inspections'), 60)
    await other.close()
  })

  await t.test('a row that the database cannot hold is set aside, the others go in', async (t) => {
    const author = { ...AUTHOR, device: 'gw-nul', salt: '02' }
    const deep = '['.repeat(200_000) + ']'.repeat(200_000)
    const unfit: readonly [string, string, RegExp][] = [
      ['"sample_id":"02"', '"sample_id":"\\u0000"', /^22P05/],
      ['"sample_id":"02"', '"sample_id":"\\ud800"', /^22P02/],
      ['"score":0.88', '"score":0.88,"other":1e200000', /^22003/],
      ['"score":0.88', `"score":0.88,"other":${'9'.repeat(140_000)}`, /^22003/],
      ['"score":0.88', `"score":0.88,"other":${deep}`, /^54001/],
    ]
    const good = admitted(author, history(author, 1, 13))
    const bad = good.splice(4, unfit.length).map((one, place) => {
      const [text = '', instead = ''] = unfit[place] ?? []
      return { ...one, payload: one.payload.replace(text, instead) }
    })
    const written = await store.write([...good, ...bad], [])
    t.equal(written.taken.length, 8)
    t.match(
      written.refused,
      unfit.map(([, , detail]) => ({ reason: 'database', detail })),
    )
    t.match(await standing('gw-nul'), { up_to: 4, beyond: 4 })
    t.match(
      await server.query("SELECT reason, times FROM poincon.quarantine WHERE reason = 'database'"),
      unfit.map(() => ({ times: 1 })),
    )
  })

  await t.test('what only looks like it goes in', async (t) => {
    const author = { ...AUTHOR, device: 'gw-odd', salt: '06' }
    const odd = history(author, 1, 1, undefined, (drafted) => ({
      ...drafted,
      lot_id: 'a \\u0000 that somebody typed, e2024, and \u{1f986}',
    }))
    t.equal((await store.write(admitted(author, odd), [])).taken.length, 1)
  })

  await t.test('a cloned device is named, never mixed', async (t) => {
    const clone = { ...AUTHOR, salt: '03' }
    const written = await store.write(admitted(clone, history(clone, 5, 6)), [])
    t.equal(written.taken.length, 0)
    t.match(written.refused, [{ reason: 'foreign_history' }, { reason: 'foreign_history' }])
    const place = await standing()
    t.match(place, { up_to: 60, hash: hashOf(60), conflict: { sequence: 6, held: hashOf(6) } })
    const forgotten = await store.ask((client) =>
      accept(client, { deviceId: AUTHOR.device, epoch: AUTHOR.epoch, by: 'test' }),
    )
    t.match(forgotten?.place, { up_to: 60, conflict: undefined })
  })

  await t.test('a chain that does not go on from what is held stops the confirmation', async (t) => {
    const author = { ...AUTHOR, device: 'gw-broken', salt: '04' }
    await store.write(admitted(author, history(author, 1, 3)), [])
    await store.write(admitted(author, history(author, 4, 6, { sequence: 3, hash: 'cd'.repeat(32) })), [])
    t.match(await standing('gw-broken'), {
      up_to: 3,
      beyond: 3,
      conflict: { sequence: 4, came: 'cd'.repeat(32) },
    })
  })

  await t.test('rows that somebody removes are not confirmed any more', async (t) => {
    await server.query(`DELETE FROM poincon.ledger WHERE device_id = 'gw-1' AND sequence BETWEEN 30 AND 32`)
    t.match(await standing(), { up_to: 29, count: 29, beyond: 28, hash: hashOf(29) })
    await store.write(admitted(AUTHOR, parts.slice(29, 60)), [])
    t.match(await standing(), { up_to: 60, count: 60, beyond: 0, hash: hashOf(60) })
    const rows = await server.query(`SELECT count(*) AS n FROM poincon.inspections WHERE device_id = 'gw-1'`)
    t.equal(Number(rows[0]?.n), 60, 'and each is there once')
  })

  await t.test('a person may let a log go on behind what nobody has any more', async (t) => {
    const author = { ...AUTHOR, device: 'gw-late', salt: '05' }
    await store.write(
      admitted(author, history(author, 101, 110, { sequence: 100, hash: 'ee'.repeat(32) })),
      [],
    )
    t.match(await standing('gw-late'), { from: 1, up_to: 0, count: 0, beyond: 10 })
    const said = { deviceId: 'gw-late', epoch: AUTHOR.epoch, from: 101, by: 'test' }
    t.match((await store.ask((client) => accept(client, said)))?.place, {
      from: 101,
      up_to: 110,
      count: 10,
      beyond: 0,
    })
    const none = await store.ask((client) => accept(client, { ...said, from: 500 }))
    t.equal(none, undefined, 'not to what it does not hold')
    t.equal(await count('accepted'), 2)
  })

  await t.test('one worker at a time says what moved, and again after the heartbeat', async (t) => {
    t.strictSame(await store.ask((client) => claim(client, 3600, 90)), [STATION])
    t.strictSame(await store.ask((client) => claim(client, 3600, 90)), [], 'said')
    await store.ask((client) => unclaim(client, [STATION]))
    t.strictSame(await store.ask((client) => claim(client, 3600, 90)), [STATION], 'could not be said')
    t.strictSame(await store.ask((client) => claim(client, 0, 90)), [STATION], 'heartbeat')
    const places = await store.ask((client) => placesOf(client, [STATION]))
    t.equal(places.length, 5, 'every log that speaks for the station')
  })

  await t.test('old months go, the ledger stays', async (t) => {
    const before = await count('ledger')
    t.match(await store.keepFor(1), ['inspections_2026_05'])
    t.equal(await count('ledger'), before)
    t.match(await standing(), { up_to: 60, count: 60 })
  })
})

test('what comes is looked at before it goes in', (t) => {
  const [entry] = history(AUTHOR, 1, 1)
  const payload = entry?.payload ?? ''
  const look = (
    text: string | Uint8Array,
    topic = topicOf(AUTHOR),
    hashes: 'required' | 'noted' = 'required',
  ) => admit(topic, typeof text === 'string' ? Buffer.from(text) : text, { maxBytes: 20_000, hashes })
  t.match(look(new Uint8Array([0xff, 0xfe])), { reason: 'not_json' }, 'not UTF-8')
  t.match(look(payload), { verified: true, message: { sequence: 1 } })
  t.match(look(payload.replace('0.88', '0.99')), { reason: 'hash' })
  t.match(look(payload.replace('0.88', '0.99'), undefined, 'noted'), { verified: false })
  t.match(look('{'), { reason: 'not_json' })
  t.match(look('{"schema":"poincon.inspection/2"}'), { reason: 'invalid', detail: /^schema: / })
  t.match(look(payload, 'poincon/lyon/l1/s2/inspection'), { reason: 'misplaced', detail: /lyon\/l1\/s1/ })
  t.match(look(payload.padEnd(20_001)), { reason: 'too_large', detail: /20001 bytes/ })
  t.end()
})
