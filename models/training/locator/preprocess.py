"""A grey picture to the network's two planes; `PREPROCESSING.md` of `models/lens-locator` says the same in words.

Every array is 64-bit; the device computes the same (`locate-planes.ts`, `golden.json`).
"""
from __future__ import annotations

import numpy as np

TILE = 16
FLOOR = 0.25
SOFT = 4.0


def halved(grey: np.ndarray) -> np.ndarray:
    """Mean of each 2 x 2 pixels."""
    g = grey.astype(np.float64)
    return (g[0::2, 0::2] + g[0::2, 1::2] + g[1::2, 0::2] + g[1::2, 1::2]) / 4


def tiles(half: np.ndarray) -> np.ndarray:
    """[rows, columns, TILE * TILE]"""
    h, w = half.shape
    return half.reshape(h // TILE, TILE, w // TILE, TILE).transpose(0, 2, 1, 3).reshape(h // TILE, w // TILE, -1)


def neighbours(grid: np.ndarray) -> np.ndarray:
    """Each cell's 3 x 3, the border repeated; [9, rows, columns]"""
    wide = np.pad(grid, 1, mode="edge")
    h, w = grid.shape
    return np.stack([wide[y:y + h, x:x + w] for y in range(3) for x in range(3)])


def between(grid: np.ndarray) -> np.ndarray:
    """A value for each pixel, bilinear between the middles of tiles, even beyond the outermost."""
    out = grid
    for axis in (0, 1):
        n = out.shape[axis]
        at = np.clip((np.arange(n * TILE) + 0.5) / TILE - 0.5, 0, n - 1)
        low = np.minimum(np.floor(at).astype(int), max(0, n - 2))
        share = (at - low).reshape((-1, 1) if axis == 0 else (1, -1))
        high = np.minimum(low + 1, n - 1)
        out = np.take(out, low, axis) * (1 - share) + np.take(out, high, axis) * share
    return out


def planes(half: np.ndarray) -> np.ndarray:
    """[2, height, width], 0..1: what stands out of its surroundings, in multiples of their noise; and how bright it is."""
    cut = tiles(half)
    mean = cut.mean(-1)
    spread = np.abs(cut - mean[..., None]).mean(-1)
    spread = neighbours(neighbours(spread).min(0)).mean(0)
    v = (half - between(mean)) / (SOFT * (between(spread) + FLOOR))
    return np.stack([0.5 + 0.5 * v / (1 + np.abs(v)), np.sqrt(half / 255)])
