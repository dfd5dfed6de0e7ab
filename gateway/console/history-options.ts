import { GRADES } from '../inspection.ts'
import type { Format } from './format.ts'
import { axisLabel, type Period, unitOf } from './history.ts'
import type { Palette } from './palette.ts'
import type { HistoryRow } from './wire-history.ts'

/** Hours or days beside each other. */
export interface Bars {
  readonly bars: readonly { readonly at: string; readonly row: HistoryRow | undefined }[]
  readonly by: Period
}

/** Sizes of a canvas, px for rem. */
type Px = (rem: number) => number

function frame({ bars, by }: Bars, palette: Palette, format: Format, px: Px) {
  const text = { color: palette.muted, fontSize: px(0.82), fontFamily: palette.font }
  const line = { lineStyle: { color: palette.line } }
  return {
    animation: false,
    grid: { left: px(3.4), right: px(0.6), top: px(0.8), bottom: px(1.8) },
    xAxis: {
      type: 'category' as const,
      data: bars.map(({ at }) => axisLabel(at, by, format)),
      axisTick: { show: false },
      axisLine: line,
      axisLabel: { ...text, hideOverlap: true, ...(by === 'hour' ? { interval: 0 } : {}) },
    },
    yAxis: {
      type: 'value' as const,
      splitNumber: 3,
      splitLine: line,
      axisLabel: { ...text, formatter: (value: number) => format.compact(value) },
    },
  }
}

/** The best grade is darkest on light ground and lightest on dark; a reject has the colour of the alarm. */
export function gradeColours({ relief, alarm, line }: Palette): readonly string[] {
  const at = (index: number): string => relief[index] ?? line
  return [at(5), at(4), at(3), at(2), alarm, line]
}

/** Parts of each hour or day, a stack of their grades. */
export function gradesOption(shown: Bars, palette: Palette, format: Format, px: Px) {
  const { texts } = format
  const colours = gradeColours(palette)
  const { grid, ...rest } = frame(shown, palette, format, px)
  const kinds = [...GRADES.map((grade) => ({ name: texts.grades[grade], grade })), { name: texts.notGraded }]
  return {
    ...rest,
    grid: { ...grid, top: px(2.2) },
    legend: {
      top: 0,
      right: 0,
      itemWidth: px(0.8),
      itemHeight: px(0.8),
      itemGap: px(0.9),
      selectedMode: false,
      textStyle: { color: palette.ink, fontSize: px(0.82), fontFamily: palette.font },
    },
    series: kinds.map((kind, index) => ({
      type: 'bar' as const,
      name: kind.name,
      stack: 'parts',
      silent: true,
      barWidth: '78%',
      itemStyle: { color: colours[index] ?? palette.line },
      data: shown.bars.map(({ row }) => {
        if (row === undefined) return 0
        return 'grade' in kind ? (row.grades[kind.grade] ?? 0) : row.ungraded
      }),
    })),
  }
}

/** How a measure is spread in each hour or day: a band from the 5 % to the 95 % quantile, the median as a line. */
export function spreadOption(
  shown: Bars & { readonly measure: string },
  palette: Palette,
  format: Format,
  px: Px,
) {
  const { per } = unitOf(shown.measure)
  const of = ({ row }: Bars['bars'][number]) => row?.measures[shown.measure]
  const base = frame(shown, palette, format, px)
  const band = {
    type: 'line' as const,
    silent: true,
    symbol: 'none',
    stack: 'band',
    stackStrategy: 'all' as const,
  }
  const colour = palette.relief[3] ?? palette.muted
  return {
    ...base,
    yAxis: {
      ...base.yAxis,
      scale: true,
      axisLabel: { ...base.yAxis.axisLabel, formatter: (value: number) => format.precise(value) },
    },
    series: [
      { ...band, lineStyle: { opacity: 0 }, data: shown.bars.map((bar) => scaled(of(bar)?.p05, per)) },
      {
        ...band,
        lineStyle: { opacity: 0 },
        areaStyle: { color: colour, opacity: 0.3 },
        data: shown.bars.map((bar) => {
          const sums = of(bar)
          return sums === undefined ? null : (sums.p95 - sums.p05) / per
        }),
      },
      {
        type: 'line' as const,
        silent: true,
        symbol: 'circle',
        symbolSize: 5,
        lineStyle: { color: palette.ink, width: 2 },
        itemStyle: { color: palette.ink },
        data: shown.bars.map((bar) => scaled(of(bar)?.p50, per)),
      },
    ],
  }
}

/** Where nothing was measured there is a gap, and no 0. */
function scaled(value: number | undefined, per: number): number | null {
  return value === undefined ? null : value / per
}
