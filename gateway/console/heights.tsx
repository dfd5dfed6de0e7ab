import { useCallback, useMemo } from 'preact/hooks'
import { ChartPanel } from './chart-panel.tsx'
import type { Chart } from './charts.ts'
import type { Format } from './format.ts'
import { describeZones, zoneMap } from './measurements.ts'
import type { Palette } from './palette.ts'
import type { RangingBlock } from './wire.ts'

interface HeightsProps {
  readonly block: RangingBlock | undefined
  readonly format: Format
  readonly palette: Palette
  readonly old: boolean
  /** What stands in the place of a picture where there is none. */
  readonly empty: string
}

const CUBIC_MM_PER_CM3 = 1000

/** The 8x8 height map, seen from the head. */
export function Heights({ block, format, palette, old, empty }: HeightsProps) {
  const { texts, short, whole } = format
  const map = useMemo(() => zoneMap(block), [block])
  const draw = useCallback(
    (chart: Chart) => {
      if (map !== undefined) chart.showZones(map, palette, { number: whole, saturated: texts.saturated })
    },
    [map, palette, whole, texts],
  )
  const title = map?.kind === 'distances' ? texts.distances : texts.heights
  const summary =
    map === undefined
      ? texts.nothingMeasured
      : texts.zonesSummary(map.measured, short(map.from), short(map.to))
  const volume = block?.volume_mm3
  const notes = [
    texts.heightsUnit,
    ...(volume === undefined ? [] : [`${texts.volume} ${whole(volume / CUBIC_MM_PER_CM3)} cm³`]),
    ...(map !== undefined && map.measured < 64 ? [`× ${texts.notMeasured}`] : []),
  ]
  return (
    <ChartPanel
      id="heights"
      title={title}
      note={notes.join(' · ')}
      summary={`${title}. ${summary}`}
      values={map === undefined ? '' : describeZones(map, format)}
      draw={map === undefined ? undefined : draw}
      empty={empty}
      square
      old={old}
    />
  )
}
