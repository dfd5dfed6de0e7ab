// In the guest: holds a line, active, until it is killed: gpio-holder.js CHIP LINE
import { openGpio } from '../../drivers/linux/gpio.ts'
import { onlyInGuest } from './cases.ts'

onlyInGuest()
const [, , chip = '', line = ''] = process.argv
const gpio = await openGpio()
const held = await gpio.output({ chip, line: Number(line) }, true)
console.log('held')
process.stdin.once('end', () => held.close()).resume()
