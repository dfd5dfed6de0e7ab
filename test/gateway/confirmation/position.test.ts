import { test } from 'tap'
import { type OwnLog, readConfirmation } from '../../../gateway/confirmation/position.ts'
import { type ConfirmedMessage, type ConfirmedPlace, MAX_OTHERS } from '../../../gateway/confirmed-message.ts'

const OLD = '01980000-0000-7000-8000-000000000001'
const NEW = '01980000-0000-7000-8000-000000000002'
const HASH = 'ab'.repeat(32)
const LOG: OwnLog = {
  deviceId: 'gw-1',
  epochs: [
    { epoch: OLD, base: 0, end: 100 },
    { epoch: NEW, base: 100, end: 150 },
  ],
}

function place(epoch: string, upTo: number, more: Partial<ConfirmedPlace> = {}): ConfirmedPlace {
  return { device_id: 'gw-1', epoch, from: 1, up_to: upTo, count: upTo, beyond: 0, hash: HASH, ...more }
}

function message(first: ConfirmedPlace, ...others: ConfirmedPlace[]): ConfirmedMessage {
  return { schema: 'poincon.confirmed/1', at: '2026-11-21T08:00:00Z', ...first, others }
}

test('epoch by epoch, as far as there is no hole', (t) => {
  t.match(readConfirmation(message(place(NEW, 20), place(OLD, 100)), LOG), {
    position: 120,
    claims: [
      { epoch: OLD, sequence: 100, hash: HASH },
      { epoch: NEW, sequence: 20, hash: HASH },
    ],
  })
  t.equal(
    readConfirmation(message(place(NEW, 20), place(OLD, 60)), LOG).position,
    60,
    'a hole in the old one',
  )
  t.equal(readConfirmation(message(place(NEW, 50)), LOG).position, 0, 'of the old one it has nothing')
  t.equal(readConfirmation(message(place(OLD, 100)), LOG).position, 100)
  t.end()
})

test('an epoch that is over, and for which a message had no room, stays confirmed', (t) => {
  const others = Array.from({ length: MAX_OTHERS }, () => place(NEW, 1, { device_id: 'gw-2' }))
  t.equal(readConfirmation(message(place(NEW, 20), ...others), LOG, 110).position, 120)
  t.equal(readConfirmation(message(place(NEW, 20), ...others), LOG, 90).position, 0, 'unless it was not')
  t.end()
})

test('what cannot be is named, and confirms nothing', (t) => {
  const conflict = { sequence: 7, held: HASH, came: 'cd'.repeat(32), at: '2026-11-21T08:00:00Z' }
  t.match(readConfirmation(message(place(OLD, 90, { conflict })), LOG), {
    position: 0,
    contradiction: /gw-1 .*0001 at sequence 7: the store holds ab.*cd/,
  })
  t.match(readConfirmation(message(place(OLD, 101)), LOG), {
    contradiction: /has gw-1 .* up to 101, this log ends at 100/,
  })
  t.match(readConfirmation(message(place(OLD, 60, { count: 58 })), LOG), {
    hole: /from 1 up to 60, and counts 58/,
  })
  const stranger = place(OLD, 3, { device_id: 'gw-9' })
  t.match(readConfirmation(message(stranger, place(OLD, 100)), LOG), { position: 100, other: 'gw-9' })
  t.equal(readConfirmation(message(stranger), LOG).other, undefined, 'the device that stood here before')
  t.end()
})
