/**
 * A store under load, on a disk whose writes are logged. Each inspection that it acknowledges is noted on that disk.
 *   power-victim.js DEVICE DIR WIDTH COUNT close|kill [unsynced]
 * WIDTH appends at a time while two sinks take everything, until COUNT are acknowledged; then the store is closed, or the
 * process killed with the others under way. `unsynced`: commits do not wait for the disk, which the check must find out.
 */
import { systemClock } from '../../drivers/clock.ts'
import { silentLog } from '../../gateway/log.ts'
import { Database } from '../../gateway/store/database.ts'
import { openStore } from '../../gateway/store/open.ts'
import { inspectionDraft, randomFrom, rawRecord } from '../gateway/store/drafts.ts'
import { Notes } from './power-disk.ts'

const [device = '', dir = '', width = '', amount = '', end = '', how = ''] = process.argv.slice(2)
const never = new AbortController().signal
const random = randomFrom(process.pid)

/** A store whose commits do not wait for the disk. There is no way to ask for one. */
async function openUnsynced(): ReturnType<typeof openStore> {
  const connections: Database[] = []
  const open = Database.open
  Database.open = async (file, mode) => {
    const database = await open(file, mode)
    if (file.endsWith('poincon.db') && mode === 'write') connections.push(database)
    return database
  }
  const store = await openStore({ dir, deviceId: 'poincon-test', clock: systemClock, log: silentLog })
  for (const connection of connections) await connection.exec('PRAGMA synchronous = OFF')
  return store
}

const store =
  how === 'unsynced'
    ? await openUnsynced()
    : await openStore({ dir, deviceId: 'poincon-test', clock: systemClock, log: silentLog })
const notes = new Notes(device)
let begun = 0
let acknowledged = 0

async function appendAll(): Promise<void> {
  while (begun < Number(amount) || end === 'kill') {
    begun += 1
    const trigger = begun
    store.noteTrigger(trigger)
    const draft = inspectionDraft(random, `S-${trigger}`)
    const { sequence } = await store.append(draft, rawRecord(random), trigger)
    // In one turn with the acknowledgement: nobody can have been told before it was noted.
    notes.note(sequence)
    acknowledged += 1
    if (end === 'kill' && acknowledged === Number(amount)) process.kill(process.pid, 'SIGKILL')
  }
}

async function deliver(sink: string): Promise<never> {
  for (;;) {
    const last = (await store.next(sink, 20, never)).at(-1)
    if (last !== undefined) await store.advance(sink, last.sequence)
  }
}

if (Number(width) > 1) {
  for (const sink of ['near', 'far']) {
    await store.registerSink(sink)
    void deliver(sink)
  }
}
await Promise.all(Array.from({ length: Number(width) }, appendAll))
await store.close()
process.exit()
