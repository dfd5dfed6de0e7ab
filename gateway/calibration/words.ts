import { isExpired } from './newest.ts'
import type { CalibrationRow, GoldenFinding } from './rows.ts'

/** What was measured, in plain words, one line each. */
export function inWords(row: CalibrationRow): readonly string[] {
  switch (row.kind) {
    case 'empty-tray': {
      const ranges = row.range_mm.filter((range) => range !== null).sort((one, other) => one - other)
      const noise = row.sigma_mm.filter((sigma) => sigma !== null)
      const middle = ranges[ranges.length >> 1] ?? 0
      return [
        `${ranges.length} of ${row.range_mm.length} zones see the tray, at ${middle.toFixed(1)} mm (median)`,
        `one frame scatters by ${mean(noise).toFixed(2)} mm; mean of ${row.frames}`,
      ]
    }
    case 'offset': {
      const offsets = row.offset_mm.filter((offset) => offset !== null)
      const [least, most] = [Math.min(...offsets), Math.max(...offsets)]
      return [
        `offsets ${least.toFixed(1)} to ${most.toFixed(1)} mm, mean ${mean(offsets).toFixed(2)} mm, each known to ${row.noise_mm.toFixed(2)} mm`,
        `tilt of the target ${row.tilt_deg.x.toFixed(2)}° and ${row.tilt_deg.y.toFixed(2)}°, taken out`,
      ]
    }
    case 'crosstalk': {
      const { mean: middle, most } = row.kcps_per_spad
      return [`the cover glass throws back ${middle.toFixed(2)} kcps/spad, ${most.toFixed(2)} at most`]
    }
    case 'dark':
      return [`${(100 * row.share).toFixed(2)} % of the lamp's light leaks in, in the worst channel`]
    case 'white':
      return Object.entries(row.light.channels).map(
        ([channel, { value, std }]) =>
          `${channel}: ${value.toPrecision(4)} ± ${std.toPrecision(2)} counts per ms at gain 1`,
      )
    case 'golden':
      return Object.entries(row.values).map(([name, { mean: value, look_std: look, place_std: place }]) => {
        const placed = place === undefined ? '' : `, ± ${place.toPrecision(2)} a placement`
        return `${name}: ${value.toPrecision(5)}, ± ${look.toPrecision(2)} a look${placed}`
      })
    case 'golden-check':
      return row.findings.map(findingInWords)
  }
}

function findingInWords({ name, decision, tolerance, deviation, u, z, probability }: GoldenFinding): string {
  if (deviation === undefined || u === undefined || probability === undefined)
    return `${name}: not measured, tolerance ±${tolerance}`
  const sign = deviation < 0 ? '−' : '+'
  const score = z === undefined ? '' : `, z ${z.toFixed(1)}`
  return `${name}: ${decision}: ${sign}${Math.abs(deviation).toPrecision(3)} of ±${tolerance}, u ${u.toPrecision(2)}${score}, in tolerance with ${(100 * probability).toFixed(1)} %`
}

/** One line of a list. @param atMs ms since 1970 */
export function listed(row: CalibrationRow, atMs: number): string {
  const until =
    row.valid_until === undefined
      ? ''
      : isExpired(row, atMs)
        ? `  EXPIRED ${row.valid_until}`
        : `  until ${row.valid_until}`
  const what = [
    'part' in row ? row.part : '',
    'stage' in row ? row.stage : '',
    row.kind === 'golden-check' ? row.decision : '',
  ].filter((word) => word !== '')
  const subject = (row.subject ?? '').replace(/[0-9a-f]{20,}/g, (serial) => `${serial.slice(0, 16)}…`)
  return `${row.at}  ${row.kind.padEnd(12)}  ${subject}  by ${row.by}  ${what.join(' ')}${until}`.trimEnd()
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length)
}
