import { readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import sharp from 'sharp'
import { type Test, test } from 'tap'
import { v7 } from 'uuid'
import { systemClock } from '../../../drivers/clock.ts'
import { labelCommand } from '../../../gateway/commands/label.ts'
import { silentLog } from '../../../gateway/log.ts'
import { LotBook } from '../../../gateway/lot-book.ts'
import type { OutboxEntry } from '../../../gateway/outbox.ts'
import { openDeviceKey } from '../../../gateway/proof/device-key.ts'
import { LabelTokens, LONGEST_TOKEN } from '../../../gateway/proof/label-token.ts'
import { proofOptions } from '../../../gateway/proof/options.ts'
import { proofOf } from '../../../gateway/proof/proof.ts'
import { traceRecord } from '../../../gateway/proof/trace-record.ts'
import type { Store } from '../../../gateway/store/store.ts'
import { randomFrom } from '../store/drafts.ts'
import { reopen, storeDir } from '../store/opening.ts'
import { copyOf, smallDraft } from './signed-log.ts'

const random = randomFrom(11)
const identity = { deviceId: 'poincon-test', site: 'landes', line: 'l1', station: 's1' }
const recipe = { id: 'foiegras_standard_barquette', revision: 1 }

function proofIn(dir: string, store: Store) {
  const config = { data_dir: dir, proof: proofOptions.parse({}) }
  return proofOf({ config, identity, store, clock: systemClock, log: silentLog })
}

async function made(
  store: Store,
  lots: LotBook,
  lotId: string,
  count: number,
): Promise<readonly OutboxEntry[]> {
  const entries: OutboxEntry[] = []
  for (let part = 0; part < count; part += 1) {
    entries.push(await store.append({ ...smallDraft(random), lot_id: lotId }, new Uint8Array(8)))
  }
  await lots.send(entries, new AbortController().signal)
  return entries
}

test('a label names one lot or part of one station, and nobody else can make one', async (t) => {
  const [dir, other] = [await storeDir(t), await storeDir(t)]
  const tokens = await LabelTokens.open(dir)
  t.equal((await stat(join(dir, 'label-key'))).mode & 0o777, 0o600)
  const longest = { kind: 'lot', id: 'x'.repeat(64) } as const
  t.equal(tokens.token(longest).length, LONGEST_TOKEN)
  for (const labelled of [{ kind: 'lot', id: 'LL-261121.1' }, { kind: 'part', id: v7() }, longest] as const) {
    const token = tokens.token(labelled)
    t.same(tokens.read(token), labelled)
    t.same((await LabelTokens.in(dir))?.read(token), labelled, 'also after a restart')
    t.equal((await LabelTokens.open(other)).read(token), undefined, 'of another station')
    for (let place = 0; place < token.length; place += 1) {
      const letter = token[place] === 'A' ? 'B' : 'A'
      t.equal(tokens.read(token.slice(0, place) + letter + token.slice(place + 1)), undefined)
    }
    t.equal(
      tokens.read(`${token.slice(0, -1)}${String.fromCharCode(token.charCodeAt(token.length - 1) + 1)}`),
      undefined,
    )
  }
  t.throws(() => tokens.token({ kind: 'lot', id: 'a b' }), { message: /expected 1 to 64/ })
  await writeFile(join(dir, 'label-key'), 'short')
  await t.rejects(LabelTokens.open(dir), { name: 'KeyError', message: /expected 64 hex digits/ })
})

test('a lot is followed through epochs and other lots, to the checkpoint that covers it', async (t) => {
  const first = await storeDir(t)
  let store = await reopen(first)
  let lots = new LotBook({ documents: store.documents, clock: systemClock })
  const begun = await made(store, lots, 'LL-1', 20)
  await made(store, lots, 'LL-2', 2)
  await store.close()

  await openDeviceKey(first)
  const dir = await copyOf(t, first)
  store = await reopen(dir)
  lots = new LotBook({ documents: store.documents, clock: systemClock })
  const proof = await proofIn(dir, store)
  const tokens = await LabelTokens.open(dir)
  const token = tokens.token({ kind: 'lot', id: 'LL-1' })
  const rest = await made(store, lots, 'LL-1', 3)
  t.match(await proof.trace(token), { checkpoint: null, parts_not_listed: 0 }, 'not signed yet')
  await proof.checkpoints.start()
  await made(store, lots, 'LL-3', 5)
  await proof.checkpoints.stop()
  await lots.close('LL-1', recipe, 'Anna')
  const [overridden] = rest
  const decision = {
    ...{
      schema: 'poincon.override/1',
      id: v7(),
      by: 'Anna',
      confirmed_by: 'Boris',
      reason: 'it was looked at again',
    },
    inspection: { epoch: overridden?.epoch, sequence: overridden?.sequence, id: overridden?.id },
    ...{ verdict: { grade: 'C', action: 'hold' }, at: '2026-03-01T09:00:00.000Z' },
  }
  await store.documents.save('override', { id: decision.id, at: decision.at, open: false, value: decision })

  const trace = traceRecord.parse(await proof.trace(token))
  const expected = [...begun, ...rest]
  t.same(
    trace.parts.map(({ epoch, sequence, id }) => ({ epoch, sequence, id })),
    expected.map(({ epoch, sequence, id }) => ({ epoch, sequence, id })),
    'in order, none twice, none of another lot',
  )
  t.match(trace.parts[20], { overridden: { grade: 'C', action: 'hold' } })
  t.match(trace.checkpoint, { number: 1, reason: 'start', count: 25 })
  t.match(trace, {
    recipes: [{ ...recipe, sha256: 'a'.repeat(64) }],
    software: ['0.1.0'],
    lot: { totals: { parts: 23 } },
  })
  t.equal(trace.calibrations.length, 23)
  t.notMatch(JSON.stringify(trace), /Anna|Boris/, 'no person is named')

  t.same(await proof.trace(token), trace, 'asked again')
  await made(store, lots, 'LL-1', 1)
  t.match(await proof.trace(token), { checkpoint: null, parts: { length: 24 } }, 'a part more is not covered')
  const part = traceRecord.parse(await proof.trace(tokens.token({ kind: 'part', id: begun[4]?.id ?? '' })))
  t.match(part, { kind: 'part', parts: [{ sequence: 5 }], lot: { id: 'LL-1' }, checkpoint: { number: 1 } })
  t.equal(await proof.trace(tokens.token({ kind: 'lot', id: 'LL-4' })), undefined)
  t.equal(await proof.trace('1l-LL-1.AAAAAAAAAAAAAAAAAAAAAA'), undefined)
  await store.close()
})

test('poincon label prints what the page is found by', async (t) => {
  const dir = await storeDir(t)
  const config = join(dir, 'poincon.yaml')
  await writeFile(config, `data_dir: ${join(dir, 'data')}\nproof:\n  label_url: https://trace.example.fr/\n`)
  const none = await said(t, ['lot', 'LL-1', '--config', config])
  t.match(none, { code: 1, stderr: /it is made when the station starts/ })
  const store = await reopen(join(dir, 'data'))
  const [part] = await made(store, new LotBook({ documents: store.documents, clock: systemClock }), 'LL-1', 1)
  const tokens = await LabelTokens.open(join(dir, 'data'))
  await store.close()

  const text = await said(t, ['lot', 'LL-1', '--config', config])
  const url = `https://trace.example.fr/t/${tokens.token({ kind: 'lot', id: 'LL-1' })}`
  t.match(text, { code: 0, stderr: '' })
  t.same(text.stdout.split('\n').slice(0, 5), [
    'LL-1',
    'foiegras_standard_barquette r1',
    '2026-03-01',
    'site / line / station',
    url,
  ])
  t.match(text.stdout, /[█▀▄]{3}/)

  for (const kind of ['svg', 'png', 'txt']) {
    const out = join(dir, `label.${kind}`)
    t.match(await said(t, ['part', part?.id ?? '', '--config', config, '--out', out]), {
      code: 0,
      stdout: '',
    })
    const content = await readFile(out)
    if (kind === 'svg')
      t.match(
        content.toString(),
        /^<svg [\s\S]*>LL-1 {2}#1<[\s\S]*A {2}2026-03-01 08:00 UTC[\s\S]*<\/svg>\n$/,
      )
    if (kind === 'txt') t.match(content.toString(), /^LL-1 {2}#1\n/)
    if (kind !== 'txt') t.match(await sharp(content).metadata(), { format: kind })
  }
  t.match(await said(t, ['lot', 'LL-9', '--config', config]), { code: 1, stderr: /lot LL-9: there is none/ })
  t.match(await said(t, ['lot', 'a b', '--config', config]), { code: 2 })
  t.match(await said(t, ['lot', 'LL-1', '--out', 'label.pdf', '--config', config]), { code: 2 })
  t.match(await said(t, ['lot', 'LL-1', '--url', 'ftp://x', '--config', config]), {
    code: 2,
    stderr: /expected http/,
  })
})

async function said(
  t: Test,
  args: readonly string[],
): Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }> {
  const [stdout, stderr] = [t.capture(process.stdout, 'write'), t.capture(process.stderr, 'write')]
  try {
    const code = await labelCommand(args)
    const told = (calls: readonly { readonly args: readonly unknown[] }[]): string =>
      calls.map(({ args: [text] }) => String(text)).join('')
    return { code, stdout: told(stdout()), stderr: told(stderr()) }
  } finally {
    stdout.restore()
    stderr.restore()
  }
}
