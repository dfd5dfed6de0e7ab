import type { SimulatedBus, SimulatedDevice } from './bus.ts'
import type { SimulatedVl53l8ch } from './vl53l8ch.ts'

/**
 * Several chips on one bus, as open drains have it: at an address every chip that stands there hears, and they answer
 * together. So those that still have their first address can be told apart by their LPn pins only.
 */
export class SharedWires {
  readonly #bus: Pick<SimulatedBus, 'attach'>
  readonly #at = new Map<number, Set<SimulatedVl53l8ch>>()

  constructor(bus: Pick<SimulatedBus, 'attach'>) {
    this.#bus = bus
  }

  /** @param make the chip, with what it calls when it changes its address @param address where it stands at first */
  add(
    make: (moved: (to: number, from: number) => void) => SimulatedVl53l8ch,
    address: number,
  ): SimulatedVl53l8ch {
    const chip = make((to, from) => {
      this.#at.get(from)?.delete(chip)
      this.#put(to, chip)
    })
    this.#put(address, chip)
    return chip
  }

  #put(address: number, chip: SimulatedVl53l8ch): void {
    const chips = this.#at.get(address) ?? new Set()
    this.#at.set(address, chips)
    chips.add(chip)
    this.#bus.attach(address, together(chips))
  }
}

function together(chips: ReadonlySet<SimulatedVl53l8ch>): SimulatedDevice {
  return {
    // A chip that moves away does so while it is written to.
    write: (bytes) => [...chips].map((chip) => chip.write(bytes)).includes(true),
    read(length) {
      const answers = [...chips].flatMap((chip) => chip.read(length) ?? [])
      if (answers.length === 0) return undefined
      return new Uint8Array(length).map((_, i) =>
        answers.reduce((wire, answer) => wire & (answer[i] ?? 0xff), 0xff),
      )
    },
  }
}
