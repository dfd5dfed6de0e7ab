import { readFile, writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { systemClock } from '../../drivers/clock.ts'
import { type GaugeReading, gaugeStudy } from '../analysis/gauge-rr.ts'
import { parseReadings, readingsCsv } from '../calibration/gauge-csv.ts'
import { measureGauge } from '../calibration/gauge-measure.ts'
import { gaugeTable } from '../calibration/gauge-table.ts'
import { withPerson } from '../calibration/person.ts'
import { CalibrationRefused } from '../calibration/refused.ts'
import { GOLDEN_VALUES } from '../calibration/rows.ts'
import { atWorkbench } from '../calibration/workbench.ts'
import { commandConfig } from '../config-file.ts'
import { snakeKeys } from '../recipe-keys.ts'

const USAGE = `poincon gauge --from FILE.csv             analyses readings: columns part, operator, value
poincon gauge --parts P --operators O --repeats R
        [--value volume_mm3] [--save FILE.csv]  measures on this station, then analyses

[--tolerance WIDTH] [--sigmas 6] [--confidence 0.95] [--pool-above 0.25] [--yes] [--json] [--config FILE]
A value is one of ${GOLDEN_VALUES.join(', ')}.
Crossed gauge R&R by analysis of variance (AIAG MSA, 4th edition). Not while the station runs, unless --from.
`

const OPTIONS = {
  config: { type: 'string', short: 'c' },
  json: { type: 'boolean', default: false },
  yes: { type: 'boolean', short: 'y', default: false },
  help: { type: 'boolean', short: 'h', default: false },
  from: { type: 'string' },
  save: { type: 'string' },
  parts: { type: 'string' },
  operators: { type: 'string' },
  repeats: { type: 'string' },
  value: { type: 'string', default: 'volume_mm3' },
  tolerance: { type: 'string' },
  sigmas: { type: 'string', default: '6' },
  confidence: { type: 'string', default: '0.95' },
  'pool-above': { type: 'string', default: '0.25' },
} as const

type Values = ReturnType<typeof parsed>['values']

function parsed(args: readonly string[]) {
  return parseArgs({ args: [...args], options: OPTIONS })
}

/** `poincon gauge`. Exit 1 where the study cannot be made or the gauge is unacceptable. */
export async function gaugeCommand(args: readonly string[]): Promise<number> {
  const { values } = parsed(args)
  const sizes = [values.parts, values.operators, values.repeats]
  const measures = sizes.every((size) => size !== undefined)
  if (values.help || (values.from === undefined) !== measures || (!measures && sizes.some(Boolean))) {
    process[values.help ? 'stdout' : 'stderr'].write(USAGE)
    return values.help ? 0 : 2
  }
  try {
    const readings = values.from === undefined ? await measured(values) : await read(values.from)
    return tell(readings, values)
  } catch (error) {
    if (!(error instanceof CalibrationRefused || error instanceof RangeError)) throw error
    process.stderr.write(`poincon gauge: ${error.message}\n`)
    return 1
  }
}

async function read(file: string): Promise<readonly GaugeReading[]> {
  return parseReadings(await readFile(file, 'utf8'), file)
}

async function measured(values: Values): Promise<readonly GaugeReading[]> {
  const quantity = GOLDEN_VALUES.find((known) => known === values.value)
  if (quantity === undefined)
    throw new RangeError(`--value ${values.value}: expected one of ${GOLDEN_VALUES.join(', ')}`)
  const plan = {
    parts: whole('parts', values.parts),
    operators: whole('operators', values.operators),
    repeats: whole('repeats', values.repeats),
    quantity,
  }
  const { config } = commandConfig(values.config)
  const readings = await withPerson(
    { silent: values.json, asked: !(values.yes || values.json) },
    (person, signal) =>
      atWorkbench({ config, clock: systemClock, signal, person }, (bench) => measureGauge(plan, bench)),
  )
  // What was measured by hand is kept even where it cannot be analysed.
  if (values.save !== undefined) await writeFile(values.save, readingsCsv(readings))
  return readings
}

function tell(readings: readonly GaugeReading[], values: Values): number {
  const options = {
    sigmas: number('sigmas', values.sigmas),
    confidence: number('confidence', values.confidence),
    poolAbove: number('pool-above', values['pool-above']),
    ...(values.tolerance === undefined ? {} : { tolerance: number('tolerance', values.tolerance) }),
  }
  const study = gaugeStudy(readings, options)
  const quantity = values.from ?? values.value
  if (values.json)
    process.stdout.write(`${JSON.stringify(snakeKeys({ quantity, ...options, ...study }), null, 2)}\n`)
  else for (const line of gaugeTable(study, { quantity, ...options })) process.stdout.write(`${line}\n`)
  return study.verdict === 'unacceptable' ? 1 : 0
}

function whole(name: string, text: string | undefined): number {
  const value = number(name, text)
  if (Number.isInteger(value) && value >= 2 && value <= 100) return value
  throw new RangeError(`--${name} ${text}: expected a whole number from 2 to 100`)
}

function number(name: string, text = ''): number {
  const value = text.trim() === '' ? Number.NaN : Number(text)
  if (Number.isFinite(value)) return value
  throw new RangeError(`--${name} ${text}: expected a number`)
}
