/** The colours that charts paint with: a canvas knows nothing of the style sheet. */
export interface Palette {
  readonly surface: string
  readonly ink: string
  readonly muted: string
  readonly line: string
  readonly alarm: string
  readonly unmeasured: string
  /** `#rrggbb`, from the lowest to the highest zone, evenly spaced. */
  readonly relief: readonly string[]
  readonly font: string
}

const FONT = 'system-ui, sans-serif'

export const LIGHT: Palette = {
  surface: '#ffffff',
  ink: '#1d2126',
  muted: '#59626b',
  line: '#c9cfd4',
  alarm: '#b3261e',
  unmeasured: '#eceeef',
  relief: ['#edf4f6', '#c4dde4', '#8fc0cf', '#3f829f', '#1f5f80', '#0e3a5c'],
  font: FONT,
}

export const DARK: Palette = {
  surface: '#1c2024',
  ink: '#e8eaec',
  muted: '#9ba5ae',
  line: '#3b434a',
  alarm: '#ff8a80',
  unmeasured: '#282d32',
  relief: ['#20313b', '#24485a', '#2a6078', '#6fb0c6', '#9fd0de', '#d9f0f5'],
  font: FONT,
}

type Rgb = readonly [red: number, green: number, blue: number]

/** @param share 0 (lowest) to 1 (highest) */
export function shade(relief: readonly string[], share: number): Rgb {
  const place = Math.min(1, Math.max(0, share)) * (relief.length - 1)
  const below = Math.floor(place)
  const from = rgb(relief[below])
  const to = rgb(relief[Math.min(below + 1, relief.length - 1)])
  const mix = (index: 0 | 1 | 2): number =>
    Math.round(from[index] + (to[index] - from[index]) * (place - below))
  return [mix(0), mix(1), mix(2)]
}

export function css([red, green, blue]: Rgb): string {
  return `rgb(${red}, ${green}, ${blue})`
}

/** Black or white, whichever reads better: one of them always has a contrast of 4.5 or more. */
export function inkOn(ground: Rgb): '#000000' | '#ffffff' {
  return contrast(ground, [0, 0, 0]) >= contrast(ground, [255, 255, 255]) ? '#000000' : '#ffffff'
}

/** WCAG 2.2, contrast ratio: 1 to 21. */
export function contrast(one: Rgb, other: Rgb): number {
  const [darker = 0, lighter = 0] = [luminance(one), luminance(other)].sort((a, b) => a - b)
  return (lighter + 0.05) / (darker + 0.05)
}

/** WCAG 2.2, relative luminance. */
function luminance([red, green, blue]: Rgb): number {
  const linear = (value: number): number => {
    const share = value / 255
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4
  }
  return 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue)
}

export function rgb(hex = '#000000'): Rgb {
  const value = Number.parseInt(hex.slice(1), 16)
  return [value >> 16, (value >> 8) & 255, value & 255]
}
