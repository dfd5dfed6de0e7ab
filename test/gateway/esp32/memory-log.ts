import type { StoredSample } from '../../../gateway/esp32/protocol.ts'
import type { OldSample } from '../../../gateway/esp32/sample.ts'
import type { SampleLog } from '../../../gateway/esp32/session.ts'

/** A log in memory, for a test to hold up or to break. */
export class MemoryLog implements SampleLog {
  /** What `store` throws. */
  refusal: Error | undefined
  readonly #stored = new Map<string, StoredSample>()
  #held: Promise<void> = Promise.resolve()

  /** Device and sample of all that is stored, in order. */
  keys(): readonly string[] {
    return [...this.#stored.keys()]
  }

  /** Nothing is stored until what this returns is called. */
  hold(): () => void {
    let release = (): void => {}
    this.#held = new Promise((resolve) => {
      release = resolve
    })
    return release
  }

  find(deviceId: string, sampleId: string): Promise<StoredSample | undefined> {
    return Promise.resolve(this.#stored.get(`${deviceId} ${sampleId}`))
  }

  async store({ deviceId, sampleId, measuredSha256 }: OldSample): Promise<StoredSample> {
    await this.#held
    if (this.refusal !== undefined) throw this.refusal
    const sequence = this.#stored.size + 1
    const verdict = {
      kind: 'ungraded',
      action: 'hold',
      reasons: [`not-calibrated:${deviceId}/vl53l8ch`],
    } as const
    const stored = { id: `inspection-${sequence}`, sequence, measuredSha256, verdict }
    this.#stored.set(`${deviceId} ${sampleId}`, stored)
    return stored
  }
}
