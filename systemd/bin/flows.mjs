// Node-RED as a unit of its own: asks the station for its name, as the editor's topics begin with it, then is Node-RED.
// Everything else comes from the environment (/etc/poincon/flows.env) or is flows/settings.cjs' default.
import { existsSync, renameSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

const release = fileURLToPath(new URL('../../', import.meta.url))
const { env } = process
const api = env.POINCON_FLOWS_API ?? 'http://127.0.0.1:8080'
const RETRY_MS = 2000

env.POINCON_FLOWS_TOPIC ??= await topicOf(`${api}/api/v1/station`)
env.POINCON_FLOWS_DIR ??= env.STATE_DIRECTORY
env.POINCON_FLOWS_LOG ??= 'json'
env.HOME = env.POINCON_FLOWS_DIR
env.POINCON_FLOWS_SHIPPED ??= await flowsOf(
  `${api}/api/v1/update/flows`,
  `${env.POINCON_FLOWS_DIR}/flows-delivered.json`,
)
if (env.POINCON_FLOWS_SHIPPED === '') delete env.POINCON_FLOWS_SHIPPED

const program = createRequire(`${release}package.json`).resolve('node-red/red.js')
process.argv = [process.execPath, program, '--settings', `${release}flows/settings.cjs`]
createRequire(program)(program)

/**
 * Flows that came as an update: this user reads no file of the updater, so the station hands them over.
 * @returns where they lie now; empty: those of the release are in force
 */
async function flowsOf(url, file) {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(5000) })
    if (response.status === 404) return ''
    if (response.status !== 200) throw new Error(`${url} answers ${response.status}`)
    writeFileSync(`${file}.new`, await response.text(), { flush: true })
    renameSync(`${file}.new`, file)
    return file
  } catch (error) {
    // What ran before is better than nothing: as it was handed over last, else the release's.
    process.stderr.write(`flows that came as an update were not handed over: ${error.message}\n`)
    return existsSync(file) ? file : ''
  }
}

/** The station may start later than this: it is waited for. */
async function topicOf(url) {
  for (let said = ''; ; ) {
    try {
      const response = await fetch(url, { signal: AbortSignal.timeout(5000) })
      const { site, line, station } = await response.json()
      if (![site, line, station].every((name) => /^[a-z0-9-]{1,64}$/.test(name)))
        throw new Error(`${url}: expected site, line and station, got status ${response.status}`)
      return `poincon/${site}/${line}/${station}`
    } catch (error) {
      const problem = String(error.cause?.message ?? error.message)
      if (problem !== said) process.stderr.write(`waiting for the station: ${problem}\n`)
      said = problem
      await sleep(RETRY_MS)
    }
  }
}
