import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'
import { freePort, ServerProcess } from './server-process.ts'

const cell = z.union([z.string(), z.number(), z.boolean(), z.null()])
const answer = z.object({
  results: z.array(
    z.object({
      error: z.string().optional(),
      series: z.array(z.object({ columns: z.array(z.string()), values: z.array(z.array(cell)) })).optional(),
    }),
  ),
})

/** One row of an InfluxQL answer, by column. */
export type InfluxRow = Readonly<Record<string, z.infer<typeof cell>>>

/** A real InfluxDB 1.x on 127.0.0.1 with an empty database. */
export class InfluxDb {
  readonly url: string
  readonly database = 'poincon'
  readonly #process: ServerProcess
  readonly #folder: string

  private constructor(url: string, process: ServerProcess, folder: string) {
    this.url = url
    this.#process = process
    this.#folder = folder
  }

  static async start(): Promise<InfluxDb> {
    const folder = await mkdtemp(join(tmpdir(), 'poincon-influxdb-'))
    const port = await freePort()
    const config = join(folder, 'influxdb.conf')
    await writeFile(
      config,
      `reporting-disabled = true
bind-address = "127.0.0.1:${await freePort()}"
[meta]
dir = "${folder}/meta"
[data]
dir = "${folder}/data"
wal-dir = "${folder}/wal"
query-log-enabled = false
[http]
bind-address = "127.0.0.1:${port}"
log-enabled = false
[monitor]
store-enabled = false
`,
    )
    const url = `http://127.0.0.1:${port}`
    const process = await ServerProcess.start('influxd', ['run', '-config', config], async () => {
      const response = await fetch(`${url}/ping`)
      if (!response.ok) throw new Error(`ping: ${response.status}`)
    })
    const server = new InfluxDb(url, process, folder)
    await server.query(`CREATE DATABASE ${server.database}`)
    return server
  }

  /** @returns the rows of the first series of an InfluxQL statement */
  async query(statement: string): Promise<InfluxRow[]> {
    const response = await fetch(`${this.url}/query?db=${this.database}&epoch=ns`, {
      method: 'POST',
      body: new URLSearchParams({ q: statement }),
    })
    const text = await response.text()
    if (!response.ok) throw new Error(`${statement}: ${response.status} ${text}`)
    const result = answer.parse(JSON.parse(text)).results[0]
    if (result?.error !== undefined) throw new Error(`${statement}: ${result.error}`)
    const { columns, values } = result?.series?.[0] ?? { columns: [], values: [] }
    return values.map((row) =>
      Object.fromEntries(columns.map((column, place) => [column, row[place] ?? null])),
    )
  }

  async close(): Promise<void> {
    await this.#process.stop()
    await rm(this.#folder, { recursive: true, force: true })
  }
}
