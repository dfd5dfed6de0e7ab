"""What else a printed picture may be drawn as: a small part left out, bold parts as outlines.

This file is the reference of ../engraving-embedder/PREPROCESSING.md, "Likenesses"; gateway/vision/likenesses.ts does the same.
"""
from __future__ import annotations

from typing import List, Sequence, Tuple

import numpy as np
from scipy import ndimage

from preprocess import Ink, centres, crop

FEWEST, MOST_REGIONS = 2, 6
SMALL = 0.3
CORE = 25


def without_parts(ink: Ink) -> List[Ink]:
    """Ink of two to six regions, each time without one that has at most SMALL of the ink's pixels."""
    numbers, sizes = np.unique(ink.regions[ink.regions > 0], return_counts=True)
    if not FEWEST <= len(numbers) <= MOST_REGIONS:
        return []
    return [without(ink, n) for n, size in zip(numbers, sizes) if size <= SMALL * sizes.sum()]


def without(ink: Ink, number: int) -> Ink:
    """Removes what lies within two work pixels of the region, but not within one of another."""
    kept = np.where(ink.regions == number, 0, ink.regions)
    gone = near(ink.regions == number, 2) & ~near(kept > 0, 1)
    h, w = ink.signed.shape
    y = np.floor((np.arange(h) + 0.5) * gone.shape[0] / h).astype(int)
    x = np.floor((np.arange(w) + 0.5) * gone.shape[1] / w).astype(int)
    return Ink(np.where(gone[y][:, x], 0.0, ink.signed), centres(kept, h, w), ink.sigma, kept)


def near(mask: np.ndarray, distance: int) -> np.ndarray:
    return ndimage.maximum_filter(mask, 2 * distance + 1, mode="constant")


def outlined(x: np.ndarray) -> Tuple[np.ndarray, int]:
    """A network input less its 5 x 5 minimum, brought back to a largest value of 1; and how many pixels that minimum fills."""
    core = ndimage.minimum_filter(x, 5, mode="constant")
    rest = x - core
    return (rest / max(float(rest.max()), 1e-6)).astype(np.float32), int((core > 0.5).sum())


def enrolled(ink: Ink, angles: Sequence[float]) -> np.ndarray:
    """Network inputs of a picture at all angles (0 is the first), then those of its likenesses, which only a bold picture has."""
    own = [crop(ink, a) for a in angles]
    if outlined(own[0])[1] <= CORE:
        return np.stack(own)
    parts = [crop(v, a) for v in without_parts(ink) for a in angles]
    return np.stack(own + parts + [outlined(x)[0] for x in own])
