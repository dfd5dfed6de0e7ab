import { test } from 'tap'
import { expectAllFound } from './tampered-logs.ts'

test('rows that were removed or inserted are found, and where', (t) =>
  expectAllFound(t, ['remove', 'insert'], 8032))
