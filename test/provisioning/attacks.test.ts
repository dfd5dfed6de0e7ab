import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { test } from 'tap'
import { withstand } from '../fakes/hostile-repository-course.ts'
import { ROLE_ATTACKS } from '../fakes/hostile-repository-roles.ts'
import { TARGET_ATTACKS } from '../fakes/hostile-repository-targets.ts'

t.setTimeout(120_000)

test('lies about channels, rollouts and files', (t) => withstand(t, TARGET_ATTACKS))

test('docs/update-attacks.md says what is tried here', (t) => {
  const page = join('docs', 'update-attacks.md')
  const text = readFileSync(page, 'utf8')
  const rows = [...ROLE_ATTACKS, ...TARGET_ATTACKS].map(
    ({ clause, name, answer }) => `| ${clause} | ${name} | ${answer} |`,
  )
  const table = ['| Clause | Attack | Answer |', '| --- | --- | --- |', ...rows].join('\n')
  const wanted = text.replace(/\| Clause \|.*?\n(?=\n|$)/s, () => `${table}\n`)
  if (process.argv.includes('--write')) writeFileSync(page, wanted)
  t.equal(text, wanted, 'run: node dist/test/provisioning/attacks.test.js --write')
  t.end()
})
