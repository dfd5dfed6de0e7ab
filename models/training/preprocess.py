"""From an 8-bit grey picture to the network's 64 x 64 input, in plain arithmetic.

This file is the reference of ../engraving-embedder/PREPROCESSING.md: the step numbers are the same.
The device's own version is written from that page and checked against golden.json.
"""
from __future__ import annotations

from typing import NamedTuple, Optional

import numpy as np
from scipy import ndimage

SIDE = 64
BOX = 52.0
MAX_STRETCH = 1.5
WORK = 96
FIT = 1024


class Ink(NamedTuple):
    """A flattened picture and the ink found in it."""

    signed: np.ndarray  # ink positive, background about 0, the picture's own resolution
    points: np.ndarray  # (n, 2) x, y of the ink pixels' centres, in the picture's pixels
    sigma: float  # noise of `signed`, grey levels
    regions: np.ndarray  # the work picture's size: number of the region that a pixel belongs to, 0 none


class Blank(ValueError):
    """No ink stands out of the background."""


def area_resize(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """Step 1: every output pixel is the mean of the input area that it covers."""
    return _area(_area(image, height).T, width).T


def _area(image: np.ndarray, count: int) -> np.ndarray:
    n = image.shape[0]
    total = np.concatenate([np.zeros((1, image.shape[1])), np.cumsum(image, axis=0)])
    edges = np.arange(count + 1) * (n / count)
    low = np.minimum(np.floor(edges).astype(int), n - 1)
    at = total[low] + (edges - low)[:, None] * image[low]
    return np.diff(at, axis=0) / (n / count)


def basis(height: int, width: int) -> np.ndarray:
    v, u = np.meshgrid((np.arange(height) + 0.5) / height * 2 - 1, (np.arange(width) + 0.5) / width * 2 - 1, indexing="ij")
    return np.stack([np.ones_like(u), u, v, u * u, u * v, v * v], axis=-1)


def thin(x: np.ndarray) -> np.ndarray:
    """Every n-th row and column, from the middle of the first n, so that at most about FIT values are left."""
    n = max(1, int(np.ceil(np.sqrt(x.shape[0] * x.shape[1] / FIT))))
    return x[n // 2 :: n, n // 2 :: n]


def background(work: np.ndarray) -> np.ndarray:
    """Step 2: a quadratic surface, least squares over the thinned picture, ink trimmed away in five rounds."""
    y = thin(work).reshape(-1)
    a = thin(basis(*work.shape)).reshape(-1, 6)
    keep = np.ones(len(y), bool)
    c = np.zeros(6)
    for _ in range(5):
        k = a[keep]
        c = np.linalg.solve(k.T @ k + 1e-6 * len(y) * np.eye(6), k.T @ y[keep])
        r = np.abs(y - a @ c)
        keep = r <= max(2.5 * 1.4826 * _median(r), 2.0)
    return c


def _median(x: np.ndarray) -> float:
    """The upper of the two middle values."""
    return float(np.partition(x.reshape(-1), x.size // 2)[x.size // 2])


def noise_of(work: np.ndarray) -> float:
    """White noise, grey levels: median second difference along thinned rows, over sqrt(6) (deviation of 1 -2 1)."""
    if work.shape[1] < 3:
        return 0.0
    return 1.4826 * _median(np.abs(thin(work[:, :-2] - 2 * work[:, 1:-1] + work[:, 2:]))) / np.sqrt(6)


def smooth(x: np.ndarray, rounds: int) -> np.ndarray:
    """[1 2 1] / 4 along both axes, edges repeated."""
    for _ in range(rounds):
        p = np.pad(x, ((1, 1), (0, 0)), mode="edge")
        x = (p[:-2] + 2 * p[1:-1] + p[2:]) / 4
        p = np.pad(x, ((0, 0), (1, 1)), mode="edge")
        x = (p[:, :-2] + 2 * p[:, 1:-1] + p[:, 2:]) / 4
    return x


def top_mean(x: np.ndarray, count: int) -> float:
    return float(np.partition(x.reshape(-1), -min(count, x.size))[-min(count, x.size):].mean())


def find_ink(grey: np.ndarray) -> Ink:
    """Steps 1 to 4. Raises Blank."""
    image = grey.astype(np.float64)
    scale = min(1.0, WORK / max(image.shape))
    work = image if scale == 1 else area_resize(image, *(max(1, int(n * scale + 0.5)) for n in image.shape))
    c = background(work)
    flat = work - basis(*work.shape) @ c
    sigma = noise_of(work)
    count = max(8, work.size // 100)
    soft, gain = smooth(flat, 1), 0.375
    peak = top_mean(np.abs(soft), count)
    if sigma > 0.1 * peak:
        soft, gain = (smooth(soft, 3), 0.196) if sigma < 0.25 * peak else (smooth(soft, 6), 0.149)
        peak = top_mean(np.abs(soft), count)
    spread = 1.4826 * _median(np.abs(thin(soft)))
    noise = max(gain * sigma, spread if spread < 0.15 * peak else 0.0)
    floor = max(0.2 * peak, 2.5 * noise)
    excess = np.maximum(np.abs(soft) - floor, 0)
    sign = -1.0 if excess[soft < 0].sum() >= excess[soft > 0].sum() else 1.0
    regions = components(sign * soft, count, noise)
    signed = sign * (image - basis(*image.shape) @ c)
    return Ink(signed, centres(regions, *image.shape), sigma, regions)


def centres(regions: np.ndarray, height: int, width: int) -> np.ndarray:
    y, x = np.nonzero(regions)
    return np.stack([(x + 0.5) * width / regions.shape[1], (y + 0.5) * height / regions.shape[0]], axis=1)


def components(soft: np.ndarray, count: int, noise: float) -> np.ndarray:
    """Step 4: 8-connected regions above the low threshold that reach the high one and weigh enough."""
    peak = top_mean(soft, count)
    if peak < 4.0 or peak < 3.0 * noise:
        raise Blank(f"no ink: contrast {peak:.1f} grey levels, noise {noise:.1f}")
    low, high = max(0.3 * peak, 2.5 * noise), max(0.5 * peak, 5.0 * noise)
    label, n = ndimage.label(soft > low, np.ones((3, 3)))
    index = np.arange(1, n + 1)
    tallest = ndimage.maximum(soft, label, index) if n else np.zeros(0)
    mass = ndimage.sum(soft, label, index) if n else np.zeros(0)
    good = (np.asarray(tallest) > high) & (np.asarray(mass) > 0.02 * np.sum(mass))
    if not good.any():
        raise Blank("no ink: nothing stands out of the noise")
    return np.concatenate([[0], good * index])[label]


def crop(ink: Ink, degrees: float = 0.0) -> np.ndarray:
    """Steps 5 and 6: turn by `degrees` (anticlockwise on screen), box, sample, normalise. 64 x 64, 0..1."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    turned = ink.points @ np.array([[c, -s], [s, c]])
    half = 0.5
    lo, hi = turned.min(0) - half, turned.max(0) + half
    w, h = np.maximum(hi - lo, 1.0)
    stretch = min(MAX_STRETCH, np.sqrt(max(w, h) / min(w, h)))
    sx = max(w, h) / BOX / (stretch if h > w else 1.0)
    sy = max(w, h) / BOX / (stretch if w > h else 1.0)
    n = int(min(8, max(1, np.ceil(max(sx, sy)))))
    k = (np.arange(SIDE * n) + 0.5) / n - SIDE / 2
    v, u = np.meshgrid(k * sy + (lo[1] + hi[1]) / 2, k * sx + (lo[0] + hi[0]) / 2, indexing="ij")
    x, y = c * u - s * v, s * u + c * v
    fine = bilinear(ink.signed, x - 0.5, y - 0.5)
    out = fine.reshape(SIDE, n, SIDE, n).mean(axis=(1, 3))
    level = max(top_mean(out, 64), 1e-6)
    if ink.sigma > 0.1 * level:
        out = smooth(out, 1 if ink.sigma < 0.25 * level else 2)
        level = max(top_mean(out, 64), 1e-6)
    tau = min(0.3, max(0.08, ink.sigma / level))
    return np.clip((out / level - tau) / (1 - tau), 0, 1).astype(np.float32)


def bilinear(image: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Value at pixel coordinates; 0 (background) outside the picture."""
    h, w = image.shape
    padded = np.zeros((h + 2, w + 2))
    padded[1:-1, 1:-1] = image
    x, y = np.clip(x + 1, 0, w + 0.999), np.clip(y + 1, 0, h + 0.999)
    i, j = np.floor(x).astype(int), np.floor(y).astype(int)
    fx, fy = x - i, y - j
    top = padded[j, i] * (1 - fx) + padded[j, i + 1] * fx
    bottom = padded[j + 1, i] * (1 - fx) + padded[j + 1, i + 1] * fx
    return top * (1 - fy) + bottom * fy


def network_input(grey: np.ndarray, degrees: float = 0.0, ink: Optional[Ink] = None) -> np.ndarray:
    """8-bit grey, any size, to (64, 64) float32 in 0..1, ink bright."""
    return crop(ink or find_ink(grey), degrees)
