import { test } from 'tap'
import { BusError } from '../../../drivers/bus.ts'
import { lookAround, type Machine } from '../../../gateway/first-contact/machine.ts'
import { HastyClock } from '../../fakes/hasty-clock.ts'

/** Nobody answers on it. */
const silent = {
  transfer: () => Promise.reject(new BusError('no-acknowledge', 'nobody answers')),
  close: () => Promise.resolve(),
}

function machine(
  devices: readonly string[],
  lines: Readonly<Record<string, string>>,
  opened: string[] = [],
): Machine {
  return {
    clock: new HastyClock(),
    names: () => Promise.resolve(devices),
    line: (path) => Promise.resolve(lines[path]),
    openBus: (path) => {
      opened.push(path)
      if (path === '/dev/i2c-3') return Promise.reject(new BusError('no-bus', 'permission denied'))
      return Promise.resolve(silent)
    },
  }
}

test('buses are asked in the order of their numbers, those of a display are not', async (t) => {
  const opened: string[] = []
  const devices = ['i2c-10', 'i2c-3', 'i2c-20', 'i2c-1', 'gpiochip0', 'rtc0', 'tty1']
  const found = await lookAround(
    machine(devices, { '/sys/class/i2c-dev/i2c-20/name': 'fef04500.hdmi ddc' }, opened),
  )
  t.same(opened, ['/dev/i2c-1', '/dev/i2c-3', '/dev/i2c-10'])
  t.same(found.buses[1], { path: '/dev/i2c-3', devices: [], problem: 'permission denied' })
  t.match(found, { gpioChips: ['/dev/gpiochip0'], clocks: ['/dev/rtc0'], cameras: [] })
})

test('of a camera the node with pictures counts; codecs are no cameras', async (t) => {
  const lines = {
    '/sys/class/video4linux/video0/name': 'USB 2.0 Camera',
    '/sys/class/video4linux/video0/index': '0',
    '/sys/class/video4linux/video1/name': 'USB 2.0 Camera',
    '/sys/class/video4linux/video1/index': '1',
    '/sys/class/video4linux/video10/name': 'bcm2835-codec-decode',
    '/sys/class/video4linux/video10/index': '0',
  }
  const found = await lookAround(machine(['video10', 'video1', 'video0'], lines))
  t.same(found.cameras, [{ path: '/dev/video0', name: 'USB 2.0 Camera' }])
})
