import { ingestCommand } from '../../../gateway/commands/ingest.ts'
import { ConfigError } from '../../../gateway/config.ts'

/** `poincon ingest …` as a process of its own, for tests that kill it. */
try {
  process.exitCode = await ingestCommand(process.argv.slice(2))
} catch (error) {
  process.stderr.write(`poincon: ${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = error instanceof ConfigError ? 78 : 1
}
