import { aggregateMap } from '../../drivers/vl53l8ch/histogram-plan.ts'
import type { LaidOutHistograms } from '../../drivers/vl53l8ch/histograms.ts'
import type { RangeFrame } from '../../drivers/vl53l8ch/ranges.ts'
import type { Echoes, Estimate } from '../inspection.ts'
import type { Look } from '../look.ts'
import { type HistogramFinding, histogramFindings } from './histograms.ts'
import type { Open } from './open.ts'

/**
 * What the histograms of a part that stood still say about its material: of the aggregates whose zones see nothing but
 * the part, the mean. Widths and tails of an edge would be those of the tray.
 * @param looks all that the frame is the last of; none: the frame is the only one
 * @param alone zones that see nothing but the part
 * @returns undefined where the head takes no histograms, or no aggregate sees the part alone, or none has an echo
 */
export function echoesOf(
  frame: RangeFrame,
  looks: readonly Look[],
  alone: readonly number[],
): Echoes | undefined {
  const all: LaidOutHistograms[] = []
  for (const { frame: one } of looks) if (one.histograms !== undefined) all.push(one.histograms)
  if (looks.length === 0 && frame.histograms !== undefined) all.push(frame.histograms)
  const [first] = all
  if (first === undefined) return undefined
  const seen = partAggregates(first, frame.zones, alone)
  const findings = histogramFindings(all, first.layout, seen).filter((finding) => finding.first !== undefined)
  return findings.length === 0 ? undefined : figuresOf(findings)
}

/** Aggregates of which every zone sees nothing but the part. */
function partAggregates(
  { layout, aggregates }: LaidOutHistograms,
  zones: 16 | 64,
  alone: readonly number[],
): readonly number[] {
  const map = aggregateMap(layout.grid, zones)
  const own = new Uint8Array(zones)
  for (const zone of alone) own[zone] = 1
  const mixed = new Uint8Array(aggregates)
  for (let zone = 0; zone < zones; zone += 1) {
    const aggregate = map[zone] ?? -1
    if (own[zone] === 0 && aggregate >= 0) mixed[aggregate] = 1
  }
  const seen: number[] = []
  for (let aggregate = 0; aggregate < aggregates; aggregate += 1)
    if (mixed[aggregate] === 0) seen.push(aggregate)
  return seen
}

function figuresOf(findings: readonly HistogramFinding[]): Echoes {
  const rangeMm = mean(findings.map(({ first }) => first?.rangeMm))
  const widthMm = mean(findings.map(({ first }) => first?.widthMm))
  const texture = mean(findings.map((finding) => finding.texture))
  const tail = mean(findings.map((finding) => finding.tail))
  const echoes: Open<Echoes> = {
    aggregates: findings.length,
    secondShare: mean(findings.map(secondShare)) ?? { estimate: 0, std: 0 },
  }
  if (rangeMm !== undefined) echoes.rangeMm = rangeMm
  if (widthMm !== undefined) echoes.widthMm = widthMm
  if (texture !== undefined) echoes.texture = texture
  if (tail !== undefined) echoes.tail = tail
  return echoes
}

/** None is known to be none as well as the noise allows. */
function secondShare({ first, second, noise = 0 }: HistogramFinding): Estimate {
  const light = first?.light.estimate ?? 1
  if (second === undefined) return { estimate: 0, std: noise / light }
  return { estimate: second.light.estimate / light, std: second.light.std / light }
}

/** Mean of what there is; its uncertainty, errors being independent from aggregate to aggregate. */
function mean(values: readonly (Estimate | undefined)[]): Estimate | undefined {
  let sum = 0
  let variance = 0
  let count = 0
  for (const value of values) {
    if (value === undefined) continue
    sum += value.estimate
    variance += value.std ** 2
    count += 1
  }
  return count === 0 ? undefined : { estimate: sum / count, std: Math.sqrt(variance) / count }
}
