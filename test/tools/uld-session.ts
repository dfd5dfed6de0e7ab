import { identify, initialise } from '../../drivers/vl53l8ch/boot.ts'
import type { FirmwareImage } from '../../drivers/vl53l8ch/firmware.ts'
import { type Link, readBlock } from '../../drivers/vl53l8ch/mailbox.ts'
import { type OutputPlan, planOf, planOutputs, withBlock } from '../../drivers/vl53l8ch/outputs.ts'
import { fallAsleep, wakeUp } from '../../drivers/vl53l8ch/power.ts'
import { decodeBlocks, isWhole } from '../../drivers/vl53l8ch/ranges.ts'
import { decodeReadyWord, readFrame, startRanging, stopRanging } from '../../drivers/vl53l8ch/ranging.ts'
import { READY_WORD } from '../../drivers/vl53l8ch/registers.ts'
import {
  type Calibration,
  changeAddress,
  getFrequency,
  getResolution,
  setFrequency,
  setResolution,
} from '../../drivers/vl53l8ch/settings.ts'
import { setAutoStop } from '../../drivers/vl53l8ch/thresholds.ts'
import { calibrateXtalk, getXtalk, setXtalk } from '../../drivers/vl53l8ch/xtalk-calibration.ts'
import { uldScaled } from './uld.ts'
import { cnhCalls } from './uld-cnh.ts'
import {
  type Call,
  hashed,
  INVALID_PARAMETER,
  motionCalls,
  type Result,
  settingCalls,
  zonesOf,
} from './uld-settings.ts'

/** Our driver does not have this call of ST's. */
export class UnsupportedCall extends Error {
  override readonly name = 'UnsupportedCall'
}

const READY_POLL_MS = 5
const READY_POLLS = 400
const CORRUPTED_FRAME = 2
const BEFORE_FIRST = 255

/** ST's calls by the names that the transcripts give them, done with our driver's steps in the `uld` layout. */
export class UldSession {
  #link: Link
  readonly #firmware: FirmwareImage
  readonly #targets: 1 | 2 | 3 | 4
  #nvm: Uint8Array = new Uint8Array()
  #xtalk: Uint8Array
  #zones: 16 | 64 = 16
  #plan: OutputPlan
  #streamCount = BEFORE_FIRST
  #autoStop = false
  #raw: Uint8Array = new Uint8Array()

  readonly #calls: Readonly<Record<string, Call>> = {
    ...settingCalls(() => this.#link),
    ...motionCalls(() => this.#link),
    ...cnhCalls({
      link: () => this.#link,
      raw: () => this.#raw,
      addBlock: (header) => {
        this.#plan = withBlock(this.#plan, header)
      },
    }),
    is_alive: async () => {
      const { deviceId, revisionId } = await identify(this.#link)
      return { value: 1, device_id: deviceId, revision_id: revisionId }
    },
    init: async () => {
      await this.#initialise()
      return {}
    },
    set_resolution: async (zones) => {
      this.#zones = zonesOf(zones)
      await setResolution(this.#link, this.#zones, this.#calibration)
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
    // The list has ST's default sizes until it is sent, and ours the final ones: a block is known by its address.
    disable_block: (header = 0) => {
      const { list, enables } = this.#plan
      const place = list.findIndex((word) => word >>> 16 === header >>> 16)
      if (place >= 0) this.#plan = planOf(list, enables & ~(1 << place))
      return Promise.resolve({})
    },
    send_output_start: () => this.#start(this.#plan),
    stop: async () => {
      await stopRanging(this.#link, { autoStop: this.#autoStop })
      return {}
    },
    autostop: async (on) => {
      this.#autoStop = on === 1
      await setAutoStop(this.#link, this.#autoStop)
      return {}
    },
    check: () => this.#check(),
    wait_ready: async () => {
      for (let polls = 1; polls <= READY_POLLS; polls += 1) {
        const ready = await this.#check()
        if (ready.status !== 0) return ready
        if (ready.value === 1) return { value: 1, polls }
        await this.#link.clock.sleep(READY_POLL_MS)
      }
      return { value: 0 }
    },
    get_data: () => this.#frame(),
    set_power_mode: async (mode) => {
      if (mode === 1) await wakeUp(this.#link, () => this.#initialise())
      else await fallAsleep(this.#link, mode === 0 ? 'asleep' : 'deep-asleep')
      return {}
    },
    get_caldata_xtalk: async () => ({ xtalk: hashed(await getXtalk(this.#link, this.#calibration)) }),
    reset_caldata_xtalk: async () => {
      this.#xtalk = this.#firmware.xtalk
      await setXtalk(this.#link, this.#calibration)
      return {}
    },
    calibrate_xtalk: async (reflectancePercent = 0, samples = 0, distanceMm = 0) => {
      const target = { reflectancePercent, samples, distanceMm }
      const chip = { image: this.#firmware, targetsPerZone: this.#targets, ...this.#calibration }
      this.#xtalk = await calibrateXtalk(this.#link, target, chip)
      return {}
    },
  }

  constructor(link: Link, firmware: FirmwareImage, targets: 1 | 2 | 3 | 4) {
    this.#link = link
    this.#firmware = firmware
    this.#xtalk = firmware.xtalk
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

  get #calibration(): Calibration {
    return { nvm: this.#nvm, xtalk: this.#xtalk }
  }

  async #initialise(): Promise<void> {
    this.#nvm = await initialise(this.#link, this.#firmware, this.#targets)
    this.#xtalk = this.#firmware.xtalk
    this.#zones = 16
    this.#autoStop = false
  }

  async #start(plan: OutputPlan): Promise<Result> {
    this.#plan = plan
    this.#streamCount = BEFORE_FIRST
    await startRanging(this.#link, this.#zones, plan)
    return { data_read_size: plan.frameBytes }
  }

  async #check(): Promise<Result> {
    const ready = decodeReadyWord(await readBlock(this.#link, READY_WORD, 4))
    const fresh = ready.kind === 'frame' && ready.streamCount !== this.#streamCount
    if (fresh) this.#streamCount = ready.streamCount
    const status = ready.kind === 'failed' ? ready.status : 0
    return { value: fresh ? 1 : 0, streamcount: this.#streamCount, status }
  }

  /** ST's driver fills in what a corrupted frame holds, too. */
  async #frame(): Promise<Result> {
    const raw = await readFrame(this.#link, this.#plan.frameBytes)
    this.#raw = raw
    const frame = decodeBlocks(raw, this.#zones, this.#targets, this.#link.clock.now())
    this.#streamCount = frame.streamCount
    const status = isWhole(raw) ? 0 : CORRUPTED_FRAME
    return { zones: frame.zones, targets_per_zone: frame.targetsPerZone, ...uldScaled(frame), status }
  }
}
