// Runs in the guest; guest.test.ts starts it with the rooms whose cases are to run.
import { runCases } from './cases.ts'
import { I2cLab } from './i2c-lab.ts'

const ROOMS: Readonly<Record<string, () => Promise<void>>> = {
  i2c: async () => {
    const lab = new I2cLab()
    // The buses come up while the cases are loaded.
    const [{ i2cCases }] = await Promise.all([import('./i2c-cases.ts'), lab.server()])
    try {
      await runCases('i2c', i2cCases(lab))
    } finally {
      await lab.pull()
    }
  },
  gpio: async () => runCases('gpio', (await import('./gpio-cases.ts')).gpioCases()),
  camera: async () => runCases('camera', (await import('./camera-cases.ts')).cameraCases()),
}

for (const room of process.argv.slice(2)) await ROOMS[room]?.()
