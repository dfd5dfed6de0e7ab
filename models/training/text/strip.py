"""From a box on a picture to the network's input: the reference of PREPROCESSING.md in ../../engraving-text.

All arithmetic in float64; the result is in -1..1, 0 the background.
"""
from __future__ import annotations

import math
from typing import NamedTuple, Tuple

import numpy as np

HEIGHT = 32
MARGIN_Y, MARGIN_X = 0.25, 0.45  # Of the box's height, on each side.
LEAST, MOST = 16, 256
STEP = 32  # A strip is as wide as a multiple of this.
RADIUS = 8
MOST_SAMPLES = 8
LEAST_SIDE = 4.0
LEAST_SPREAD = 2.0


class Box(NamedTuple):
    x: float
    y: float
    width: float
    height: float
    angle_deg: float


def rectified(grey: np.ndarray, box: Box) -> Tuple[np.ndarray, np.ndarray]:
    """Brightness (32, W) and the share of each pixel that lies within the picture."""
    rows, columns = grey.shape
    width, height = max(box.width, LEAST_SIDE), max(box.height, LEAST_SIDE)
    sy = height * (1 + 2 * MARGIN_Y) / HEIGHT
    length = width + 2 * MARGIN_X * height
    w = min(MOST, max(LEAST, math.floor(length / sy + 0.5)))
    sx = length / w
    m = min(MOST_SAMPLES, max(1, math.ceil(max(sx, sy))))
    cos, sin = math.cos(box.angle_deg * math.pi / 180), math.sin(box.angle_deg * math.pi / 180)
    total, seen = np.zeros((HEIGHT, w)), np.zeros((HEIGHT, w))
    i, j = np.arange(w)[None, :], np.arange(HEIGHT)[:, None]
    for q in range(m):
        b = (j + (q + 0.5) / m - HEIGHT / 2) * sy
        for p in range(m):
            a = (i + (p + 0.5) / m - w / 2) * sx
            x, y = box.x + a * cos - b * sin, box.y + a * sin + b * cos
            inside = (x >= 0) & (y >= 0) & (x <= columns) & (y <= rows)
            x, y = np.clip(x - 0.5, 0, columns - 1), np.clip(y - 0.5, 0, rows - 1)
            left, top = np.floor(x).astype(int), np.floor(y).astype(int)
            right, below = np.minimum(left + 1, columns - 1), np.minimum(top + 1, rows - 1)
            fx, fy = x - left, y - top
            upper = grey[top, left] * (1 - fx) + grey[top, right] * fx
            lower = grey[below, left] * (1 - fx) + grey[below, right] * fx
            total += np.where(inside, upper * (1 - fy) + lower * fy, 0)
            seen += inside
    return total / np.maximum(seen, 1), seen / (m * m)


def box_sums(x: np.ndarray) -> np.ndarray:
    """Of 17 x 17 pixels about each, as far as there are any."""
    for axis in (0, 1):
        n = x.shape[axis]
        sums = np.concatenate([np.zeros_like(np.take(x, [0], axis)), np.cumsum(x, axis)], axis)
        at = np.arange(n)
        x = np.take(sums, np.minimum(n, at + RADIUS + 1), axis) - np.take(sums, np.maximum(0, at - RADIUS), axis)
    return x


def levelled(values: np.ndarray, seen: np.ndarray) -> np.ndarray:
    weight = box_sums(seen)
    ground = values
    for _ in range(2):
        ground = np.where(weight > 0, box_sums(ground * seen) / np.where(weight > 0, weight, 1), 0)
    x = (values - ground) * seen
    spread = max(2 * float(np.abs(x).sum()) / max(float(seen.sum()), 1.0), LEAST_SPREAD)
    return x / (np.abs(x) + spread)


def strip(grey: np.ndarray, box: Box) -> np.ndarray:
    """The input, in 0..1 with 0.5 the background, as wide as a multiple of STEP."""
    x = levelled(*rectified(grey, box))
    out = np.full((HEIGHT, -(-x.shape[1] // STEP) * STEP), 0.5)
    out[:, : x.shape[1]] = (x + 1) / 2
    return out
