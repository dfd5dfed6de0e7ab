import type { Case } from './cases.ts'
import { busCases } from './i2c-bus-cases.ts'
import { chipCases } from './i2c-chip-cases.ts'
import { kernelCases } from './i2c-kernel-cases.ts'
import type { I2cLab } from './i2c-lab.ts'

/** I²C through a real kernel: what it says itself, our drivers over it, and the bus between them. */
export function i2cCases(lab: I2cLab): Record<string, Case> {
  return { ...kernelCases(), ...chipCases(lab), ...busCases(lab) }
}
