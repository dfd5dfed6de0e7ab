import type { Recognition } from './decision.ts'

export type Point = readonly [x: number, y: number]

/** A rectangle in a picture: px from the top left, turned about its middle. */
export interface OrientedBox {
  /** Of its middle. */
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
  /** From the picture's x axis to the box's, clockwise on the picture, degrees. */
  readonly angleDeg: number
}

/** How the lens lies, from its two alignment marks, 34 mm apart on the 0-180 line (ISO 8980-2). */
export interface LensPose {
  /** Middle of the circle at the nasal side, px. */
  readonly nasal: Point
  /** Middle of the circle at the temporal side, px. */
  readonly temporal: Point
  /** Scale along the line between the two. */
  readonly pxPerMm: number
  /** Direction from the temporal mark to the nasal one, clockwise on the picture from its x axis, degrees, −180 to 180. */
  readonly towardsNoseDeg: number
}

/** Where something is engraved, before anybody has read it. */
export interface FoundEngraving {
  /** A maker's mark, or letters and digits: the addition, the index, the name of a design. */
  readonly kind: 'symbol' | 'text'
  readonly box: OrientedBox
  /** What `box` lies between: the box as the network showed it, and where the strokes end; absent where they were not looked at. */
  readonly bounds?: { readonly rough: OrientedBox; readonly strokes: OrientedBox }
  /** How sure it is that something is engraved there, 0 to 1. */
  readonly confidence: number
}

/** How lines are seen: brighter than the glass in dark field, darker before a bright one, both beside each other in grazing light. */
export type Lines = 'bright' | 'dark' | 'both'

/** Why a picture shows no lens that can be judged. */
export const VIEW_FAULTS = [
  /** Nothing is lit. */
  'dark',
  'no-lens',
  'two-lenses',
  /** A part of the lens lies outside of the picture. */
  'out-of-view',
  /** The two alignment marks were not found: neither scale, nor rotation, nor side. */
  'no-marks',
  /** A reflection covers the place where the maker's mark belongs. */
  'reflection',
] as const
export type ViewFault = (typeof VIEW_FAULTS)[number]

/** What of a lens is seen on a picture. */
export type LensView =
  | {
      readonly kind: 'lens'
      readonly pose: LensPose
      /** Corners of the lens's edge, px, in order. */
      readonly outline: readonly Point[]
      readonly engravings: readonly FoundEngraving[]
      /** Absent: not known. */
      readonly lines?: Lines
    }
  /** `detail`: what was found in place of what was expected, with figures. */
  | { readonly kind: 'unseen'; readonly fault: ViewFault; readonly detail: string }

/** What stands in a box that holds text. */
export interface TextReading {
  /** Without spaces at its ends; empty where nothing could be read. */
  readonly text: string
  /** Of all its characters together, 0 to 1. */
  readonly confidence: number
}

/** An engraving that has been read. */
export type ReadEngraving = { readonly box: OrientedBox } & (
  | { readonly kind: 'symbol'; readonly recognition: Recognition }
  | { readonly kind: 'text'; readonly reading: TextReading }
)

/** Everything that is read from one picture. */
export interface FrameReading {
  readonly view: LensView
  /** Empty where no lens is seen. */
  readonly engravings: readonly ReadEngraving[]
  /** What each stage took, ms. */
  readonly timing: { readonly locate: number; readonly symbols: number; readonly texts: number }
}
