import { createInterface } from 'node:readline/promises'
import { parseArgs } from 'node:util'
import { systemClock } from '../../drivers/clock.ts'
import type { Config } from '../config.ts'
import { commandConfig } from '../config-file.ts'
import { makeGateSafe } from '../gate-safe.ts'
import { wire } from '../hardware.ts'
import { stepPanel, type TestIo, testPanel } from '../panel-test.ts'
import { StoreError } from '../store/error.ts'
import { lockDirectory } from '../store/lock.ts'
import { testableParts } from '../testable-parts.ts'

const USAGE = `poincon panel test [--config FILE] [--json] [--each MS]
poincon panel safe [--config FILE]

  test  Moves gate, lamps and buzzer, and watches the buttons: by hand on a terminal; with --json or --each each part in
        turn, --each MS long (default 1000), with one line of JSON a step.
  safe  Makes every output of the gate inactive, so that nothing passes: for when the station ended badly. Leaves the lines
        alone while a gateway has them. Exit 1 when one could not be made safe.
`
const EACH_MS = { least: 10, most: 60_000, default: 1000 }

/**
 * `poincon panel test`: everything that is wired to the station, moved by hand; `poincon panel safe`: the gate in its safe
 * state. Exit 1 when something failed.
 */
export async function panelCommand(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      config: { type: 'string', short: 'c' },
      json: { type: 'boolean', default: false },
      each: { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  if (values.help) {
    process.stdout.write(USAGE)
    return 0
  }
  const eachMs = values.each === undefined ? EACH_MS.default : Number(values.each)
  const [verb, ...more] = positionals
  if (more.length > 0 || (verb !== 'test' && verb !== 'safe')) return wrongUsage(USAGE)
  if (!(Number.isInteger(eachMs) && eachMs >= EACH_MS.least && eachMs <= EACH_MS.most)) {
    return wrongUsage(
      `poincon panel test: --each ${values.each}: expected ${EACH_MS.least} to ${EACH_MS.most}\n`,
    )
  }
  const { config } = commandConfig(values.config)
  if (verb === 'safe') return await safe(config)
  const lock = await gatewayLock(config.data_dir)
  if (lock === 'taken') {
    process.stderr.write(
      'poincon panel test: a gateway runs on this data directory and has the lines: stop it first (systemctl stop poincon)\n',
    )
    return 1
  }
  const end = new AbortController()
  const signalled = (): void => end.abort()
  process.on('SIGINT', signalled).on('SIGTERM', signalled)
  try {
    const { parts, close } = await testableParts(config, systemClock)
    try {
      const byHand = !values.json && values.each === undefined && process.stdin.isTTY
      const told = (step: object): void => void process.stdout.write(`${JSON.stringify(step)}\n`)
      const well = byHand
        ? await onTerminal(end, (io) => testPanel(parts, io, systemClock, end.signal))
        : await stepPanel(parts, { eachMs, told }, systemClock, end.signal)
      return well ? 0 : 1
    } finally {
      await close()
    }
  } finally {
    process.off('SIGINT', signalled).off('SIGTERM', signalled)
    await lock.close()
  }
}

/** A gateway that runs looks after its gate itself. */
async function safe(config: Config): Promise<number> {
  const lock = await gatewayLock(config.data_dir)
  if (lock === 'taken') {
    process.stdout.write('a gateway runs on this data directory and has the lines\n')
    return 0
  }
  const hardware = wire({ config, clock: systemClock, profile: config.recipe })
  try {
    const outputs = hardware.gate === undefined ? [] : await makeGateSafe(hardware.gate.lines, hardware.gpio)
    for (const { output, line, state, detail } of outputs) {
      process.stdout.write(`${output} ${line}: ${state}${detail === undefined ? '' : `: ${detail}`}\n`)
    }
    if (outputs.length === 0) process.stdout.write('no gate is wired (gate.lines)\n')
    return outputs.some(({ state }) => state === 'failed') ? 1 : 0
  } finally {
    await hardware.close()
    await lock.close()
  }
}

function wrongUsage(text: string): number {
  process.stderr.write(text)
  return 2
}

/** Keeps a gateway from starting meanwhile. A directory that cannot be used is no gateway's: the lines are free. */
async function gatewayLock(dir: string): Promise<{ close(): Promise<void> } | 'taken'> {
  try {
    return await lockDirectory(dir)
  } catch (error) {
    if (!(error instanceof StoreError)) throw error
    return error.fault === 'locked' ? 'taken' : { close: () => Promise.resolve() }
  }
}

async function onTerminal(end: AbortController, test: (io: TestIo) => Promise<boolean>): Promise<boolean> {
  const terminal = createInterface({ input: process.stdin, output: process.stdout })
  // On a terminal readline takes Ctrl-C for itself.
  terminal.on('SIGINT', () => end.abort()).on('close', () => end.abort())
  try {
    process.stdout.write('Keep clear of the gate and of everything that it moves.\n')
    return await test({
      ask: (question) => terminal.question(question, { signal: end.signal }).catch(() => undefined),
      say: (line) => void process.stdout.write(`${line}\n`),
    })
  } finally {
    terminal.close()
  }
}
