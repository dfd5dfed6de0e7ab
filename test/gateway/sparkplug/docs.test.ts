import { readFileSync } from 'node:fs'
import { test } from 'tap'

const PAGE = 'docs/sparkplug.md'

/** Rows of the table of assertions: the id, and what shows it. */
function rows(page: string): { readonly id: string; readonly shown: string }[] {
  return Array.from(page.matchAll(/^\| `([a-zA-Z0-9-]{8,})` \| (.+) \|$/gm), ([, id = '', shown = '']) => ({
    id,
    shown,
  }))
}

test('every assertion of the specification is shown by a test that there is, or says why not', (t) => {
  const page = readFileSync(PAGE, 'utf8')
  const all = rows(page)
  t.equal(new Set(all.map(({ id }) => id)).size, all.length, 'each once')
  let tested = 0
  for (const { id, shown } of all.filter((row) => !/^not (applicable|done): ./.test(row.shown))) {
    tested += 1
    for (const part of shown.split('; `')) {
      const [, file, title = ''] = /^`?([a-z-]+)`: (.+)$/.exec(part) ?? []
      const source = readFileSync(`dist/test/gateway/sparkplug/${file}.test.js`, 'utf8')
      if (!source.includes(title)) t.fail(`${id}: there is no test “${title}” in ${file}`)
    }
  }
  const missing = all.filter(({ shown }) => shown.startsWith('not done')).length
  const counts = `Of the ${all.length} assertions`
  t.ok(page.includes(counts), counts)
  t.match(page, new RegExp(`${tested} are tested, ${all.length - tested - missing} do not`))
  t.end()
})
