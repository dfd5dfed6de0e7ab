"""Engraved text as a camera sees it, drawn from our stroke font and from the fonts of the machine: grooves of little depth
before a dark or a bright field or under grazing light, broken, blurred, dusty, noisy. Returns a picture and the text's box.
"""
from __future__ import annotations

import glob
import sys
from functools import lru_cache
from pathlib import Path
from typing import List, NamedTuple, Optional, Tuple

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont
from scipy.ndimage import gaussian_filter, zoom

from alphabet import drawn
from strip import Box

sys.path.append(str(Path(__file__).resolve().parent.parent))
from glyphs import FONT, strokes as strokes_of  # noqa: E402

FINE = 4  # Of the drawing, to a pixel of the picture.
HALF = FINE // 2  # Of the light, likewise.
FONT_FILES = "/usr/share/fonts/*/*/*.?tf"
# Their digits or capitals are not plain, or too bold for a groove.
LEFT_OUT = ("Black", "Heavy", "ExtraBold", "MathTeX", "OCRBE", "OCRBF", "OCRBS", "OCRBX", "Adobe", "Math", "Emoji", "Symbol")

# Beside those of glyphs.py: what it lacks, and how else a character is engraved.
MORE = {
    "j": ["~5.5,3.5 5.5,10.5 4.5,12.4 2.5,12|5.5,.8 5.5,1.4"], ".": ["~2,9.3 1.4,9.7 2,10.1 2.6,9.7 z", "2,9.2 2,10", "1.4,9 2.6,9 2.6,10.2 1.4,10.2 z"],
    "-": ["1,6 6,6", "1,5 5,5"], "/": ["1,10 6,0", "1,10.5 5,-.5"], "+": ["3.5,2.5 3.5,9.5|0,6 7,6", "3.5,2 3.5,8|.5,5 6.5,5"],
    "*": ["3,0 3,5|.8,1.2 5.2,3.8|5.2,1.2 .8,3.8", "3,0 3,4|1,1 5,3|5,1 1,3|0,2 6,2"], "_": ["0,11 6,11", "0,10 6,10", "0,12 7,12"],
    "0": ["~5,0 2,2.5 2,7.5 5,10 8,7.5 8,2.5 z", "~5,0 2.6,2 2.4,8 5,10 7.6,8 7.4,2 z", "~4.5,0 2.2,3 2.2,7 4.5,10 6.8,7 6.8,3 z"],
    "1": ["3,2 5.5,0 5.5,10", "2.5,3 5.5,0 5.5,10", "3,2 5.5,0 5.5,10|3,10 8,10", "4,1.4 5.5,0 5.5,10"],
    "2": ["~2,2.4 4.6,.1 7.8,2 6.5,5 2,10|2,10 8.3,10", "~2,3 2.6,.8 5,0 7.4,.9 7.6,3.4 5.5,6.2 2,10|2,10 7.6,10"],
    "3": ["~2,1.5 5,0 7.6,2 6,4.6 4.4,4.8 7.8,6.4 6.5,9.6 4,10 2,8.5", "2,0 7.5,0 4.5,4|~4.5,4 7.6,5.2 7.6,8.4 5,10 2,8.6"],
    "4": ["7,10 7,0 1,7 9,7", "6,10 6,0 1,7 8,7", "6,10 6,4|4.5,0 1,7 8,7"],
    "5": ["8,0 3,0 2.5,4.5|~2.5,4.5 5.5,3.8 8,6 7,9.3 4,10 2,8.6", "7.5,0 2.6,0 2.4,4.8|~2.4,4.8 5,4 7.6,5.4 7.6,8.2 5,10 2,8.8"],
    "6": ["~7.5,.6 4.5,2 2.2,6.5 4,9.8 7.2,9 7.6,6.5 5,5.2 2.6,7", "~7.4,1.6 5.4,0 3,1.4 2.2,5 2.8,8.8 5,10 7.4,8.8 7.6,6 5.2,4.4 2.4,6.4", "~6,0 3,4 2.3,7.4 5,10 7.7,7.4 5,4.8 2.6,6.4"],
    "7": ["1.5,0 8.5,0 4,10", "1.5,0 8,0 4.5,10|3.6,5 7.4,5", "1.5,1.4 1.5,0 8,0 4,10"],
    "9": ["~7.5,3.4 5,5 2.4,3 4.8,.1 7.5,2 7,7 4.5,10", "~7.6,3.6 4.8,5.6 2.4,4 2.6,1.2 5,0 7.2,1.2 7.8,5 7,8.6 4.6,10 2.6,8.4", "~4,10 7,6 7.7,2.6 5,0 2.3,2.6 5,5.2 7.4,3.6"],
    "A": [FONT["A"], "1,10 5,0 9,10|2.2,7 7.8,7"], "G": [FONT["G"], "~8.5,2 6,.2 3,1 1.5,5 3,9 6,9.8 8.5,8|8.5,8 8.5,5.4 5.6,5.4", "~8.4,1.8 5.4,0 2,2.4 1.6,6 3,9.2 6,10 8.6,8.6|8.6,10 8.6,5.6 6,5.6"],
    "I": ["5,0 5,10", "5,0 5,10", "5,0 5,10|3.2,0 6.8,0|3.2,10 6.8,10"], "J": [FONT["J"], "~6,0 6,7.5 4.6,9.8 2.4,9 2,7.2", "4,0 7,0|~7,0 7,7 5.5,9.7 3,9.4 2,7.5"],
    "K": [FONT["K"], "2,0 2,10|8,0 2,5 8,10"], "M": [FONT["M"], "1,10 1,0 5,6 9,0 9,10", "1,10 1,0 5,10 9,0 9,10"], "O": [FONT["O"], "~5,0 1.2,2 .8,5 1.2,8 5,10 8.8,8 9.2,5 8.8,2 z"],
    "Q": [FONT["Q"], "~5,0 1.2,2 .8,5 1.2,8 5,10 8.8,8 9.2,5 8.8,2 z|6,7 9.4,10.6"], "R": [FONT["R"], "2,0 2,10|2,0 6,0|~6,0 8,1.2 8,4 6,5.2|6,5.2 2,5.2|4.6,5.2 8,10"],
    "P": [FONT["P"], "2,0 2,10|2,0 6,0|~6,0 8,1.2 8,4.2 6,5.4|6,5.4 2,5.4"], "U": [FONT["U"], "2,0 2,7|~2,7 3,9.4 5,10 7,9.4 8,7|8,7 8,0"], "W": [FONT["W"], "0,0 2.5,10 5,0 7.5,10 10,0"],
    "Y": [FONT["Y"], "1,0 5,5.6 9,0|5,5.6 5,10"], "Z": [FONT["Z"], "1,0 8,0 1,10 8,10"], "a": [FONT["a"], "~2.6,4.2 5,3.3 7.4,4.4 7.4,8 7.6,10|~7.4,6.4 4,6.4 2.2,8 3.4,10 6,9.6 7.4,8"],
    "t": ["5,0 5,10|2.5,3.3 7.5,3.3", "~5,1 5,8 6,9.8 7.4,9.6|3,3.5 7.4,3.5"], "y": [FONT["y"], "~2.4,3.5 2.6,7 5,8.4 7.4,7|~7.6,3.5 7.6,10 6,12.4 3,11.8"],
}


