import { test } from 'tap'
import { parse } from 'yaml'
import { parseConfig } from '../../../gateway/config.ts'
import { type Answers, answersSchema } from '../../../gateway/first-contact/answers.ts'
import { composed } from '../../../gateway/first-contact/compose.ts'
import type { Found } from '../../../gateway/first-contact/machine.ts'
import { planOf } from '../../../gateway/first-contact/plan.ts'
import { TEXTS } from '../../../gateway/first-contact/texts.ts'

const sure = (address: number, chip: string) => ({ address, chip, certain: true })

/** A Pi with two buses, a camera, a clock, and things that are none of ours. */
const pi: Found = {
  hostname: 'press-4',
  buses: [
    { path: '/dev/i2c-1', devices: [sure(0x29, 'VL53L8CH or VL53L8CX'), sure(0x76, 'BME280')] },
    {
      path: '/dev/i2c-3',
      devices: [
        sure(0x39, 'AS7341'),
        sure(0x44, 'SHT31'),
        { address: 0x68, chip: 'a clock (DS3231)', certain: false },
      ],
    },
    { path: '/dev/i2c-4', devices: [], problem: 'permission denied' },
  ],
  cameras: [{ path: '/dev/video0', name: 'USB camera' }],
  gpioChips: ['/dev/gpiochip0'],
  clocks: [],
}
const answered = (answers: object = {}): Answers => answersSchema.parse(answers)

test('what answers on the buses becomes heads; what does not fit is said', (t) => {
  const { config, remarks } = planOf(pi, answered({ site: 'lyon', gate: { pass: 17, kick: 27, stop: 23 } }))
  t.match(config, {
    site: 'lyon',
    buses: { main: { kind: 'linux', path: '/dev/i2c-1' }, 'i2c-3': { kind: 'linux', path: '/dev/i2c-3' } },
    heads: { tof: { kind: 'vl53l8ch', bus: 'main' }, spectral: { kind: 'as7341', bus: 'i2c-3' } },
    environment: { kind: 'bme280', bus: 'main' },
    camera: { kind: 'v4l2', device: '/dev/video0' },
    gate: { delay_ms: 2000, lines: { pass: { line: 17 }, kick: { line: 27 }, stop: { line: 23 } } },
  })
  t.same(
    remarks.map(({ text, about }) => `${text}: ${about}`),
    [
      'bus-problem: /dev/i2c-4: permission denied',
      'unknown-chip: /dev/i2c-3 0x68 a clock (DS3231)',
      'second-climate: i2c-3 0x44',
    ],
  )
  t.match(parseConfig(config), { config: { site: 'lyon' } }, 'the gateway takes it')
  t.end()
})

test('a second head of a kind is named after the first', (t) => {
  const moved = { path: '/dev/i2c-1', devices: [sure(0x29, 'VL53L8CH'), sure(0x31, 'VL53L8CH')] }
  const { config } = planOf({ ...pi, buses: [moved] }, answered())
  t.match(config, { heads: { tof: { bus: 'main' }, 'tof-2': { bus: 'main', address: 0x31 } } })
  t.end()
})

test('no head, no bus, no camera: a simulated station, and it says so', (t) => {
  const bare = { ...pi, buses: [], cameras: [] }
  const { config, remarks } = planOf(bare, answered())
  t.notMatch(config, { heads: Object })
  t.match(remarks, [{ text: 'no-heads' }, { text: 'no-gate' }, { text: 'no-camera' }])
  t.match(parseConfig(config), { config: { site: 'site' } })
  t.end()
})

test('the file is commented, in the language of the answers, and reads back as it was', (t) => {
  const answers = answered({
    gate: { pass: 17, hold: 22 },
    trigger: { kind: 'light-barrier', line: 24 },
    broker: { url: 'mqtts://broker.plant', username: 'press-4', password_file: '/etc/poincon/secrets/mqtt' },
    influx: { url: 'https://db.plant:8086', token_file: '/etc/poincon/secrets/influx' },
  })
  const { config } = planOf(pi, answers)
  for (const language of ['en', 'fr'] as const) {
    const text = composed(config, TEXTS[language])
    t.same(parse(text), config)
    t.match(text, new RegExp(`^# ${TEXTS[language].section.gate}\ngate:`, 'm'))
    t.match(parseConfig(parse(text)), { config: { site: 'site' } }, language)
  }
  t.end()
})

test('every question, remark and section stands in both languages', (t) => {
  const keys = (language: 'en' | 'fr'): string[] =>
    Object.entries(TEXTS[language]).flatMap(([key, text]) =>
      typeof text === 'string' ? [key] : Object.keys(text).map((inner) => `${key}.${inner}`),
    )
  t.same(keys('fr'), keys('en'))
  t.end()
})
