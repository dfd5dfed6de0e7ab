// Writes docs/schemas and the generated regions of the documents from the schemas that the gateway checks with:
//   npm run build && node dist/test/tools/generate-docs.js [--check] [--docs DIR]
// --check writes nothing, names what differs and exits 1.
import { parseArgs } from 'node:util'
import { differences, generateDocs, writeDocs } from './docs/generate.ts'

const { values } = parseArgs({
  options: { check: { type: 'boolean', default: false }, docs: { type: 'string', default: 'docs' } },
})
const generated = generateDocs(values.docs)
if (values.check) {
  const differing = differences(values.docs, generated)
  for (const path of differing) console.error(`${values.docs}/${path}: not as generated`)
  process.exitCode = differing.length === 0 ? 0 : 1
} else {
  for (const path of writeDocs(values.docs, generated)) console.log(`${values.docs}/${path}: written`)
}
