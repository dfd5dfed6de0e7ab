/**
 * `poincon ingest run`, loaded and held back until a word comes on its standard input: the worker's name.
 *   ingest-victim.js CONFIG
 */
import { ingestCommand } from '../../../gateway/commands/ingest.ts'
import { awaitWord } from './word.ts'

const [config = ''] = process.argv.slice(2)
const name = awaitWord()
// Whoever would have let it go is gone.
process.exitCode = name === '' ? 0 : await ingestCommand(['run', '--config', config, '--name', name])
