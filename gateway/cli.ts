#!/usr/bin/env -S node --max-semi-space-size=4

const USAGE = `poincon <command>

  run [--config FILE] [--dry-run] [--replay FILE… [--pace]]
                            runs the station until SIGTERM or Ctrl-C
  check [--config FILE]     checks the configuration and prints it, defaults included
  doctor [--config FILE] [--json] [--networks | --brief]
                            looks for what is there, what is wrong, and what to do
  self-test [--json] [--scratch DIR]
                            whether this release can take the place of the one that runs; touches nothing of it
  panel test [--json] [--each MS]
                            moves gate and lamps by hand, and watches the buttons
  panel safe                makes every output of the gate inactive, after a station ended badly
  record --head ID --out DIR [--frames N]
                            writes down what a head and its driver say to each other
  recipe list|show|export|import|copy|compare|validate|revisions
                            what is made, and when it is good
  calibrate list|tray|offset|crosstalk|dark|white|golden
                            teaches the heads what they see; the golden part
  rejudge --recipe ID …     judges stored parts again, and says what would be different
  verify                    the hash chain, its signatures, and every verdict derived again from its raw data
  anomaly train|show|score  learns what good parts of this station look like; advice, never a grade
  gauge                     repeatability and reproducibility of the station
  firmware import FILE…     turns ST's header into a checked image for the ranging heads
  lot list|show|start|close what was made together, and its totals
  user list|add|remove|passwd
                            who may come to the embedded broker, and what they may do there
  aggregates [--by hour|day] [--from T] [--lot ID]
                            parts, grades and measures of every hour and day, also when the inspections are gone
  export [--from T|SEQ] [--to T|SEQ] [--format ndjson|csv|raw] [--out FILE]
                            writes inspections of the log, or their raw data, as lines
  quarantine list|send|drop what a receiver refused for good: why, and what becomes of it
  label lot ID|part ID      a printed code that leads to the history of a lot or a part
  retention [forget|rebuild]
                            what is stored, how long room and flash last, what holds old rows back
  backup [list|drill]       takes a backup of the log, also of a station that runs; proves that one can be restored
  restore FILE              puts the log of a backup in place of the station's
  catalogue import|search|link|unlink|tag|untag|crawl|review|accept|discard|pictures
                            the lenses that an engraving can belong to, from lists and suppliers' pages
  engraving match|enrol|forget|train|evaluate
                            recognises the symbol on a picture; teaches a new one from one picture
  ingest run|migrate|status|accept
                            writes what a fleet of stations sends into PostgreSQL, and confirms it to each
  update run|check|status|install|consent|rollback|history
                            brings new releases to this device, and back where they do not do
  device enrol|renew|status|wipe
                            the device’s own key and certificate
  fleet serve|token|replace|list|show|revoke|crl
                            gives devices their certificates, where a plant has nobody else who does
  sbom                      prints the bill of materials of this release
  repo init|add|sign|publish|rollout|promote|revoke|status
                            publishes releases and recipes for a fleet, in stages that halt themselves
  setup [--answers FILE]    from a bare machine to the first inspection: asks, tries, writes poincon.yaml
  support [--out FILE]      packs what somebody needs who was not there, and nothing secret
  help                      prints this

Exit codes: 0 all is well · 1 something failed · 2 wrong usage · 78 the configuration is wrong
`

/** Each verb is loaded only when it is called. */
const VERBS: Readonly<Record<string, () => Promise<(args: readonly string[]) => Promise<number>>>> = {
  run: async () => (await import('./commands/run.ts')).runCommand,
  check: async () => (await import('./commands/check.ts')).checkCommand,
  doctor: async () => (await import('./commands/doctor.ts')).doctorCommand,
  'self-test': async () => (await import('./commands/self-test.ts')).selfTestCommand,
  panel: async () => (await import('./commands/panel.ts')).panelCommand,
  record: async () => (await import('./commands/record.ts')).recordCommand,
  lot: async () => (await import('./commands/lot.ts')).lotCommand,
  user: async () => (await import('./commands/user.ts')).userCommand,
  rejudge: async () => (await import('./commands/rejudge.ts')).rejudgeCommand,
  verify: async () => (await import('./commands/verify.ts')).verifyCommand,
  anomaly: async () => (await import('./commands/anomaly.ts')).anomalyCommand,
  calibrate: async () => (await import('./commands/calibrate.ts')).calibrateCommand,
  gauge: async () => (await import('./commands/gauge.ts')).gaugeCommand,
  recipe: async () => (await import('./commands/recipe.ts')).recipeCommand,
  firmware: async () => (await import('./commands/firmware.ts')).firmwareCommand,
  aggregates: async () => (await import('./commands/aggregates.ts')).aggregatesCommand,
  export: async () => (await import('./commands/export.ts')).exportCommand,
  quarantine: async () => (await import('./commands/quarantine.ts')).quarantineCommand,
  label: async () => (await import('./commands/label.ts')).labelCommand,
  retention: async () => (await import('./commands/retention.ts')).retentionCommand,
  backup: async () => (await import('./commands/backup.ts')).backupCommand,
  restore: async () => (await import('./commands/restore.ts')).restoreCommand,
  catalogue: async () => (await import('./commands/catalogue.ts')).catalogueCommand,
  engraving: async () => (await import('./commands/engraving.ts')).engravingCommand,
  ingest: async () => (await import('./commands/ingest.ts')).ingestCommand,
  update: async () => (await import('./commands/update.ts')).updateCommand,
  device: async () => (await import('./commands/device.ts')).deviceCommand,
  fleet: async () => (await import('./commands/fleet.ts')).fleetCommand,
  sbom: async () => (await import('./commands/sbom.ts')).sbomCommand,
  repo: async () => (await import('./commands/repo.ts')).repoCommand,
  setup: async () => (await import('./commands/setup.ts')).setupCommand,
  support: async () => (await import('./commands/support.ts')).supportCommand,
  help: () => Promise.resolve(() => say(USAGE)),
}

function say(text: string): Promise<number> {
  process.stdout.write(text)
  return Promise.resolve(0)
}

async function main([verb = 'help', ...args]: readonly string[]): Promise<number> {
  const load = VERBS[verb === '--help' || verb === '-h' ? 'help' : verb]
  if (load === undefined) {
    process.stderr.write(`poincon: ${verb}: no such command\n\n${USAGE}`)
    return 2
  }
  const command = await load()
  return command(args)
}

// `poincon sbom | head`: who stops reading has read enough.
process.stdout.on('error', (error) => {
  if ('code' in error && error.code === 'EPIPE') process.exit(0)
  throw error
})

try {
  process.exitCode = await main(process.argv.slice(2))
} catch (error) {
  const usage =
    error instanceof TypeError && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS')
  process.stderr.write(`poincon: ${error instanceof Error ? error.message : String(error)}\n`)
  // By its name: a verb that reads no configuration loads none of it.
  process.exitCode = error instanceof Error && error.name === 'ConfigError' ? 78 : usage ? 2 : 1
}
