import {
  aggregateMap,
  type HistogramConfig,
  type HistogramPlan,
  histogramBytes,
  planHistograms,
  setHistograms,
} from '../../drivers/vl53l8ch/histogram-plan.ts'
import { histogramsOf, MOST_BYTES } from '../../drivers/vl53l8ch/histograms.ts'
import type { Link } from '../../drivers/vl53l8ch/mailbox.ts'
import { uldHistograms } from './decode-vl53l8ch.ts'
import { type Call, INVALID_PARAMETER, zonesOf } from './uld-settings.ts'

const NO_HISTOGRAMS: HistogramConfig = {
  startBin: 0,
  bins: 1,
  subSample: 1,
  grid: { startX: 0, startY: 0, mergeX: 1, mergeY: 1, columns: 1, rows: 1 },
}

/** What the histogram calls need of the session that they belong to. */
export interface CnhHost {
  link(): Link
  /** The frame that was read last. */
  raw(): Uint8Array
  /** Appends a block to the output list, switched on. */
  addBlock(header: number): void
}

/** ST's histogram plug-in: a structure that the host keeps until it is sent. */
export function cnhCalls(host: CnhHost): Readonly<Record<string, Call>> {
  let config = NO_HISTOGRAMS
  let zones: 16 | 64 = 16
  const plan = (): HistogramPlan => planHistograms(config, zones)
  return {
    cnh_init: (startBin = 0, bins = 0, subSample = 0) => {
      config = { ...config, startBin, bins, subSample }
      return Promise.resolve({})
    },
    cnh_map: (count, startX = 0, startY = 0, mergeX = 0, mergeY = 0, columns = 0, rows = 0) => {
      zones = zonesOf(count)
      const grid = { startX, startY, mergeX, mergeY, columns, rows }
      aggregateMap(grid, zones)
      config = { ...config, grid }
      return Promise.resolve({})
    },
    // ST's names the size also of what it refuses.
    cnh_mem: () => {
      const value = histogramBytes(config)
      return Promise.resolve({ value, status: value > MOST_BYTES ? INVALID_PARAMETER : 0 })
    },
    cnh_send: async () => {
      await setHistograms(host.link(), plan())
      return {}
    },
    add_cnh_block: () => {
      const { header } = plan()
      host.addBlock(header)
      return Promise.resolve({ header: `0x${header.toString(16)}` })
    },
    get_cnh: () => {
      const seen = histogramsOf(host.raw())
      if (seen === undefined) throw new Error('the frame carries no histograms')
      return Promise.resolve({ ...uldHistograms(seen) })
    },
  }
}
