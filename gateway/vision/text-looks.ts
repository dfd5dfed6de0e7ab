import type { FoundEngraving, OrientedBox, TextReading } from './lens-view.ts'

/** Reads what stands in each box. */
export type ReadTexts = (boxes: readonly OrientedBox[]) => Promise<readonly TextReading[]>

/** A reading of more confidence is right 998 times in 1000 (the model's card): nothing is looked at again. */
const SURE = 0.99

/**
 * The texts of boxes that hold text, in their order. They are read in the boxes that the network showed, as the recogniser was
 * trained on boxes that are a little off; what is not sure is read again where the strokes end, and the surer reading counts.
 */
export async function textsIn(
  texts: readonly FoundEngraving[],
  read: ReadTexts,
): Promise<readonly TextReading[]> {
  if (texts.length === 0) return []
  const first = await read(texts.map(({ box, bounds }) => bounds?.rough ?? box))
  const places = [...texts.keys()].filter(
    (place) => texts[place]?.bounds !== undefined && (first[place]?.confidence ?? 0) < SURE,
  )
  if (places.length === 0) return first
  const again = await read(places.flatMap((place) => texts[place]?.bounds?.strokes ?? []))
  return first.map((reading, place) => {
    const second = again[places.indexOf(place)]
    return second !== undefined && second.confidence > reading.confidence ? second : reading
  })
}
