import type { Compute } from './embedder.ts'
import type { FoundEngraving, LensView, OrientedBox, ViewFault } from './lens-view.ts'
import { type Area, areasOf } from './locate-areas.ts'
import { boxesOf } from './locate-boxes.ts'
import { fitted } from './locate-fit.ts'
import { glareOver, lampInPlaceOf, lampsNear, lampsOf } from './locate-glare.ts'
import { type HeatMaps, heatMapsOf } from './locate-maps.ts'
import { type Mark, marksOf } from './locate-marks.ts'
import { lensesOf, type SeenLens } from './locate-outline.ts'
import { type Pair, pairsOf } from './locate-pair.ts'
import { fillPlanes, PLANES, type Reduced, reducedOf, withPlanes } from './locate-planes.ts'
import { LOOK_PX_PER_MM } from './locate-second.ts'
import { type Group, type Lie, type Looks, lieOf, looksAt } from './locate-side.ts'
import type { Grey } from './picture.ts'

/** Heat from which a cell belongs to an engraving, and the least size of one, px² at cells of 4 px. */
const ENGRAVED = { from: 0.35, size: 60 } as const
/** Mean heat that an engraving needs: by an alignment mark, and anywhere else on the lens. */
const LEAST_HEAT = { beside: 0.5, elsewhere: 0.85 } as const
/** A second lens has at least this share of the first one's size. */
const SECOND = 0.3
/** Of its diameter, what of a lens may lie along the picture's border. */
const MOST_CUT_OFF = 0.55
/** Grey levels: a picture on which no tile is brighter in the mean was taken without light. */
const DARK = 4.5
/** Where the maker's mark belongs: its middle lies so far below the nasal mark, and it is about so large, mm. */
const PLACE_MM = { below: 3.4, side: 3.5 } as const
/** Of the maker's mark, what a mirrored lamp may hide. */
const MOST_HIDDEN = 0.35
/** How far the second look reaches from a mark, and how far apart parts of one engraving lie, mm. */
const LOOKED_MM = 11
const GAP_MM = 1
/** Of the second look at a pair: less is none, and from so much on no other pair is looked at. */
const CERTAIN = { least: 0.81, enough: 1.05 } as const
/** Pixels in a row whose mean is taken for brightness. */
const RUN = 16
/** Pictures with a shorter side than this show no engraving, px. */
const LEAST_SIDE = 240

/**
 * Finds a lens on a picture: how it lies, and where it is engraved. No pair of alignment marks, no decision.
 * @param compute the network `lens-locator`
 * @throws ModelError when the network gives no maps
 */
export async function locate(picture: Grey, compute: Compute): Promise<LensView> {
  if (Math.min(picture.width, picture.height) < LEAST_SIDE) {
    const size = `${picture.width} × ${picture.height} px`
    return unseen('no-lens', `${size}, expected at least ${LEAST_SIDE} px each way`)
  }
  const reduced = reducedOf(picture)
  const output = await withPlanes(reduced, async (data) => {
    fillPlanes(reduced.levels, reduced, 0, data)
    return await compute({ data, shape: [1, PLANES, reduced.height, reduced.width] })
  })
  const heat = heatMapsOf(output, reduced)
  const lenses = lensesOf(heat)
  const [lens] = lenses
  if (lens === undefined) return withoutLens(reduced)
  return unjudged(lenses, lens) ?? (await withLens({ picture, reduced, heat, lens }, compute))
}

function unseen(fault: ViewFault, detail: string): LensView {
  return { kind: 'unseen', fault, detail }
}

function withoutLens({ levels }: Reduced): LensView {
  let brightest = 0
  for (let index = 0; index < levels.length; index += RUN) {
    let sum = 0
    for (let k = index; k < index + RUN; k++) sum += levels[k] ?? 0
    brightest = Math.max(brightest, sum / RUN)
  }
  const level = `nothing brighter than ${brightest.toFixed(1)} of 255`
  return brightest < DARK ? unseen('dark', level) : unseen('no-lens', `no lens before the camera; ${level}`)
}

/** What keeps a lens from being judged, before its marks are looked for. */
function unjudged(lenses: readonly SeenLens[], lens: SeenLens): LensView | undefined {
  if (lens.cutOff > MOST_CUT_OFF) {
    const share = `${Math.round(100 * lens.cutOff)} % of its diameter`
    return unseen('out-of-view', `the lens lies along the picture's border with ${share}`)
  }
  const others = lenses.filter(({ share }) => share >= SECOND * lens.share).length - 1
  return others > 0 ? unseen('two-lenses', `${others + 1} lenses, expected one`) : undefined
}

/** A picture with one lens, as the first look shows it. */
interface FirstLook {
  readonly picture: Grey
  readonly reduced: Reduced
  readonly heat: HeatMaps
  readonly lens: SeenLens
}

