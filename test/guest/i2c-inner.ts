// Runs in the guest; i2c.test.ts starts it.
import { runCases } from './cases.ts'
import { I2cLab } from './i2c-lab.ts'

const lab = new I2cLab()
// The buses come up while the cases are loaded: half of this script's time goes into loading.
const starting = lab.server()
const [{ kernelCases }, { chipCases }, { busCases }] = await Promise.all([
  import('./i2c-kernel-cases.ts'),
  import('./i2c-chip-cases.ts'),
  import('./i2c-bus-cases.ts'),
])
await starting
try {
  await runCases({ ...kernelCases(), ...chipCases(lab), ...busCases(lab) })
} finally {
  await lab.pull()
}
