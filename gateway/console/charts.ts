import { BarChart, HeatmapChart, LineChart } from 'echarts/charts'
import { GridComponent, LegendComponent, VisualMapComponent } from 'echarts/components'
import { type EChartsType, init, use } from 'echarts/core'
import { CanvasRenderer } from 'echarts/renderers'
import type { Format } from './format.ts'
import { type Bars, gradesOption, spreadOption } from './history-options.ts'
import { axisTop, type ChannelBar, reliefShare, type ZoneMap } from './measurements.ts'
import { css, inkOn, type Palette, shade } from './palette.ts'

use([BarChart, HeatmapChart, LineChart, GridComponent, LegendComponent, VisualMapComponent, CanvasRenderer])

const ZONES = [0, 1, 2, 3, 4, 5, 6, 7]

export interface ChartLabels {
  readonly number: (value: number) => string
  readonly saturated: string
}

/** A chart in an element that it follows in size. */
export class Chart {
  readonly #chart: EChartsType
  readonly #sizes: ResizeObserver

  constructor(element: HTMLElement) {
    this.#chart = init(element, null, { renderer: 'canvas' })
    this.#sizes = new ResizeObserver(() => this.#chart.resize())
    this.#sizes.observe(element)
  }

  close(): void {
    this.#sizes.disconnect()
    this.#chart.dispose()
  }

  showZones(map: ZoneMap, palette: Palette, { number }: ChartLabels): void {
    const share = reliefShare(map)
    const zones = map.rows.flatMap((row, y) => row.map((value, x) => ({ x, y, value })))
    this.#chart.setOption(
      {
        animation: false,
        grid: { left: 0, right: 0, top: 0, bottom: 0 },
        xAxis: { type: 'category', show: false, data: ZONES },
        yAxis: { type: 'category', show: false, inverse: true, data: ZONES },
        // A heat map must have one; the zones bring their own colours, so that their labels can be read on them.
        visualMap: { show: false, min: 0, max: 1 },
        series: [
          {
            type: 'heatmap',
            silent: true,
            itemStyle: { borderColor: palette.surface, borderWidth: 2, borderRadius: 4 },
            label: { show: true, fontSize: this.#fontPx(0.85), fontFamily: palette.font },
            data: zones.map(({ x, y, value }) => ({ visualMap: false, ...zoneLook(x, y, value) })),
          },
        ],
      },
      { notMerge: true },
    )

    function zoneLook(x: number, y: number, value: number | null) {
      if (value === null) {
        const label = { formatter: '×', color: palette.muted }
        return { value: [x, y, 0], itemStyle: { color: palette.unmeasured }, label }
      }
      const colour = shade(palette.relief, share(value))
      const label = { formatter: number(value), color: inkOn(colour) }
      return { value: [x, y, share(value)], itemStyle: { color: css(colour) }, label }
    }
  }

  showChannels(bars: readonly ChannelBar[], palette: Palette, { number, saturated }: ChartLabels): void {
    const top = axisTop(bars)
    const text = (bar: ChannelBar): string => {
      if (bar.counts === undefined) return '×'
      if (bar.saturated) return saturated
      return bar.counts > top ? `▲ ${number(bar.counts)}` : number(bar.counts)
    }
    this.#chart.setOption(
      {
        animation: false,
        grid: { left: 4, right: 4, top: this.#fontPx(1.6), bottom: this.#fontPx(1.8) },
        xAxis: {
          type: 'category',
          data: bars.map(({ label }) => label),
          axisTick: { show: false },
          axisLine: { lineStyle: { color: palette.line } },
          axisLabel: {
            color: palette.muted,
            fontSize: this.#fontPx(0.82),
            fontFamily: palette.font,
            interval: 0,
          },
        },
        yAxis: { type: 'value', min: 0, max: top, show: false },
        series: [
          {
            type: 'bar',
            silent: true,
            barWidth: '72%',
            label: {
              show: true,
              position: 'top',
              color: palette.ink,
              fontSize: 11,
              fontFamily: palette.font,
            },
            data: bars.map((bar) => ({
              value: Math.min(bar.counts ?? 0, top),
              itemStyle: {
                color: bar.colour,
                borderRadius: [4, 4, 0, 0],
                ...(bar.saturated ? { borderColor: palette.alarm, borderWidth: 3 } : {}),
              },
              label: { formatter: text(bar), color: bar.saturated ? palette.alarm : palette.ink },
            })),
          },
        ],
      },
      { notMerge: true },
    )
  }

  showGrades(bars: Bars, palette: Palette, format: Format): void {
    this.#chart.setOption(
      gradesOption(bars, palette, format, (rem) => this.#fontPx(rem)),
      { notMerge: true },
    )
  }

  showSpread(bars: Bars & { readonly measure: string }, palette: Palette, format: Format): void {
    this.#chart.setOption(
      spreadOption(bars, palette, format, (rem) => this.#fontPx(rem)),
      { notMerge: true },
    )
  }

  /** A canvas does not follow the page's font size by itself. */
  #fontPx(rem: number): number {
    return rem * Number.parseFloat(getComputedStyle(document.documentElement).fontSize)
  }
}