async function withLens(first: FirstLook, compute: Compute): Promise<LensView> {
  const { picture, reduced, heat, lens } = first
  const limits = { ...ENGRAVED, size: ENGRAVED.size * (heat.cellX / 4) * (heat.cellY / 4) }
  const areas = {
    symbol: areasOf(heat.maps.symbol, heat, limits),
    text: areasOf(heat.maps.text, heat, limits),
  }
  const engraved = [...areas.symbol, ...areas.text]
  const marks = marksOf(picture, heat)
  const found = await surest(reduced, pairsOf(marks, engraved, lens, heat.cellX / 2), compute)
  if (found === undefined) {
    const said = `${marks.length} places look like an alignment mark, no two are a pair 34 mm apart`
    const lamp = lampInPlaceOf(marks, lampsOf(heat, reduced), lens, heat.cellX / 2)
    return lamp === undefined ? unseen('no-marks', said) : unseen('reflection', `${said}; ${placed(lamp)}`)
  }
  const lie = lieOf(found, engraved)
  if ('undecided' in lie) return withoutSide(found.pair, marks, lie.undecided, first)
  const beside = [...engravingsBy(lie.nasal), ...engravingsBy(lie.temporal)]
  const rough = [...beside, ...elsewhere(areas, lie, heat)]
  const hidden = Math.max(...placesOf(lie, rough).map((box) => glareOver(box, heat)))
  if (hidden > MOST_HIDDEN) {
    const share = `${Math.round(100 * hidden)} %`
    return unseen('reflection', `${share} of the maker's mark lies under a mirrored lamp`)
  }
  return { kind: 'lens', pose: lie.pose, outline: lens.outline, ...fitted(picture, rough, lie.pose) }
}

/** The pair that the second look is surest of; undefined where it is sure of none. */
async function surest(
  reduced: Reduced,
  pairs: readonly Pair[],
  compute: Compute,
): Promise<Looks | undefined> {
  let best: Looks | undefined
  for (const pair of pairs) {
    const looks = await looksAt(pair, reduced, compute)
    if (looks.certainty >= (best?.certainty ?? CERTAIN.least)) best = looks
    if (looks.certainty >= CERTAIN.enough) break
  }
  return best
}

function withoutSide(pair: Pair, marks: readonly Mark[], said: string, first: FirstLook): LensView {
  const { heat, reduced } = first
  const lamps = lampsOf(heat, reduced, pair.pxPerMm)
  const near = [pair.first, pair.second].flatMap(({ x, y }) =>
    lampsNear([x, y], lamps, 2.5 * PLACE_MM.below * pair.pxPerMm),
  )
  const lamp = near[0] ?? lampInPlaceOf(marks, lamps, first.lens, heat.cellX / 2)
  return lamp === undefined ? unseen('no-marks', said) : unseen('reflection', `${said}; ${placed(lamp)}`)
}

function placed({ x, y }: Area): string {
  return `a lamp is mirrored at ${Math.round(x)}, ${Math.round(y)}`
}

/** What stands by a mark, from the look's frame to the picture's. */
function engravingsBy({ areas, looked }: Group): readonly FoundEngraving[] {
  const { heat, look, place, scale } = looked
  const likely = {
    symbol: areas.symbol.filter((area) => area.heat >= LEAST_HEAT.beside),
    text: areas.text.filter((area) => area.heat >= LEAST_HEAT.beside),
  }
  const frame = { readingDeg: 0, cell: heat.cellX, gap: GAP_MM * LOOK_PX_PER_MM }
  return boxesOf(likely, frame).map(({ box, ...engraving }) => {
    const [x, y] = place(box.x, box.y)
    const [width, height] = [scale * box.width, scale * box.height]
    return { ...engraving, box: { x, y, width, height, angleDeg: look.readingDeg } }
  })
}

type Areas = Readonly<Record<FoundEngraving['kind'], readonly Area[]>>

/** What the first look found where the second did not look; it must be clear. */
function elsewhere(areas: Areas, { nasal, temporal, pose, readingDeg }: Lie, heat: HeatMaps) {
  const isElsewhere = ({ x, y, heat: sure }: Area): boolean =>
    sure >= LEAST_HEAT.elsewhere &&
    [nasal, temporal].every(({ mark }) => Math.hypot(x - mark.x, y - mark.y) > LOOKED_MM * pose.pxPerMm)
  const clear = { symbol: areas.symbol.filter(isElsewhere), text: areas.text.filter(isElsewhere) }
  return boxesOf(clear, { readingDeg, cell: heat.cellX, gap: GAP_MM * pose.pxPerMm })
}

/**
 * Where a mirrored lamp would hide the maker's mark: its box and the place at which it belongs; and that place at the
 * temporal side as well where no symbol was found, as then the sides may have been mistaken.
 */
function placesOf(
  { nasal, temporal, pose, readingDeg }: Lie,
  engravings: readonly FoundEngraving[],
): readonly OrientedBox[] {
  const turn = (readingDeg * Math.PI) / 180
  const [below, side] = [PLACE_MM.below * pose.pxPerMm, PLACE_MM.side * pose.pxPerMm]
  const belowOf = ({ mark: { x, y } }: Group): OrientedBox => ({
    x: x - below * Math.sin(turn),
    y: y + below * Math.cos(turn),
    width: side,
    height: side,
    angleDeg: readingDeg,
  })
  const { x, y } = nasal.mark
  const found = engravings.find(
    ({ kind, box }) => kind === 'symbol' && Math.hypot(box.x - x, box.y - y) < LOOKED_MM * pose.pxPerMm,
  )
  return [belowOf(nasal), found?.box ?? belowOf(temporal)]
}
