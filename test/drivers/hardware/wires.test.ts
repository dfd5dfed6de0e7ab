import { join } from 'node:path'
import { test } from 'tap'
import { hardware, realFirmware, realWires } from './wires.ts'

test('hardware is used where POINCON_I2C=1 says so', (t) => {
  t.equal(hardware('as7341', {}), undefined)
  t.equal(hardware('as7341', { POINCON_I2C: '0' }), undefined)
  t.strictSame(hardware('as7341', { POINCON_I2C: '1' }), { path: '/dev/i2c-1' })
  const one = { POINCON_I2C: '1', I2C_BUS: '/dev/i2c-7', I2C_CHIPS: 'vl53l8ch' }
  t.strictSame(hardware('vl53l8ch', one), { path: '/dev/i2c-7' })
  t.equal(hardware('as7341', one), undefined)
  t.throws(() => hardware('as7341', { POINCON_I2C: 'yes' }), {
    message: 'POINCON_I2C=yes: expected 1, or nothing',
  })
  t.throws(() => hardware('as7341', { POINCON_I2C: '1', I2C_CHIPS: 'bme280' }), {
    message: 'I2C_CHIPS=bme280: expected some of vl53l8ch, as7341',
  })
  t.end()
})

test('asked for and not there, it fails and says what is missing', async (t) => {
  await t.rejects(realFirmware({ POINCON_I2C: '1' }), {
    message: /needs ST_FIRMWARE: the path of vl53lmz_buffers\.h/,
  })
  const cut = join(t.testdir({ 'buffers.h': 'const uint8_t VL53LMZ_FIRMWARE[] = { 0x01 };' }), 'buffers.h')
  await t.rejects(realFirmware({ ST_FIRMWARE: cut }), { name: 'FirmwareError', message: /buffers\.h: / })
  await t.rejects(realWires('/dev/i2c-250', 0x29), { name: 'BusError', fault: 'no-bus' })
})
