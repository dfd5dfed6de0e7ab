import { identify, initialise } from '../../drivers/vl53l8ch/boot.ts'
import type { FirmwareImage } from '../../drivers/vl53l8ch/firmware.ts'
import {
  type HistogramConfig,
  type HistogramPlan,
  planHistograms,
  setHistograms,
} from '../../drivers/vl53l8ch/histogram-plan.ts'
import { histogramsOf } from '../../drivers/vl53l8ch/histograms.ts'
import type { Link } from '../../drivers/vl53l8ch/mailbox.ts'
import { type OutputPlan, planOf, planOutputs, withBlock } from '../../drivers/vl53l8ch/outputs.ts'
import { fallAsleep, wakeUp } from '../../drivers/vl53l8ch/power.ts'
import { decodeFrame } from '../../drivers/vl53l8ch/ranges.ts'
import { readFrame, readReadyWord, startRanging, stopRanging } from '../../drivers/vl53l8ch/ranging.ts'
import {
  type Calibration,
  changeAddress,
  getFrequency,
  getResolution,
  setFrequency,
  setResolution,
} from '../../drivers/vl53l8ch/settings.ts'
import { calibrateXtalk, getXtalk, setXtalk } from '../../drivers/vl53l8ch/xtalk-calibration.ts'
import { uldHistograms } from './decode-vl53l8ch.ts'
import { uldScaled } from './uld.ts'
import { type Call, hashed, motionCalls, type Result, settingCalls } from './uld-settings.ts'

/** Our driver does not have this call of ST's. */
export class UnsupportedCall extends Error {
  override readonly name = 'UnsupportedCall'
}

const READY_POLL_MS = 5
const READY_POLLS = 400
const INVALID_PARAMETER = 127
const NO_HISTOGRAMS: HistogramConfig = {
  startBin: 0,
  bins: 1,
  subSample: 1,
  grid: { startX: 0, startY: 0, mergeX: 1, mergeY: 1, columns: 1, rows: 1 },
}

/** ST's calls by the names that the transcripts give them, done with our driver's steps in the `uld` layout. */
export class UldSession {
  #link: Link
  readonly #firmware: FirmwareImage
  readonly #targets: 1 | 2 | 3 | 4
  #nvm: Uint8Array = new Uint8Array()
  #xtalk: Uint8Array
  #zones: 16 | 64 = 16
  #plan: OutputPlan
  #streamCount = 255
  #histograms: HistogramConfig | undefined
  #raw: Uint8Array = new Uint8Array()

  readonly #calls: Readonly<Record<string, Call>> = {
    ...settingCalls(() => this.#link),
    ...motionCalls(() => this.#link),
    is_alive: async () => {
      const { deviceId, revisionId } = await identify(this.#link)
      return { value: 1, device_id: deviceId, revision_id: revisionId }
    },
    init: async () => {
      await this.#initialise()
      return {}
    },
    set_resolution: async (zones) => {
      this.#zones = zones === 64 ? 64 : 16
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
    cnh_init: (startBin = 0, bins = 0, subSample = 0) => {
      this.#histograms = { ...NO_HISTOGRAMS, startBin, bins, subSample }
      return Promise.resolve({})
    },
    cnh_map: (_, startX = 0, startY = 0, mergeX = 0, mergeY = 0, columns = 0, rows = 0) => {
      const grid = { startX, startY, mergeX, mergeY, columns, rows }
      this.#histograms = { ...NO_HISTOGRAMS, ...this.#histograms, grid }
      return Promise.resolve({})
    },
    cnh_mem: () => Promise.resolve({ value: this.#histogramPlan.bytes }),
    cnh_send: async () => {
      await setHistograms(this.#link, this.#histogramPlan)
      return {}
    },
    add_cnh_block: () => {
      const { header } = this.#histogramPlan
      this.#plan = withBlock(this.#plan, header)
      return Promise.resolve({ header: `0x${header.toString(16)}` })
    },
    get_cnh: () => {
      const seen = histogramsOf(this.#raw)
      if (seen === undefined) throw new Error('the frame carries no histograms')
      return Promise.resolve({ ...uldHistograms(seen) })
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

  get #histogramPlan(): HistogramPlan {
    return planHistograms(this.#histograms ?? NO_HISTOGRAMS, this.#zones)
  }

  async #initialise(): Promise<void> {
    this.#nvm = await initialise(this.#link, this.#firmware, this.#targets)
    this.#zones = 16
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
    this.#raw = raw
    const frame = decodeFrame(raw, this.#zones, this.#targets, this.#link.clock.now())
    this.#streamCount = frame.streamCount
    return { zones: frame.zones, targets_per_zone: frame.targetsPerZone, ...uldScaled(frame) }
  }
}
