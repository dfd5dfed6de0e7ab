// Settings of the station's Node-RED (https://nodered.org/docs/user-guide/runtime/configuration).
// All that differs between stations comes in environment variables: see README.md.
const { join } = require('node:path')
const { loopbackOnly } = require('./loopback.cjs')
const { seedCredentials, seedFlows } = require('./seed.cjs')
const station = require('./station.cjs')

const { env } = process
const userDir = env.POINCON_FLOWS_DIR ?? join(__dirname, '..', 'data', 'flows')
const base = env.POINCON_FLOWS_TOPIC ?? 'poincon/site/line/station'
const client = env.POINCON_FLOWS_CLIENT ?? 'poincon-flows'

// A property of a node takes a variable only as a whole: so there is one for every topic.
Object.assign(env, {
  POINCON_MQTT_HOST: env.POINCON_MQTT_HOST ?? '127.0.0.1',
  POINCON_MQTT_PORT: env.POINCON_MQTT_PORT ?? '1883',
  POINCON_MQTT_USERNAME: env.POINCON_MQTT_USERNAME ?? '',
  POINCON_MQTT_PASSWORD: env.POINCON_MQTT_PASSWORD ?? '',
  POINCON_FLOWS_ALERT_AFTER_REJECTS: env.POINCON_FLOWS_ALERT_AFTER_REJECTS ?? '3',
  POINCON_FLOWS_CLIENT: client,
  POINCON_TOPIC_INSPECTION: `${base}/inspection`,
  POINCON_TOPIC_STATE: `${base}/state`,
  POINCON_TOPIC_ALERT: `${base}/alert`,
  POINCON_TOPIC_COUNTS: `${base}/flows/counts`,
  POINCON_TOPIC_INSPECT: `${base}/cmd/inspect`,
  POINCON_TOPIC_INSPECT_REPLY: `${base}/cmd/inspect/reply/${client}`,
})

seedFlows(env.POINCON_FLOWS_SHIPPED ?? join(__dirname, 'flows.json'), userDir)
seedCredentials(userDir)

// Whoever started us holds the other end of standard input. When it is gone, so are we: an orphan would keep the port.
if (env.POINCON_FLOWS_PARENT === 'stdin') {
  process.stdin.on('end', () => process.kill(process.pid, 'SIGTERM')).resume()
}

module.exports = {
  userDir,
  flowFile: 'flows.json',
  flowFilePretty: true,
  credentialSecret: false,

  // The editor has no users: it listens on loopback, and answers nobody who calls it by another name.
  uiHost: '127.0.0.1',
  uiPort: Number(env.POINCON_FLOWS_PORT ?? 1880),
  httpAdminMiddleware: loopbackOnly,
  httpNodeMiddleware: loopbackOnly,
  httpStatic: [{ path: join(__dirname, 'page'), root: '/station/' }],

  // Counts survive a restart; what cannot be written down (open HTTP answers, timers) stays in memory.
  contextStorage: {
    default: { module: 'localfilesystem', config: { flushInterval: 5 } },
    memory: { module: 'memory' },
  },
  functionGlobalContext: { station },
  exportGlobalContextKeys: false,

  // A station has no way out to the internet, and nothing installs itself on it.
  telemetry: { enabled: false, updateNotification: false },
  externalModules: {
    autoInstall: false,
    palette: { allowInstall: false, allowUpload: false },
    modules: { allowInstall: false },
  },
  functionExternalModules: false,
  editorTheme: { tours: false, projects: { enabled: false }, page: { title: 'Poinçon flows' } },

  lang: 'en-US',
  logging:
    env.POINCON_FLOWS_LOG === 'json'
      ? {
          console: { level: 'off' },
          json: { level: 'info', metrics: false, audit: false, handler: () => writeJson },
        }
      : { console: { level: 'info', metrics: false, audit: false } },
}

/** One JSON object a line: Node-RED's levels are 10 (fatal) to 60 (trace). */
function writeJson({ level, type, name, id, msg }) {
  const text =
    msg instanceof Error ? (msg.stack ?? msg.message) : typeof msg === 'string' ? msg : JSON.stringify(msg)
  process.stdout.write(`${JSON.stringify({ level, node: type && (name || id), text })}\n`)
}
