/**
 * For a station in a guest (`NODE_OPTIONS=--import=…`): from SIGUSR2 on no driver of a head comes back any more, as on wires
 * that hang in the kernel. The station itself knows nothing of it.
 */
import { As7341 } from '../../drivers/as7341/as7341.ts'
import { Vl53l8ch } from '../../drivers/vl53l8ch/vl53l8ch.ts'

process.on('SIGUSR2', () => {
  const never = (): Promise<never> => new Promise(() => {})
  As7341.prototype.measure = never
  Vl53l8ch.prototype.measure = never
  Vl53l8ch.prototype.next = never
})
