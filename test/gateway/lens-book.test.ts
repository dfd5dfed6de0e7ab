import { test } from 'tap'
import type { EngravedLens } from '../../gateway/catalogue/lens-candidates.ts'
import { LensBook } from '../../gateway/lens-book.ts'
import { silentLog } from '../../gateway/log.ts'
import { HastyClock } from '../fakes/hasty-clock.ts'
import { symbol } from '../fakes/sights.ts'

function lens(id: number): EngravedLens {
  const symbols = [{ symbol: 'wave', confidence: 1 }]
  return { id, supplier: 'Optique', name: `Lens ${id}`, treatments: [], marks: [], symbols }
}

test('follows the catalogue, whoever writes it, and keeps what it knew while it cannot be read', async (t) => {
  const file = { version: 1, lenses: [lens(1)], searched: 0, broken: false }
  const book = new LensBook({
    version: () =>
      file.broken ? Promise.reject(new Error('disk I/O error')) : Promise.resolve(file.version),
    lenses: () => Promise.resolve(file.lenses),
    refreshGallery: () => {
      file.searched += 1
      return Promise.resolve()
    },
    clock: new HastyClock(),
    log: silentLog,
  })
  const known = (): readonly number[] =>
    book.candidates([symbol(['wave'], 1)], undefined).map(({ lensId }) => lensId)
  const until = async (holds: () => boolean): Promise<void> => {
    while (!holds()) await new Promise((resolve) => setImmediate(resolve))
  }
  await book.start()
  t.teardown(() => book.stop())
  t.strictSame(known(), [1])
  t.equal(file.searched, 1)

  file.lenses = [lens(1), lens(2)]
  file.version = 2
  await until(() => known().length === 2)
  t.equal(file.searched, 2, 'once for each change')

  file.broken = true
  await until(() => book.status().state === 'degraded')
  t.match(book.status(), { detail: /disk I\/O error/, facts: { lenses: 2 } })
  file.broken = false
  file.version = 3
  await until(() => book.status().state === 'ok')
})
