// Serves two I²C buses with simulated chips, in the guest, until it is killed. It takes orders as lines of words from
// stdin and answers each with a line (BusServer in buses.ts is the other end):
//   fail BUS CALL ERRNO | short BUS CALL BYTES | listen HEAD on|off | wall HEAD MM | counts BUS
import { createInterface } from 'node:readline'
import { systemClock } from '../../drivers/clock.ts'
import { ECHOES, Echo, SPECTRAL_BUS, spectralChip, TOF_BUS, type TofHead, tofHead } from './bus-chips.ts'
import { onlyInGuest } from './cases.ts'
import { ERRNO, type Errno, serveI2cBus } from './cuse-i2c.ts'
import { type Call, SimulatedAdapter } from './i2c-adapter.ts'

onlyInGuest()
const heads = [tofHead(systemClock, 320), tofHead(systemClock, 500)] as const
// Of two chips at one address the host is to hear one.
heads[1].device.listen(false)
const adapters = new Map([
  [TOF_BUS, new SimulatedAdapter(heads)],
  [
    SPECTRAL_BUS,
    new SimulatedAdapter([
      { address: 0x39, device: spectralChip(systemClock) },
      ...ECHOES.map((address) => ({ address, device: new Echo() })),
    ]),
  ],
])
for (const [number, adapter] of adapters) await serveI2cBus(number, adapter)
console.log('serving')
for await (const order of createInterface({ input: process.stdin })) console.log(execute(order.split(' ')))

/** @returns the answer: `ok`, or what was asked for */
function execute([verb, where = '', what = '', how = '']: string[]): string {
  switch (verb) {
    case 'fail':
      adapterOf(where).fail({ call: callOf(what), errno: errnoOf(how) })
      return 'ok'
    case 'short':
      adapterOf(where).fail({ call: callOf(what), missing: Number(how) })
      return 'ok'
    case 'listen':
      headOf(where).device.listen(what === 'on')
      return 'ok'
    case 'wall':
      headOf(where).scene.rangeMm = Number(what)
      return 'ok'
    case 'counts':
      return Object.entries(adapterOf(where).counts)
        .map(([name, count]) => `${name}=${count}`)
        .join(' ')
    default:
      throw new Error(`no order ${verb}`)
  }
}

function adapterOf(bus: string): SimulatedAdapter {
  const adapter = adapters.get(Number(bus))
  if (adapter === undefined) throw new Error(`no bus ${bus}`)
  return adapter
}

function headOf(index: string): TofHead {
  const head = heads[Number(index)]
  if (head === undefined) throw new Error(`no head ${index}`)
  return head
}

function callOf(word: string): Call {
  if (word !== 'select' && word !== 'write' && word !== 'read') throw new Error(`no call ${word}`)
  return word
}

function errnoOf(word: string): Errno {
  if (!isErrno(word)) throw new Error(`no error ${word}`)
  return word
}

function isErrno(word: string): word is Errno {
  return Object.hasOwn(ERRNO, word)
}
