import { test } from 'tap'
import { expectAllFound } from './tampered-logs.ts'

test('rows that were changed or exchanged are found, and where', (t) =>
  expectAllFound(t, ['change', 'swap'], 20_261_121))
