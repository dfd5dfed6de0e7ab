import { parseArgs } from 'node:util'
import { systemClock } from '../../drivers/clock.ts'
import { guided } from '../calibration/guided.ts'
import { ORDER_OPTIONS, orderOf, UsageError } from '../calibration/order.ts'
import { withPerson } from '../calibration/person.ts'
import { CalibrationRefused } from '../calibration/refused.ts'
import { rowsOf } from '../calibration/register.ts'
import { CALIBRATION_KINDS, type CalibrationRow, STAGES } from '../calibration/rows.ts'
import { inWords, listed } from '../calibration/words.ts'
import { atWorkbench } from '../calibration/workbench.ts'
import { commandConfig } from '../config-file.ts'

const USAGE = `poincon calibrate list                              what was taken, newest first
poincon calibrate tray                              the empty tray: heights are measured from it
poincon calibrate offset --distance MM              a flat target: what each zone reads too much
poincon calibrate crosstalk --distance MM           what the cover glass throws back (600 to 3000 mm)
        [--reflectance 0.03] [--samples 4]
poincon calibrate dark --stage STAGE                no light
poincon calibrate white --stage STAGE               a white tile: reflectances are measured from it
        --tile FILE | --reflectance R
poincon calibrate golden define --part NAME         what a known part measures
        [--placements 3] [--looks 10]
poincon calibrate golden check --part NAME          whether it still does
        [--tolerance NAME=VALUE …] [--looks 10]

All: [--by NAME] [--head ID] [--valid-days N] [--yes] [--json] [--config FILE]. STAGE is ${STAGES.join(', ')}.
Not while the station runs: then send it cmd/calibration/start.
`

type Values = ReturnType<typeof parsed>['values']

function parsed(args: readonly string[]) {
  return parseArgs({ args: [...args], allowPositionals: true, options: ORDER_OPTIONS })
}

/** `poincon calibrate`. Exit 1 where it was refused or a golden part is not in tolerance; nothing is kept of a refusal. */
export async function calibrateCommand(args: readonly string[]): Promise<number> {
  const { values, positionals } = parsed(args)
  const verb = positionals.join(' ')
  if (values.help || verb === '') {
    process[values.help ? 'stdout' : 'stderr'].write(USAGE)
    return values.help ? 0 : 2
  }
  try {
    const order = verb === 'list' ? undefined : await orderOf(verb, values)
    const { config } = commandConfig(values.config)
    return await withPerson({ silent: values.json, asked: !(values.yes || values.json) }, (person, signal) =>
      atWorkbench({ config, clock: systemClock, signal, person }, async (workbench) => {
        if (order !== undefined) return tell(await guided(order, workbench), values)
        const kinds = CALIBRATION_KINDS.map((kind) => rowsOf(workbench.store.calibrations, kind))
        return list((await Promise.all(kinds)).flat(), values)
      }),
    )
  } catch (error) {
    if (error instanceof UsageError) {
      process.stderr.write(`poincon calibrate ${verb}: ${error.message}\n\n${USAGE}`)
      return 2
    }
    if (!(error instanceof CalibrationRefused)) throw error
    if (values.json) process.stdout.write(`${JSON.stringify({ refused: error.message })}\n`)
    else process.stderr.write(`refused: ${error.message}\nNothing was kept.\n`)
    return 1
  }
}

function list(rows: readonly CalibrationRow[], { json }: Values): number {
  const sorted = [...rows].sort((one, other) => (one.at < other.at ? 1 : -1))
  if (json) process.stdout.write(`${JSON.stringify(sorted, null, 2)}\n`)
  else for (const row of sorted) process.stdout.write(`${listed(row, systemClock.wall())}\n`)
  return 0
}

function tell(row: CalibrationRow, { json }: Values): number {
  const well = row.kind !== 'golden-check' || row.decision === 'passed'
  if (json) process.stdout.write(`${JSON.stringify(row, null, 2)}\n`)
  else {
    for (const line of inWords(row)) process.stdout.write(`${line}\n`)
    const verdict = row.kind === 'golden-check' ? row.decision : 'accepted'
    if (verdict === 'inconclusive')
      process.stdout.write('Too near to the tolerance: repeat it with more --looks.\n')
    process.stdout.write(`${verdict}: ${row.kind} ${row.id}\n`)
  }
  return well ? 0 : 1
}
