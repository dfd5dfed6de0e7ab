import { type BodyDefect, type Part, partOf } from './parts.ts'

/** Where the defect is not placed: the centre of the base. */
type StudyDefect = Omit<BodyDefect, 'uMm' | 'vMm'> & Partial<Pick<BodyDefect, 'uMm' | 'vMm'>>

/**
 * The part with one more defect, all else as it was: what recall is studied with, against size, depth and place. Quality
 * and expected grade stay those of the part.
 * @param defect its place in the body's own axes, u along the long one; `change` in mm, positive towards the head, or in
 * percent of reflectance for an optical one. The height field's nodes are 3 mm apart: small ones come out flatter than
 * ordered, and `reachedMm` and `volumeMm3` of the truth say by how much.
 * @throws RangeError for a defect off the base, without extent, or of the wrong sign
 */
export function withDefect(part: Part, defect: StudyDefect): Part {
  const placed = { uMm: 0, vMm: 0, ...defect }
  check(placed, part)
  return partOf({ ...part.spec, defects: [...part.spec.defects, placed] })
}

function check({ type, uMm, vMm, radiusMm, change }: BodyDefect, { pose }: Part): void {
  const { semiU, semiV } = pose.surface.shape
  if (!((uMm / semiU) ** 2 + (vMm / semiV) ** 2 < 1)) {
    throw new RangeError(`defect at (${uMm}, ${vMm}) mm: expected a place on the base`)
  }
  if (!(radiusMm > 0 && Number.isFinite(radiusMm))) throw wrong('radiusMm', radiusMm, 'more than 0 mm')
  switch (type) {
    case 'optical_inconsistency':
      if (!(change !== 0 && Math.abs(change) <= 100)) throw wrong('change', change, '−100…100 %, not 0')
      return
    case 'foreign_body':
      if (!(change > 0 && Number.isFinite(change))) throw wrong('change', change, 'more than 0 mm')
      return
    default:
      if (!(change < 0 && Number.isFinite(change))) throw wrong('change', change, 'less than 0 mm')
  }
}

function wrong(name: string, value: number, expected: string): RangeError {
  return new RangeError(`defect.${name}: ${value}: expected ${expected}`)
}
