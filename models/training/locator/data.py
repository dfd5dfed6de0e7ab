"""Pictures of `lens-pictures` as crops to train on: turned, scaled, spoiled, each with its six maps."""
from __future__ import annotations

import json
from pathlib import Path
from typing import Dict, List, Sequence, Tuple

import numpy as np
from PIL import Image, ImageDraw
from scipy.ndimage import affine_transform, gaussian_filter

from network import MAPS
from preprocess import between, halved, planes, tiles

# Side of a crop at half the picture's size.
SIDE = 224
# Of the second look: px each way, px to a millimetre, and where the mark lies.
UPRIGHT, PX_PER_MM, MARK_AT = 96, 6.4, (48, 22)
# Of a mark's peak, cells of 4 px.
PEAK = 1.6
# px of the half picture, about 5 mm: what is farther from a mark does not belong to it.
ALONE = 32


class Pictures:
    """At half size, as 64-bit means are made of them when they are used; truths in px of the half."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self.halves: List[np.ndarray] = []
        self.truths: List[Dict] = []
        for folder in folders:
            with open(folder / "pictures.bin", "rb") as pictures:
                for line in open(folder / "truth.jsonl"):
                    truth = json.loads(line)
                    w, h = truth["width"], truth["height"]
                    grey = np.frombuffer(pictures.read(w * h), np.uint8)
                    if len(grey) < w * h:
                        break
                    grey = grey.reshape(h, w)
                    truth["scale"] = 1.0 if w == 640 else 0.5
                    self.halves.append((grey if w == 640 else halved(grey)).astype(np.float32))
                    self.truths.append(truth)

    def __len__(self) -> int:
        return len(self.halves)


def corners(box: Dict, scale: float) -> np.ndarray:
    a = np.deg2rad(box["angleDeg"])
    u, v = np.array([np.cos(a), np.sin(a)]), np.array([-np.sin(a), np.cos(a)])
    w, h = box["width"] / 2 * u, box["height"] / 2 * v
    return scale * (np.array([box["x"], box["y"]]) + np.array([-w - h, w - h, w + h, -w + h]))


def covered(polygons: Sequence[np.ndarray], cells: Tuple[int, int]) -> np.ndarray:
    """Share of each cell that the polygons cover; corners in cells, x before y. Four samples each way."""
    h, w = cells
    if not polygons:
        return np.zeros(cells, np.float32)
    canvas = Image.new("L", (4 * w, 4 * h))
    draw = ImageDraw.Draw(canvas)
    for p in polygons:
        draw.polygon([(float(x), float(y)) for x, y in p * 4 - 0.5], fill=255)
    return np.asarray(canvas.reduce(4), np.float32) / 255


def ellipse(spot: Dict, scale: float) -> np.ndarray:
    """Where a mirrored lamp hides what is below: 1.2 of its half axes, from which on it is half as bright."""
    t = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    a = np.deg2rad(spot["angleDeg"])
    x, y = 1.2 * spot["semiX"] * np.cos(t), 1.2 * spot["semiY"] * np.sin(t)
    return scale * np.stack([spot["x"] + x * np.cos(a) - y * np.sin(a), spot["y"] + x * np.sin(a) + y * np.cos(a)], 1)


def targets(truth: Dict, place, cells: Tuple[int, int]) -> Tuple[np.ndarray, np.ndarray]:
    """Maps and their weights; `place` turns points of the half picture into cells."""
    s = truth["scale"]
    maps = np.zeros((len(MAPS), *cells), np.float32)
    weights = np.ones_like(maps)
    boxes: Dict[str, List[np.ndarray]] = {"symbol": [], "text": []}
    hidden: List[np.ndarray] = []
    for lens in truth["lenses"]:
        seen = [e for e in lens["engravings"] if e["covered"] <= 0.5]
        hidden += [place(corners(e["box"], s)) for e in lens["engravings"] if e["covered"] > 0.5]
        others = [s * np.array([e["box"]["x"], e["box"]["y"]]) for e in seen if e["kind"] != "alignment"]
        for e in seen:
            c = place(corners(e["box"], s))
            if e["kind"] != "alignment":
                boxes[e["kind"]].append(c)
                continue
            x, y = c.mean(0)
            if not (-8 < x < cells[1] + 8 and -8 < y < cells[0] + 8):
                continue
            across = np.exp(-(np.arange(cells[1]) + 0.5 - x) ** 2 / (2 * PEAK ** 2))
            peak = np.exp(-(np.arange(cells[0]) + 0.5 - y) ** 2 / (2 * PEAK ** 2))[:, None] * across
            middle = s * np.array([e["box"]["x"], e["box"]["y"]])
            # Where nothing stands below a mark, its side cannot be seen: it is both.
            alone = all(np.hypot(*(o - middle)) > ALONE for o in others)
            for name in ("nasal", "temporal") if alone else (e["label"],):
                maps[MAPS.index(name)] = np.maximum(maps[MAPS.index(name)], peak)
    for kind, found in boxes.items():
        maps[MAPS.index(kind)] = covered(found, cells)
    maps[4] = covered([place(s * np.array(lens["outline"])) for lens in truth["lenses"]], cells)
    bright = [r for r in truth["reflections"] if r["level"] >= 0.6]
    maps[5] = covered([place(ellipse(r, s)) for r in bright], cells)
    # What is partly hidden may be answered or not.
    if hidden:
        weights[:4, covered(hidden, cells) > 0] = 0
    return maps, weights


def crop(pictures: Pictures, which: int, rng: np.random.Generator) -> Tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Planes [3, SIDE, SIDE], maps and weights [6, SIDE / 2, SIDE / 2]."""
    half, truth = pictures.halves[which], pictures.truths[which]
    h, w = half.shape
    middle = np.array([w / 2, h / 2]) + rng.uniform(-0.5, 0.5, 2) * [w * 0.6, h * 0.6]
    groups = [e["box"] for lens in truth["lenses"] for e in lens["engravings"]]
    if groups and rng.random() < 0.85:
        b = groups[rng.integers(len(groups))]
        middle = truth["scale"] * np.array([b["x"], b["y"]]) + rng.uniform(-0.35, 0.35, 2) * SIDE
    angle, zoom = rng.uniform(0, 2 * np.pi), np.exp(rng.uniform(np.log(0.8), np.log(1.2)))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])

    def place(points: np.ndarray) -> np.ndarray:
        return ((points - middle) @ turn.T * zoom + SIDE / 2) / 2

    back = turn.T / zoom
    # Rows before columns, and centres of pixels at whole numbers.
    matrix = back[::-1, ::-1]
    offset = (middle - back @ np.array([SIDE / 2, SIDE / 2]))[::-1] + matrix @ [0.5, 0.5] - 0.5
    if rng.random() < 0.3:
        corner = np.clip(middle - SIDE / 2, 0, [w - SIDE, h - SIDE]).astype(int)
        return straight(half, truth, corner, SIDE, SIDE, rng)
    seen = affine_transform(half, matrix, offset, output_shape=(SIDE, SIDE), order=1, mode="nearest")
    maps, weights = targets(truth, place, (SIDE // 2, SIDE // 2))
    return planes_of(seen, rng), maps, weights


def upright(pictures: Pictures, which: int, rng: np.random.Generator):
    """The group of an alignment mark as the device sees it at its second look: planes and maps of UPRIGHT px each way."""
    half, truth = pictures.halves[which], pictures.truths[which]
    groups = [(lens, e["box"]) for lens in truth["lenses"] for e in lens["engravings"] if e["kind"] == "alignment"]
    if not groups:
        return upright(pictures, int(rng.integers(len(pictures))), rng)
    lens, box = groups[rng.integers(len(groups))]
    s = truth["scale"]
    per_mm = s * np.hypot(*(np.array(lens["nasalMark"]) - lens["temporalMark"])) / 34
    zoom = PX_PER_MM / per_mm * np.exp(rng.normal(0, 0.05))
    # Upside down nothing is to be found: so which way is up can be asked.
    turned = rng.random() < 0.15
    angle = -np.deg2rad(box["angleDeg"] + rng.normal(0, 1.5) + 180 * turned)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    mark, to = s * np.array([box["x"], box["y"]]), np.array(MARK_AT) + rng.normal(0, 1.5, 2)
    if rng.random() < 0.1:
        # The mark was not where it was thought.
        to = to + rng.uniform(-20, 20, 2)

    def place(points: np.ndarray) -> np.ndarray:
        return ((points - mark) @ turn.T * zoom + to) / 2

    back = turn.T / zoom
    matrix = back[::-1, ::-1]
    offset = (mark - back @ to)[::-1] + matrix @ [0.5, 0.5] - 0.5
    seen = affine_transform(half, matrix, offset, output_shape=(UPRIGHT, UPRIGHT), order=1, mode="nearest")
    maps, weights = targets(truth, place, (UPRIGHT // 2, UPRIGHT // 2))
    if turned:
        maps[:4], weights[:4] = 0, 1
    return planes_of(seen, rng, 1.0), maps, weights


def whole(pictures: Pictures, which: int, rng: np.random.Generator):
    """A picture as the device sees it, for what needs all of it."""
    half, truth = pictures.halves[which], pictures.truths[which]
    return straight(half, truth, np.zeros(2, int), *half.shape, rng)


def straight(half: np.ndarray, truth: Dict, corner: np.ndarray, height: int, width: int, rng: np.random.Generator):
    """Pixels as they are, turned by quarters only (whole pictures by halves): resampling smooths, this does not."""
    left, top = corner
    seen = half[top:top + height, left:left + width]
    maps, weights = targets(truth, lambda p: (p - corner) / 2, (height // 2, width // 2))
    quarter = int(rng.integers(4)) if height == width else 2 * int(rng.integers(2))
    turned = [np.ascontiguousarray(np.rot90(a, quarter, (-2, -1))) for a in (seen, maps, weights)]
    return planes_of(turned[0], rng), turned[1], turned[2]


def planes_of(seen: np.ndarray, rng: np.random.Generator, known: float = 0.0) -> np.ndarray:
    both = planes(spoiled(seen.astype(np.float64), rng))
    if rng.random() < 0.12:
        both[0] = 1 - both[0]
    return np.concatenate([both, np.full_like(both[:1], known)]).astype(np.float32)


def spoiled(p: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Other cameras, lamps and exposures than the simulation's."""
    if rng.random() < 0.3:
        p = gaussian_filter(p, rng.uniform(0.3, 0.9))
    if rng.random() < 0.3:
        wide = between(tiles(p).mean(-1))
        p = wide + rng.uniform(0.5, 1.3) * (p - wide)
    if rng.random() < 0.4:
        p = 255 * np.clip(p / 255, 0, 1) ** rng.uniform(0.65, 1.4)
    if rng.random() < 0.6:
        y, x = np.arange(p.shape[0])[:, None] / p.shape[0] - 0.5, np.arange(p.shape[1]) / p.shape[1] - 0.5
        a = rng.uniform(0, 2 * np.pi)
        p = p * rng.uniform(0.5, 1.8) * (1 + rng.uniform(0, 0.7) * (x * np.cos(a) + y * np.sin(a)))
    if rng.random() < 0.3:
        p = p + rng.uniform(0, 40)
    if rng.random() < 0.5:
        p = p + rng.normal(0, rng.uniform(0.2, 1.6), p.shape)
    if rng.random() < 0.05:
        p = 255 - p
    return np.round(np.clip(p, 0, 255) * 4) / 4
