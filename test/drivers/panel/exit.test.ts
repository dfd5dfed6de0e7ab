import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { test } from 'tap'

const PROGRAM = fileURLToPath(new URL('./open-and-close.js', import.meta.url))
const run = promisify(execFile)

test('a closed panel leaves nothing behind: no timer, no handler, no word, no serial port', async (t) => {
  const { stdout, stderr } = await run(process.execPath, [PROGRAM], { timeout: 30_000 })
  t.equal(stderr, '')
  t.strictSame(JSON.parse(stdout), {
    button: 'stop',
    boards: 0,
    handlers: [],
    serial: [],
    johnnyFive: true,
  })
})
