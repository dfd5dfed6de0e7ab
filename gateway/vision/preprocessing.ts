/**
 * Raised with every change of what a picture puts into the gallery (ink, crop, angles, likenesses): kept embeddings and learnt
 * heads of another version are not used.
 */
export const PREPROCESSING = 1
