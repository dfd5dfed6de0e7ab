import { useCallback, useMemo } from 'preact/hooks'
import { ChartPanel } from './chart-panel.tsx'
import type { Chart } from './charts.ts'
import type { Format } from './format.ts'
import { channelBars, describeChannels } from './measurements.ts'
import type { Palette } from './palette.ts'
import type { SpectralBlock } from './wire.ts'

interface ChannelsProps {
  readonly block: SpectralBlock | undefined
  readonly format: Format
  readonly palette: Palette
  readonly old: boolean
  /** What stands in the place of a picture where there is none. */
  readonly empty: string
}

/** The ten spectral channels, each in the colour of its light. */
export function Channels({ block, format, palette, old, empty }: ChannelsProps) {
  const { texts, compact, short } = format
  const bars = useMemo(() => channelBars(block), [block])
  const draw = useCallback(
    (chart: Chart) => {
      if (bars !== undefined)
        chart.showChannels(bars, palette, { number: compact, saturated: texts.saturated })
    },
    [bars, palette, compact, texts],
  )
  const { integration_time: integrationMs, gain } = block ?? {}
  const exposure =
    integrationMs === undefined || gain === undefined
      ? ''
      : ` · ${texts.exposure(short(integrationMs), short(gain))}`
  const values = bars === undefined ? '' : describeChannels(bars, format)
  return (
    <ChartPanel
      id="channels"
      title={texts.channels}
      note={`${texts.channelsUnit}${exposure}`}
      summary={bars === undefined ? texts.nothingMeasured : texts.channels}
      values={values}
      draw={bars === undefined ? undefined : draw}
      empty={empty}
      old={old}
    />
  )
}
