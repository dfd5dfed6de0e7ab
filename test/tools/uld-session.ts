import { identify, initialise } from '../../drivers/vl53l8ch/boot.ts'
import type { FirmwareImage } from '../../drivers/vl53l8ch/firmware.ts'
import type { Link } from '../../drivers/vl53l8ch/mailbox.ts'
import { type OutputPlan, planOf, planOutputs } from '../../drivers/vl53l8ch/outputs.ts'
import { decodeFrame } from '../../drivers/vl53l8ch/ranges.ts'
import { readFrame, readReadyWord, startRanging, stopRanging } from '../../drivers/vl53l8ch/ranging.ts'
import {
  changeAddress,
  getFrequency,
  getResolution,
  setFrequency,
  setResolution,
} from '../../drivers/vl53l8ch/settings.ts'
import { uldScaled } from './uld.ts'

/** Our driver does not have this call of ST's. */
export class UnsupportedCall extends Error {
  override readonly name = 'UnsupportedCall'
}

type Result = Record<string, unknown>
type Call = (...numbers: number[]) => Promise<Result>

const READY_POLL_MS = 5
const READY_POLLS = 400
const INVALID_PARAMETER = 127

/** ST's calls by the names that the transcripts give them, done with our driver's steps in the `uld` layout. */
export class UldSession {
  #link: Link
  readonly #firmware: FirmwareImage
  readonly #targets: 1 | 2 | 3 | 4
  #nvm: Uint8Array = new Uint8Array()
  #zones: 16 | 64 = 16
  #plan: OutputPlan
  #streamCount = 255

  readonly #calls: Readonly<Record<string, Call>> = {
    is_alive: async () => {
      const { deviceId, revisionId } = await identify(this.#link)
      return { value: 1, device_id: deviceId, revision_id: revisionId }
    },
    init: async () => {
      this.#nvm = await initialise(this.#link, this.#firmware, this.#targets)
      this.#zones = 16
      return {}
    },
    set_resolution: async (zones) => {
      this.#zones = zones === 64 ? 64 : 16
      await setResolution(this.#link, this.#zones, { nvm: this.#nvm, xtalk: this.#firmware.xtalk })
      return {}
    },
    get_resolution: async () => ({ value: await getResolution(this.#link) }),
    set_freq: async (rateHz = 0) => {
      await setFrequency(this.#link, rateHz, this.#zones)
      return {}
    },
    get_freq: async () => ({ value: await getFrequency(this.#link) }),
    set_i2c_address: async (address = 0) => {
      this.#link = await changeAddress(this.#link, address >> 1)
      return {}
    },
    start: () => this.#start(planOutputs(this.#zones, this.#targets, 'uld')),
    create_output: () => {
      this.#plan = planOutputs(this.#zones, this.#targets, 'uld')
      return Promise.resolve({})
    },
    disable_block: (header) => {
      const { list, enables } = this.#plan
      this.#plan = planOf(list, enables & ~(1 << list.indexOf(header ?? 0)))
      return Promise.resolve({})
    },
    send_output_start: () => this.#start(this.#plan),
    stop: async () => {
      await stopRanging(this.#link)
      return {}
    },
    check: () => this.#check(),
    wait_ready: async () => {
      for (let polls = 1; polls <= READY_POLLS; polls += 1) {
        const ready = await this.#check()
        if (ready.value === 1) return { value: 1, polls }
        await this.#link.clock.sleep(READY_POLL_MS)
      }
      return { value: 0 }
    },
    get_data: () => this.#frame(),
  }

  constructor(link: Link, firmware: FirmwareImage, targets: 1 | 2 | 3 | 4) {
    this.#link = link
    this.#firmware = firmware
    this.#targets = targets
    this.#plan = planOutputs(16, targets, 'uld')
  }

  /**
   * @param text name and numbers, as `set_freq 15`
   * @returns what ST's call returns, with its status
   * @throws UnsupportedCall
   */
  async call(text: string): Promise<Result> {
    const [name = '', ...numbers] = text.split(/\s+/)
    const call = this.#calls[name]
    if (call === undefined) throw new UnsupportedCall(`no call ${name}`)
    try {
      return { status: 0, ...(await call(...numbers.map(Number))) }
    } catch (error) {
      if (error instanceof RangeError) return { status: INVALID_PARAMETER }
      throw error
    }
  }

  async #start(plan: OutputPlan): Promise<Result> {
    this.#plan = plan
    this.#streamCount = 255
    await startRanging(this.#link, this.#zones, plan)
    return { data_read_size: plan.frameBytes }
  }

  async #check(): Promise<Result> {
    const ready = await readReadyWord(this.#link)
    const fresh = ready.kind === 'frame' && ready.streamCount !== this.#streamCount
    return { value: fresh ? 1 : 0, ...(ready.kind === 'frame' ? { streamcount: ready.streamCount } : {}) }
  }

  async #frame(): Promise<Result> {
    const raw = await readFrame(this.#link, this.#plan.frameBytes)
    const frame = decodeFrame(raw, this.#zones, this.#targets, this.#link.clock.now())
    this.#streamCount = frame.streamCount
    return { zones: frame.zones, targets_per_zone: frame.targetsPerZone, ...uldScaled(frame) }
  }
}
