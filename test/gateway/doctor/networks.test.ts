import { fileURLToPath } from 'node:url'
import { test } from 'tap'
import { networkFindings } from '../../../gateway/doctor/networks.ts'
import { modelsIn } from '../../../gateway/vision/model.ts'

const { embedder, lens } = modelsIn(fileURLToPath(new URL('../../../../models/', import.meta.url)))

test('each provider is tried with each network, and one that is named but does not run is a warning', async (t) => {
  const findings = await networkFindings({ models: { embedder }, providers: ['cuda'], threads: 1 })
  t.strictSame(
    findings.map(({ subject }) => subject),
    ['tensorrt', 'cuda', 'webgpu', 'cpu'].map((provider) => `network engraving-embedder on ${provider}`),
  )
  const [tensorrt, cuda, , cpu] = findings
  t.match(cpu, { state: 'ok', found: /^\d+\.\d\d ms, \d\.\de-\d+ from the stored answer$/ })
  if (!cuda?.found.includes('does not run')) return
  t.match(cuda, { state: 'warning', advice: /take cuda out of vision\.providers/ })
  t.match(tensorrt, { state: 'ok', found: /does not run: .*; vision\.providers does not name it$/ })
})

test('what a whole lens costs is said, and what keeps it from being read', async (t) => {
  const read = await networkFindings({ models: { embedder, lens }, providers: ['cpu'], threads: 1 })
  t.match(read.at(-1), {
    subject: 'reading a lens',
    found: /^\d+ ms, \d+ at most, for 1280 × 960 px; -?\d+ MB of memory$/,
  })
  const nowhere = { embedder: '/nowhere/engraving-embedder', lens }
  const missing = await networkFindings({ models: nowhere, providers: ['cpu'], threads: 1 })
  t.match(
    missing.find(({ subject }) => subject === 'network engraving-embedder on cpu'),
    { state: 'failed', found: /does not run: \/nowhere\/.*ENOENT/, advice: /install the release anew/ },
  )
  t.match(missing.at(-1), { subject: 'reading a lens', state: 'failed', found: /ENOENT/ })
})
