"""Thousands of made-up symbols from our own strokes: words, framed letters, pictograms, mirrored and random scribbles.

Classes come in families of three: a symbol and two near relatives (one part added, left out, moved, mirrored or
changed), so that training meets the pairs that are easily confused.
"""
from __future__ import annotations

from typing import List, Tuple

import numpy as np

from glyphs import FIGURES, GLYPHS, LETTERS, curve, line

Strokes = List[np.ndarray]
POINTS = 640
MAX_STROKES = 24


def place(s: Strokes, box: Tuple[float, float, float, float]) -> Strokes:
    x, y, w, h = box
    return [p * [w, h] + [x, y] for p in s]


def warp(s: Strokes, rng: np.random.Generator, amount: float) -> Strokes:
    """A smooth change of the whole: what makes one class's letter differ from another's."""
    k, phase, size = rng.normal(0, 3, (2, 2, 2)), rng.uniform(0, 6.3, (2, 2)), rng.normal(0, amount, (2, 2))
    m = np.eye(2) + rng.normal(0, amount * 2, (2, 2))
    out = []
    for p in s:
        q = p @ m
        shift = sum(np.sin(q @ k[i].T + phase[i]) * size[i] for i in range(2))
        out.append(q + shift)
    return out


def glyph(rng: np.random.Generator) -> Strokes:
    r = rng.random()
    if r < 0.4:
        return warp(GLYPHS[LETTERS[rng.integers(len(LETTERS))]], rng, 0.04)
    if r < 0.8:
        return warp(GLYPHS[FIGURES[rng.integers(len(FIGURES))]], rng, 0.04)
    return scribble(rng)


def scribble(rng: np.random.Generator) -> Strokes:
    s: Strokes = []
    for _ in range(rng.integers(1, 4)):
        n = rng.integers(2, 6)
        p = np.cumsum(rng.normal(0, 0.38, (n, 2)), axis=0) + rng.uniform(0.1, 0.9, 2)
        if s and rng.random() < 0.6:
            anchor = s[rng.integers(len(s))]
            p += anchor[rng.integers(len(anchor))] - p[0]
        closed = n > 2 and rng.random() < 0.25
        s.append(curve(p, closed) if rng.random() < 0.65 else line(p, closed))
    return s


def word(rng: np.random.Generator) -> Strokes:
    s: Strokes = []
    for i in range(rng.integers(2, 5)):
        name = LETTERS[rng.integers(len(LETTERS))] if rng.random() < 0.75 else FIGURES[rng.integers(len(FIGURES))]
        h = rng.uniform(0.8, 1.0)
        s += place(warp(GLYPHS[name], rng, 0.03), (i * rng.uniform(0.8, 0.95), 1 - h, 0.72, h))
    return s


def row(rng: np.random.Generator) -> Strokes:
    s: Strokes = []
    for i in range(rng.integers(2, 5)):
        s += place(GLYPHS[FIGURES[rng.integers(12)]], (i * 1.6, 0, 1, 1))
        if i and rng.random() < 0.7:
            s += place(GLYPHS["dash"], (i * 1.6 - 0.45, 0, 0.3, 1))
    return s


def pictogram(rng: np.random.Generator) -> Strokes:
    s: Strokes = []
    for _ in range(rng.integers(2, 6)):
        w, h = rng.uniform(0.25, 0.9, 2)
        s += place(glyph(rng), (rng.uniform(0, 1.2 - w), rng.uniform(0, 1.2 - h), w, h))
    return s


def mirrored(rng: np.random.Generator) -> Strokes:
    s = place(scribble(rng) if rng.random() < 0.6 else glyph(rng), (0, 0, 0.6, 1))
    n = rng.choice([2, 2, 2, 3, 4, 5, 6])
    if n == 2:
        return s + [p * [-1, 1] for p in s]
    turns = [np.array([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]]) for a in np.arange(n) * 2 * np.pi / n]
    return [p @ t for t in turns for p in (s[:2])]


