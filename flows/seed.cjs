const { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } = require('node:fs')
const { join } = require('node:path')

/**
 * Puts the shipped flows where Node-RED edits them. Flows that a person has changed are left alone; unchanged ones are
 * replaced by those of a new release.
 * @param {string} shipped path of the release's flows.json
 * @param {string} userDir where Node-RED keeps its files; made if missing
 * @returns {'installed' | 'kept'}
 */
function seedFlows(shipped, userDir) {
  const edited = join(userDir, 'flows.json')
  const installed = join(userDir, 'flows-as-shipped.json')
  const release = readFileSync(shipped, 'utf8')
  const untouched = [installed, shipped].some((file) => existsSync(file) && sameFlows(edited, file))
  if (existsSync(edited) && !untouched) return 'kept'
  mkdirSync(userDir, { recursive: true })
  // In this order: after a crash between the two, the flows equal the shipped ones and this is done again.
  replace(edited, release)
  replace(installed, release)
  return 'installed'
}

/**
 * Lets the station's broker node present what the environment says (POINCON_MQTT_USERNAME, POINCON_MQTT_PASSWORD); the
 * file holds no secret. What a person has set for it in the editor is left alone.
 * @param {string} userDir where Node-RED keeps its files
 */
function seedCredentials(userDir) {
  const file = join(userDir, 'flows_cred.json')
  let kept = {}
  try {
    if (existsSync(file)) kept = JSON.parse(readFileSync(file, 'utf8'))
  } catch {
    return
  }
  // `$`: encrypted by hand, so not ours to read.
  if (kept.$ !== undefined || kept.broker !== undefined) return
  const broker = { user: '$(POINCON_MQTT_USERNAME)', password: '$(POINCON_MQTT_PASSWORD)' }
  replace(file, `${JSON.stringify({ ...kept, broker })}\n`)
}

/** Node-RED writes its flows with an indentation of its own. */
function sameFlows(one, other) {
  return existsSync(one) && canonical(one) === canonical(other)
}

function canonical(file) {
  const text = readFileSync(file, 'utf8')
  try {
    return JSON.stringify(JSON.parse(text))
  } catch {
    return text
  }
}

function replace(file, text) {
  const fresh = `${file}.new`
  writeFileSync(fresh, text, { flush: true })
  renameSync(fresh, file)
}

module.exports = { seedCredentials, seedFlows }
