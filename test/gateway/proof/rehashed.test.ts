import { test } from 'tap'
import { expectAllFound } from './tampered-logs.ts'

test('logs that were hashed again from some row on, or cut off, are found, and where', (t) =>
  expectAllFound(t, ['rehash', 'truncate'], 1116))
