import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort, ServerProcess } from './server-process.ts'

/** A real VictoriaMetrics on 127.0.0.1 whose newest points are visible at once. */
export class VictoriaMetrics {
  readonly url: string
  readonly #process: ServerProcess
  readonly #folder: string

  private constructor(url: string, process: ServerProcess, folder: string) {
    this.url = url
    this.#process = process
    this.#folder = folder
  }

  static async start(): Promise<VictoriaMetrics> {
    const folder = await mkdtemp(join(tmpdir(), 'poincon-victoria-'))
    const url = `http://127.0.0.1:${await freePort()}`
    const process = await ServerProcess.start(
      'victoria-metrics',
      [
        `-storageDataPath=${folder}`,
        `-httpListenAddr=${url.slice('http://'.length)}`,
        '-search.latencyOffset=0s',
        '-memory.allowedBytes=64MB',
        '-retentionPeriod=100y',
      ],
      () => answered(`${url}/health`),
    )
    return new VictoriaMetrics(url, process, folder)
  }

  /** Every stored sample of the series that match, as `/api/v1/export` gives them. */
  async export(
    selector: string,
  ): Promise<{ metric: Record<string, string>; values: number[]; timestamps: number[] }[]> {
    // What was just written waits in memory until it is asked to show it.
    await answered(`${this.url}/internal/force_flush`)
    const text = await answered(`${this.url}/api/v1/export?match[]=${encodeURIComponent(selector)}`)
    return text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line))
  }

  async close(): Promise<void> {
    await this.#process.stop()
    await rm(this.#folder, { recursive: true, force: true })
  }
}

async function answered(url: string): Promise<string> {
  const response = await fetch(url)
  const text = await response.text()
  if (!response.ok) throw new Error(`${url}: ${response.status} ${text}`)
  return text
}
