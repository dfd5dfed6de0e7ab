/** A symbol that may stand on lenses. */
export interface NamedSymbol {
  readonly name: string
  readonly description: string
}

/** Lenses that a symbol is said to stand on, by somebody else's records. */
export interface KeyedLink {
  /** Of the lenses, as `lensKey` gives them. */
  readonly keys: readonly string[]
  readonly symbol: string
  /** 0 to 1. */
  readonly confidence: number
  /** RFC 3339; absent where nobody said when. */
  readonly linkedAt?: string
  /** Both or neither. */
  readonly validatedBy?: string
  readonly validatedAt?: string
}
