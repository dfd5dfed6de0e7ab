import { LineError, type LineSpec, nameOf } from '../gpio.ts'
import { lineError } from './gpio-errors.ts'

/** What is needed of node-libgpiod's Line. */
export interface GpiodLine {
  readonly used: boolean
  readonly consumer: string | undefined
  update(): void
  getValue(): number
  setValue(value: 0 | 1): void
  requestInputModeFlags(consumer: string, flags: number): void
  requestOutputModeFlags(consumer: string, flags: number, defaultValue: 0 | 1): void
  release(): void
}

/** What is needed of node-libgpiod's Chip. */
export interface GpiodChip {
  readonly name: string
  readonly numberOfLines: number
  getLine(offset: number): GpiodLine
}

/** What is needed of the package itself. */
export interface GpiodPackage {
  readonly Chip: new (identifier: string) => GpiodChip
}

/** Whether what was imported is the package; its own types say of the flags that they are objects. */
export function isGpiod(imported: unknown): imported is GpiodPackage {
  return (
    typeof imported === 'object' &&
    imported !== null &&
    'Chip' in imported &&
    typeof imported.Chip === 'function'
  )
}

interface KnownChip {
  readonly chip: GpiodChip
  readonly lines: Map<number, GpiodLine>
}

/**
 * Every Chip and Line of node-libgpiod that was ever made, kept as long as the process lives, because its finalizers
 * do harm: two Lines of one offset share one handle, so that the end of a forgotten one releases the other's; and a
 * Line that is finalized after its Chip touches freed memory.
 */
const known = new WeakMap<GpiodPackage, Chips>()

/** The chips of a library, the same ones at every call. */
export function chipsOf(library: GpiodPackage): Chips {
  const chips = known.get(library) ?? new Chips(library)
  known.set(library, chips)
  return chips
}

/** Opens each chip and each line once. */
export class Chips {
  readonly #library: GpiodPackage
  readonly #chips = new Map<string, KnownChip>()
  /** Those that went away. */
  readonly #gone: KnownChip[] = []

  constructor(library: GpiodPackage) {
    this.#library = library
  }

  /** The kernel's name of a chip that may be given by label or path. @throws LineError */
  nameOf(spec: LineSpec): string {
    return this.#chip(spec).chip.name
  }

  /** @throws LineError */
  line(spec: LineSpec): GpiodLine {
    const { chip, lines } = this.#chip(spec)
    const found = lines.get(spec.line)
    if (found !== undefined) return found
    // Asked first: a Line that node-libgpiod did not find ends the process when its remains are finalized.
    const count = chip.numberOfLines
    if (!Number.isInteger(spec.line) || spec.line < 0 || spec.line >= count) {
      throw new LineError('no-line', `${nameOf(spec)}: ${spec.chip} has lines 0 to ${count - 1}`)
    }
    return this.told(spec, () => {
      const line = chip.getLine(spec.line)
      lines.set(spec.line, line)
      return line
    })
  }

  /**
   * Does something with a line; a chip that turns out to be gone is opened anew when it is asked for again.
   * @throws LineError
   */
  told<T>(spec: LineSpec, act: () => T, line?: GpiodLine): T {
    try {
      return act()
    } catch (error) {
      const fault = lineError(error, spec, holderOf(line))
      if (fault.fault === 'no-chip') this.#forget(spec)
      throw fault
    }
  }

  #chip(spec: LineSpec): KnownChip {
    const found = this.#chips.get(spec.chip)
    if (found !== undefined) return found
    return this.told(spec, () => {
      const opened = { chip: new this.#library.Chip(spec.chip), lines: new Map<number, GpiodLine>() }
      this.#chips.set(spec.chip, opened)
      return opened
    })
  }

  #forget({ chip }: LineSpec): void {
    const lost = this.#chips.get(chip)
    if (lost === undefined) return
    this.#chips.delete(chip)
    this.#gone.push(lost)
  }
}

/** Who has a line, as far as the kernel says. */
function holderOf(line: GpiodLine | undefined): string | undefined {
  try {
    line?.update()
    return line?.consumer
  } catch {
    // The fault that led here is the one to tell.
    return undefined
  }
}