class Drawing(NamedTuple):
    """Depth 0..1, HALF times as fine as the picture; the text's ink box, FINE times as fine."""
    depth: np.ndarray
    box: Tuple[float, float, float, float]


@lru_cache(maxsize=None)
def fonts() -> List[str]:
    found = [f for f in sorted(glob.glob(FONT_FILES)) if not any(word in f for word in LEFT_OUT)]
    # Thin and plain ones weigh more: nobody engraves a bold serif.
    plain = [f for f in found if not any(word in f for word in ("Bold", "Serif", "Semi"))]
    special = [f for f in plain if any(word in f for word in ("osifont", "outed", "Jura", "Hairline", "Thin", "Light", "OCR"))]
    return found + 3 * plain + 3 * special


@lru_cache(maxsize=400)
def font(path: str, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(path, size)


@lru_cache(maxsize=None)
def glyph(character: str, variant: int) -> List[np.ndarray]:
    drawn_ = MORE.get(character) or [FONT[character]]
    return [10 * s for s in strokes_of(drawn_[variant % len(drawn_)])]


def by_pen(text: str, height: float, line: float, rng: np.random.Generator) -> Drawing:
    """In our strokes; sizes in px of the picture."""
    aspect, lean, gap, hand = rng.uniform(0.65, 1.25), rng.normal(0, 0.08), rng.uniform(1.5, 4), rng.choice([0, 0.1, 0.25])
    variants = {c: 0 if rng.random() < 0.5 else int(rng.integers(3)) for c in set(text)}
    pen, ways = 0.0, []
    for c in text:
        if c == " ":
            pen += rng.uniform(3, 6)
            continue
        ss = glyph(c, variants[c])
        left, right = min(s[:, 0].min() for s in ss), max(s[:, 0].max() for s in ss)
        shift = rng.normal(0, hand, 2)
        turn = np.eye(2) + rng.normal(0, 0.1 * hand, (2, 2))
        for s in ss:
            p = (s - [left, 0]) @ turn + [pen, 0] + shift
            ways.append(np.stack([p[:, 0] * aspect + (10 - p[:, 1]) * lean, p[:, 1]], 1))
        pen += right - left + gap
    low, high = np.min([w.min(0) for w in ways], 0), np.max([w.max(0) for w in ways], 0)
    scale = FINE * height / 10
    pad = FINE * (0.9 * height + 8)
    size = (high - low) * scale + 2 * pad
    image = Image.new("L", (int(size[0]) + 1, int(size[1]) + 1))
    draw, width = ImageDraw.Draw(image), max(2, int(round(FINE * line)))
    for w in ways:
        draw.line([tuple(p) for p in (w - low) * scale + pad], fill=255, width=width, joint="curve")
    reach = FINE * (line / 2 + 0.5)
    box = (pad - reach, pad - reach, size[0] - pad + reach, size[1] - pad + reach)
    return Drawing(gaussian_filter(halved(np.asarray(image, np.float32) / 255), 0.25 * HALF * line), box)


def by_font(text: str, height: float, line: float, rng: np.random.Generator) -> Optional[Drawing]:
    """In a font of the machine, filled or as its outline; None where the font cannot."""
    path = fonts()[rng.integers(len(fonts()))]
    face = font(path, int(round(FINE * height / 0.72 / 4) * 4))
    try:
        return in_face(text, face, height, line, rng)
    except OSError:
        return None


def in_face(text: str, face: ImageFont.FreeTypeFont, height: float, line: float, rng: np.random.Generator) -> Optional[Drawing]:
    left, top, right, bottom = face.getbbox(text)
    if right - left < 2 or bottom - top < 2:
        return None
    pad = int(FINE * (0.9 * height + 8))
    spread = rng.uniform(0, 0.15) * FINE * height if rng.random() < 0.4 else 0
    image = Image.new("L", (int(right - left + spread * len(text)) + 2 * pad, bottom - top + 2 * pad))
    draw, at = ImageDraw.Draw(image), float(pad - left)
    if spread:
        for c in text:
            draw.text((at, pad - top), c, fill=255, font=face)
            at += face.getlength(c) + spread
    else:
        draw.text((at, pad - top), text, fill=255, font=face)
    if rng.random() < 0.25:
        k = 2 * max(1, int(round(FINE * line / 2))) + 1
        grown = np.asarray(image.filter(ImageFilter.MaxFilter(k)), np.float32)
        image = Image.fromarray(np.clip(grown - np.asarray(image), 0, 255).astype(np.uint8))
    ink = np.asarray(image, np.float32) / 255
    ys, xs = np.flatnonzero(ink.max(1) > 0.3), np.flatnonzero(ink.max(0) > 0.3)
    if len(ys) == 0:
        return None
    reach = FINE * 0.7
    return Drawing(gaussian_filter(halved(ink), HALF * rng.uniform(0.15, 0.4)), (xs[0] - reach, ys[0] - reach, xs[-1] + 1 + reach, ys[-1] + 1 + reach))


def cloud(shape: Tuple[int, int], length: float, rng: np.random.Generator) -> np.ndarray:
    """A field of 0..1 that changes over about `length` pixels."""
    rows, columns = (int(n / length) + 3 for n in shape)
    field = zoom(rng.random((rows, columns), np.float32), (shape[0] / (rows - 2), shape[1] / (columns - 2)), order=1)
    return field[: shape[0], : shape[1]]


def halved(x: np.ndarray) -> np.ndarray:
    x = x[: x.shape[0] // 2 * 2, : x.shape[1] // 2 * 2]
    return (x[::2, ::2] + x[1::2, ::2] + x[::2, 1::2] + x[1::2, 1::2]) / 4


def lit(depth: np.ndarray, line: float, rng: np.random.Generator) -> np.ndarray:
    """What a groove adds to the light, in parts of a well-lit one."""
    kind = rng.random()
    if kind < 0.25:
        return depth * rng.choice([1, 1, -1])
    angle, directed = rng.uniform(0, 2 * np.pi), rng.uniform(0, 0.85)
    gy, gx = np.gradient(depth)
    per = 2 * line * HALF / np.pi
    towards = (gx * np.cos(angle) + gy * np.sin(angle)) * per
    if kind < 0.4:
        return np.clip(towards, -1.5, 1.5)
    ring = (gx * gx + gy * gy) * per * per / 2
    walls = (1 - directed) * ring + directed * towards * towards
    return (0.35 * depth + 1.3 * np.clip(walls, 0, 1.5)) * (1 if kind < 0.8 else -1)


def dirt(shape: Tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    out = np.zeros(shape, np.float32)
    image = Image.new("L", (shape[1] * 2, shape[0] * 2))
    draw = ImageDraw.Draw(image)
    for _ in range(rng.poisson(0.5)):
        x, y, angle = rng.uniform(0, 2 * shape[1]), rng.uniform(0, 2 * shape[0]), rng.uniform(0, np.pi)
        n, bend = rng.uniform(10, 160), rng.normal(0, 0.01, 8).cumsum()
        ways = np.cumsum([[np.cos(angle + b * 8) * n / 8, np.sin(angle + b * 8) * n / 8] for b in bend], 0) + [x, y]
        draw.line([tuple(p) for p in ways], fill=int(rng.uniform(15, 160)), width=int(rng.integers(1, 4)))
    out += halved(np.asarray(image, np.float32) / 255)
    x, y = np.arange(shape[1])[None, :], np.arange(shape[0])[:, None]
    for _ in range(rng.poisson(shape[0] * shape[1] / 4000)):
        cx, cy, s = rng.uniform(0, shape[1]), rng.uniform(0, shape[0]), np.exp(rng.normal(-0.1, 0.5))
        out += (rng.uniform(0.1, 0.9) * np.exp(-((y - cy) ** 2) / (2 * s * s)) * np.exp(-((x - cx) ** 2) / (2 * s * s))).astype(np.float32)
    return out


def photographed(ink: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """8 bits, from what the groove adds to the light on the picture's own pixels."""
    hard = rng.random() < 0.25
    shape = ink.shape
    ground = rng.uniform(5, 200)
    contrast = min(rng.uniform(12, 140), 245 - ground if ink.sum() > 0 else ground)
    contrast = max(contrast, 8) * (0.5 if hard else 1)
    x, y = np.linspace(-1, 1, shape[1])[None], np.linspace(-1, 1, shape[0])[:, None]
    light = ground * (1 + rng.normal(0, 0.12) * x + rng.normal(0, 0.12) * y)
    light = light + rng.normal(0, 0.08) * ground * cloud(shape, rng.uniform(12, 60), rng)
    seen = ink + rng.choice([1, 1, 1, -1]) * dirt(shape, rng) * (1 if ink.sum() > 0 else -1)
    if rng.random() < 0.1:
        waves = np.cos((x * rng.uniform(-1, 1) * shape[1] + y * rng.uniform(-1, 1) * shape[0]) * rng.uniform(0.4, 1) + 4 * cloud(shape, 40, rng))
        seen = seen + rng.uniform(0.1, 0.3) * np.maximum(0, waves) * cloud(shape, 4, rng)
    sigma = rng.uniform(0.35, 1.0) if not hard else rng.uniform(0.6, 1.6)
    picture = gaussian_filter(light + contrast * seen, [sigma * rng.uniform(0.8, 1.25), sigma])
    picture += rng.normal(0, rng.uniform(0.4, 3) + (contrast * rng.uniform(0, 0.15) if hard else 0), shape)
    return np.clip(np.floor(picture + 0.5), 0, 255).astype(np.uint8)


def sample(rng: np.random.Generator) -> Tuple[str, np.ndarray, Box]:
    """A text, a picture of it, and its box; every twentieth picture is empty."""
    while True:
        text = drawn(rng)
        height = rng.uniform(11, 34)
        line = rng.uniform(1.0, 2.4) * max(1, height / 24)
        made = by_pen(text, height, line, rng) if rng.random() < 0.5 else by_font(text, height, line, rng)
        if made is not None:
            break
    depth = made.depth
    if rng.random() < 0.05:
        text, depth = "", np.zeros_like(depth)
    if rng.random() < 0.6:
        field = cloud(depth.shape, HALF * rng.uniform(3, 8), rng)
        depth = depth * np.clip((field - np.quantile(field[::3, ::3], rng.uniform(0, 0.3))) / 0.12 + 0.5, 0, 1)
    picture = photographed(halved(lit(depth, line, rng)), rng)
    left, top, right, bottom = (v / FINE for v in made.box)
    return text, picture, Box((left + right) / 2, (top + bottom) / 2, right - left, bottom - top, 0.0)


def jittered(box: Box, rng: np.random.Generator, strength: float = 1.0) -> Box:
    """As imprecise as a localisation: up to 15 % of the size, 4 px, 5 degrees."""
    u = lambda most: float(rng.uniform(-most, most)) * strength
    shift = min(4.0, 0.25 * box.height)
    return Box(box.x + u(shift), box.y + u(shift), box.width * (1 + u(0.15)), box.height * (1 + u(0.15)), box.angle_deg + u(5))
