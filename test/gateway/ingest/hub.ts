import { copyFile, writeFile } from 'node:fs/promises'
import { freePort } from '../../fakes/server-process.ts'
import { Authority } from '../mqtt/certificates.ts'
import { documented } from './documented.ts'
import { Nats } from './servers.ts'

const PASSWORDS = { INGEST_PASSWORD: 'ingest-secret', LYON_PASSWORD: 'lyon-secret', S9_PASSWORD: 's9-secret' }

/** A server of the plant as `docs/fleet/nats-hub.conf` has it, alone: TLS everywhere, users, a listener for leaf nodes. */
export class Hub {
  readonly server: Nats
  readonly leafPort: number
  readonly authority: Authority

  private constructor(server: Nats, leafPort: number, authority: Authority) {
    this.server = server
    this.leafPort = leafPort
    this.authority = authority
  }

  static async start(): Promise<Hub> {
    const leafPort = await freePort()
    const made: { authority?: Authority } = {}
    const server = await Nats.start(async ({ folder, port, mqttPort }) => {
      const authority = await Authority.open(folder)
      made.authority = authority
      await authority.issue('server', 'localhost')
      await writeFile(authority.file('cluster.conf'), '')
      const given = Object.entries(PASSWORDS).map(([name, password]) => `${name}: ${password}\n`)
      return `${given.join('')}${documented('nats-hub.conf', {
        '0.0.0.0:4222': `127.0.0.1:${port}`,
        '0.0.0.0:7422': `127.0.0.1:${leafPort}`,
        '0.0.0.0:8883': `127.0.0.1:${mqttPort}`,
        '/etc/nats': folder,
        '/var/lib/nats': `${folder}/js`,
      })}`
    })
    if (made.authority === undefined) throw new Error('no certificates')
    return new Hub(server, leafPort, made.authority)
  }

  get ca(): string {
    return this.authority.file('ca.crt')
  }

  get url(): string {
    return `tls://localhost:${this.server.port}`
  }

  get mqttUrl(): string {
    return `mqtts://localhost:${this.server.mqttPort}`
  }

  /** `ingest.yaml` of `docs/fleet`, as YAML, for a worker of this hub. */
  async worker(database: { readonly host: string; readonly port: number }): Promise<string> {
    const password = this.authority.file('ingest.password')
    await writeFile(password, `${PASSWORDS.INGEST_PASSWORD}\n`)
    return documented('ingest.yaml', {
      'tls://n1.example:4222': this.url,
      'mqtts://n1.example:8883': this.mqttUrl,
      '/etc/poincon/secrets/nats': password,
      '/etc/poincon/ca.crt': this.ca,
      'replicas: 3 ': 'replicas: 1 ',
      'host: /run/postgresql': `host: ${database.host}\n  port: ${database.port}`,
      'confirm:': 'batch: 100\nconfirm:\n  every_ms: 50\n  heartbeat_s: 0.3',
    })
  }

  /** Shows another certificate from now on; every connection breaks. */
  async show(name: string): Promise<void> {
    await this.server.kill()
    for (const end of ['crt', 'key'])
      await copyFile(this.authority.file(`${name}.${end}`), this.authority.file(`server.${end}`))
    await this.server.restart()
  }

  close(): Promise<void> {
    return this.server.close()
  }
}
