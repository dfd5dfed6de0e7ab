/**
 * Proves the formulas of this folder against recorded inputs and outputs of the original:
 * `node dist/bench/peers/sqal --vectors FILE [--vectors FILE …]`
 *
 * Exit codes: 0 all fields match; 1 some differ, or a line is no vector; 2 wrong usage or no such file.
 */
import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import type { Difference } from './compare.ts'
import { checkLine, type LineResult } from './vectors.ts'

const SHOWN = 5

interface FileResult {
  readonly lines: number
  readonly fields: number
  readonly differing: number
  readonly first: readonly (Difference & { readonly id: string })[]
}

function checkFile(path: string): FileResult {
  const texts = readFileSync(path, 'utf8').split('\n')
  let lines = 0
  let fields = 0
  const differences: (Difference & { id: string })[] = []
  for (const [index, text] of texts.entries()) {
    if (text.trim() === '') continue
    const result = checkOrReport(text, `line ${index + 1}`)
    lines++
    fields += result.fields
    differences.push(...result.differences.map((difference) => ({ id: result.id, ...difference })))
  }
  return { lines, fields, differing: differences.length, first: differences.slice(0, SHOWN) }
}

/** A line that cannot be computed is one differing field: it neither passes nor hides the lines after it. */
function checkOrReport(text: string, place: string): LineResult {
  try {
    return checkLine(text)
  } catch (error) {
    const got = error instanceof Error ? `${error.name}: ${error.message}` : String(error)
    return { id: place, fields: 1, differences: [{ path: '$', expected: 'a vector', got }] }
  }
}

function summaryOf(name: string, { lines, fields, differing }: FileResult): string {
  return `${name}: ${lines} lines, ${fields} fields, ${fields - differing} matched, ${differing} differing`
}

function main(): number {
  const { values } = parseArgs({ options: { vectors: { type: 'string', multiple: true } } })
  const files = values.vectors ?? []
  if (files.length === 0) throw new Error('usage: bench/peers/sqal --vectors FILE [--vectors FILE …]')
  const total = { lines: 0, fields: 0, differing: 0, first: [] }
  for (const file of files) {
    const result = checkFile(file)
    console.log(summaryOf(file, result))
    for (const { id, path, expected, got } of result.first) {
      console.log(`  ${id} ${path}: expected ${expected}, got ${got}`)
    }
    total.lines += result.lines
    total.fields += result.fields
    total.differing += result.differing
  }
  console.log(summaryOf('total', total))
  return total.differing === 0 ? 0 : 1
}

try {
  process.exitCode = main()
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 2
}
