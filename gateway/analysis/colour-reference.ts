import type { Lab } from '../inspection.ts'
import type { Stage } from './reflectance.ts'

/** A colour that the quality references name. */
export interface NamedLab extends Lab {
  readonly name: string
}

/** What the quality references say of the colour of one stage. */
export interface LabReference {
  readonly grades: readonly [extra: NamedLab, standard: NamedLab]
  /** Where L*, a* and b* of a conforming product lie, ends included. */
  readonly ranges: { readonly [axis in keyof Lab]: readonly [least: number, most: number] }
}

/** The original's quality references (facts §2), keyed by stage: mi-cuit has none, and no other stage's stands in. */
export const LAB_REFERENCES: Readonly<Partial<Record<Stage, LabReference>>> = {
  raw: {
    grades: [
      { name: 'cru_extra', l: 70, a: 5, b: 20 },
      { name: 'cru_standard', l: 68, a: 6, b: 18 },
    ],
    ranges: { l: [65, 75], a: [2, 10], b: [15, 25] },
  },
  cooked: {
    grades: [
      { name: 'cuit_extra', l: 75, a: 3, b: 25 },
      { name: 'cuit_standard', l: 73, a: 4, b: 23 },
    ],
    ranges: { l: [70, 80], a: [1, 8], b: [20, 30] },
  },
}

/** Axes on which a colour leaves the range of its stage. */
export function outOfRange(lab: Lab, { ranges }: LabReference): readonly (keyof Lab)[] {
  return (['l', 'a', 'b'] as const).filter((axis) => {
    const [least, most] = ranges[axis]
    return lab[axis] < least || lab[axis] > most
  })
}