def arcs(rng: np.random.Generator) -> Strokes:
    """Concentric arcs or parallel bars with something at the end: signals, combs, roads."""
    s: Strokes = []
    centre, a0 = rng.uniform(0.2, 0.8, 2), rng.uniform(0, 6.3)
    span, straight = rng.uniform(1, 3), rng.random() < 0.35
    for i in range(rng.integers(2, 5)):
        r = 0.3 + 0.25 * i
        a = np.linspace(a0, a0 + span, 14)[:, None]
        p = np.hstack([np.cos(a), np.sin(a)]) * r
        s.append(line(np.vstack([p[0], p[-1]]), False) + (centre if straight else 0) if straight else p + centre)
    return s + place(glyph(rng), (centre[0] - 0.2, centre[1] - 0.2, 0.4, 0.4))


def decorate(s: Strokes, rng: np.random.Generator) -> Strokes:
    """One part more: a frame, brackets, bars, accent, rays, a dot, a stroke through."""
    p = np.vstack(s)
    (x0, y0), (x1, y1) = p.min(0), p.max(0)
    w, h, g = x1 - x0 + 0.02, y1 - y0 + 0.02, rng.uniform(0.08, 0.22) * max(x1 - x0, y1 - y0) + 0.02
    kind = rng.integers(10)
    side = rng.integers(4)
    if kind == 0:
        frame = ["square", "circle", "diamond", "hexagon", "parallelogram", "oval", "triangle", "house"][rng.integers(8)]
        grow = 0.25 if frame == "square" else 0.55
        return s + place(GLYPHS[frame], (x0 - g - w * grow / 2, y0 - g - h * grow / 2, w * (1 + grow) + 2 * g, h * (1 + grow) + 2 * g))
    if kind in (1, 2):
        names = [("arc-left", "arc-right"), ("angle", "triangle-right"), ("tall", "tall"), ("cup", "cup")][min(3, rng.integers(6) // 2)]
        left = place(GLYPHS[names[0]], (x0 - g - 0.5 * h, y0 - 0.1 * h, 0.5 * h, 1.2 * h))
        right = place([q * [-1, 1] + [1, 0] for q in GLYPHS[names[0]]], (x1 + g, y0 - 0.1 * h, 0.5 * h, 1.2 * h))
        return s + (left + right if side < 2 else left if side == 2 else right)
    if kind in (3, 4):
        over = place(GLYPHS["dash"], (x0 - 0.1 * w, y0 - g - 0.5, 1.2 * w, 1))
        under = place(GLYPHS["dash"], (x0 - 0.1 * w, y1 + g - 0.5, 1.2 * w, 1))
        return s + (over + under if side == 0 else over if side == 1 else under)
    if kind in (5, 6):
        name = ["chevron", "arc-up", "dot", "dash", "wave", "chevron-down", "triangle", "circle"][rng.integers(8)]
        box = [(x0 + w * 0.2, y0 - g - 0.35 * h, w * 0.6, 0.35 * h), (x0 + w * 0.2, y1 + g, w * 0.6, 0.35 * h),
               (x1 + g, y0 + 0.3 * h, 0.4 * w, 0.4 * h), (x0 - g - 0.4 * w, y0 + 0.3 * h, 0.4 * w, 0.4 * h)][side]
        return s + place(GLYPHS[name], box)
    if kind == 7:
        c, r = (p.min(0) + p.max(0)) / 2, max(w, h) * 0.62
        n = rng.integers(4, 10)
        a = np.arange(n) * 2 * np.pi / n + rng.uniform(0, 1)
        return s + [line(np.array([c + r * d, c + r * 1.35 * d]), False) for d in np.stack([np.cos(a), np.sin(a)], 1)]
    if kind == 8:
        return s + place(GLYPHS[["slash", "backslash", "dash", "wave", "I"][rng.integers(5)]], (x0 - 0.1 * w, y0 - 0.1 * h, 1.2 * w, 1.2 * h))
    return s + place(glyph(rng), (x1 + g, y0, 0.6 * h, h) if side < 2 else (x0, y1 + g, w, 0.6 * h))


def symbol(rng: np.random.Generator) -> Strokes:
    make = [glyph, glyph, scribble, word, word, row, pictogram, mirrored, arcs, scribble][rng.integers(10)]
    s = make(rng)
    while rng.random() < 0.45 and len(s) < 12:
        s = decorate(s, rng)
    return s[:MAX_STROKES]


def relative(s: Strokes, rng: np.random.Generator) -> Strokes:
    """A different symbol that looks much like `s`."""
    kind = rng.integers(7)
    if kind == 0 and len(s) > 1:
        s = [p for i, p in enumerate(s) if i != rng.integers(len(s))] or s
        return s
    if kind == 1:
        return [p * [-1, 1] for p in s]
    if kind == 2:
        return [p * [1, -1] for p in s] if rng.random() < 0.5 else [p[:, ::-1] * [1, -1] for p in s]
    if kind == 3:
        s, i = list(s), rng.integers(len(s))
        c = s[i].mean(0)
        s[i] = warp(place(glyph(rng), (c[0] - 0.3, c[1] - 0.3, 0.6, 0.6)), rng, 0.02)[0]
        return s
    return decorate(s, rng)[:MAX_STROKES]


def sample(s: Strokes, rng: np.random.Generator) -> Tuple[np.ndarray, np.ndarray, np.ndarray]:
    """POINTS points evenly along the ink: place (0..1 box kept in shape), stroke number, position along the stroke."""
    p = np.vstack(s)
    lo, size = p.min(0), max(np.ptp(p, axis=0).max(), 1e-6)
    lengths = [np.linalg.norm(np.diff(q, axis=0), axis=1) for q in s]
    total = sum(float(n.sum()) for n in lengths) + 1e-9
    xy, ids, along = [], [], []
    for i, (q, n) in enumerate(zip(s, lengths)):
        count = max(2, int(round(POINTS * n.sum() / total)))
        t = np.linspace(0, 1, count)
        at = np.concatenate([[0], np.cumsum(n)]) / max(float(n.sum()), 1e-9)
        xy.append(np.stack([np.interp(t, at, q[:, 0]), np.interp(t, at, q[:, 1])], 1))
        ids.append(np.full(count, min(i, MAX_STROKES - 1)))
        along.append(t)
    pick = np.sort(rng.permutation(sum(map(len, xy)))[:POINTS])
    pick = np.pad(pick, (0, POINTS - len(pick)), mode="edge")
    return ((np.vstack(xy) - lo) / size)[pick], np.concatenate(ids)[pick], np.concatenate(along)[pick]


def apart(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether two samples differ by more than a drawer's freedom: a part farther than 0.14 of the size from the other."""
    d = np.linalg.norm((a - a.max(0) / 2)[::8, None] - (b - b.max(0) / 2)[None, ::8], axis=2)
    return bool(max(np.sort(d.min(0))[-3], np.sort(d.min(1))[-3]) > 0.14)


def families(count: int, seed: int) -> Tuple[np.ndarray, np.ndarray, np.ndarray]:
    """`count` families of three classes: points (3 count, POINTS, 2), stroke numbers, positions along."""
    rng = np.random.default_rng(seed)
    out = []
    while len(out) < 3 * count:
        s = symbol(rng)
        family = [sample(s, rng)]
        for _ in range(12):
            other = sample(relative(s, rng), rng)
            if len(family) < 3 and all(apart(other[0], f[0]) for f in family):
                family.append(other)
        if len(family) == 3:
            out += family
    xy, ids, along = zip(*out)
    return np.stack(xy).astype(np.float32), np.stack(ids).astype(np.int8), np.stack(along).astype(np.float16)
