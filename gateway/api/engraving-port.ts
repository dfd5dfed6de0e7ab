import { z } from 'zod'

const share = z.number().min(0).max(1)
const candidate = z.object({
  symbol: z.string(),
  similarity: z.number().max(1).describe('To the nearest picture of it: a cosine, at most 1.'),
})
const matched = {
  candidates: z.array(candidate).describe('The nearest symbols, nearest first, whatever was decided.'),
  gallery: z.object({ symbols: z.int().min(0).describe('How many were asked; 0: nobody enrolled one yet.') }),
}

/** What a picture is said to show. */
export const engravingMatch = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('known'), symbol: z.string(), confidence: share, ...matched }),
  z.object({
    kind: z.literal('one-of').describe('Not told apart here: a person does.'),
    symbols: z.array(z.string()),
    confidence: share,
    ...matched,
  }),
  z.object({ kind: z.literal('unknown').describe('Nothing that was enrolled is near enough.'), ...matched }),
  z.object({ kind: z.literal('blank').describe('No ink stands out of the background.'), ...matched }),
])
export type EngravingMatch = z.infer<typeof engravingMatch>

/** The symbols that can be recognised. */
export const symbolList = z.object({
  symbols: z
    .array(
      z.object({
        symbol: z.string(),
        tags: z.array(z.string()),
        examples: z.int().min(1).describe('Pictures that were enrolled.'),
        first_at: z.iso.datetime(),
        last_at: z.iso.datetime(),
        lenses: z.int().min(0).describe('Lenses of the catalogue that carry it.'),
      }),
    )
    .describe('By name.'),
})
export type SymbolList = z.infer<typeof symbolList>

/** What became of an enrolment. */
export const enrolled = z.object({
  symbol: z.string(),
  added: z.boolean().describe('False: this very picture was there already.'),
  examples: z.int().min(1),
  tags: z.array(z.string()).describe('All that it has now.'),
})
export type Enrolled = z.infer<typeof enrolled>

export const DOUBTS = ['existing', 'similar'] as const
export type Doubt = (typeof DOUBTS)[number]

/** Why an enrolment waits for somebody to say that they are sure. */
export const conflict = z.discriminatedUnion('kind', [
  z.object({
    kind: z
      .literal('existing')
      .describe('There is a symbol of this name: the picture would be one more of it.'),
    examples: z.int().min(1),
  }),
  z.object({
    kind: z.literal('similar').describe('The picture is taken for another symbol.'),
    symbol: z.string(),
    similarity: z.number().max(1),
  }),
])
export type Conflict = z.infer<typeof conflict>

export interface Enrolment {
  readonly symbol: string
  /** PNG or JPEG, as it came. */
  readonly picture: Uint8Array
  /** Who says so. */
  readonly by: string
  readonly tags: readonly string[]
  /** What the person was told, and means all the same. */
  readonly sure: readonly Doubt[]
}

/**
 * Why a picture is not looked at: it is none, it is cut off, it has too many or too few pixels, nothing stands out of it,
 * or nobody can look now: no model, too many questions, what looks is being started anew.
 */
export type EngravingFault = 'not-an-image' | 'damaged' | 'too-large' | 'too-small' | 'blank' | 'unavailable'

export class EngravingRefusal extends Error {
  override readonly name = 'EngravingRefusal'
  readonly fault: EngravingFault

  constructor(fault: EngravingFault, message: string, options?: ErrorOptions) {
    super(message, options)
    this.fault = fault
  }
}

/** What the API needs of those who recognise engravings. */
export interface Engravings {
  /** @param top how many candidates are told, 1 or more @throws EngravingRefusal */
  match(picture: Uint8Array, top: number): Promise<EngravingMatch>
  /** @returns what stands against it, where nobody has said that they are sure @throws EngravingRefusal */
  enrol(enrolment: Enrolment): Promise<Enrolled | readonly Conflict[]>
  /** @returns whether there was one */
  forget(symbol: string): Promise<boolean>
  symbols(): Promise<SymbolList>
  /** A small PNG of its first picture, and what changes when that does; undefined: no such symbol. */
  picture(symbol: string): Promise<{ readonly version: string; readonly png: Uint8Array } | undefined>
}
