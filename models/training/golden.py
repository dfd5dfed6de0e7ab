"""Golden vectors for the device's own preprocessing: our own glyphs drawn, spoiled, and what must come of them.

    python3 golden.py --model final.pt --out ../engraving-embedder/golden.json
"""
from __future__ import annotations

import argparse
import base64
import json
from pathlib import Path
from typing import Dict, Iterator, Tuple

import numpy as np
import torch

import likenesses
from export import load
from glyphs import GLYPHS
from preprocess import Blank, crop, find_ink


def drawn(name: str, width: int, height: int, stroke: float) -> np.ndarray:
    """A glyph in the middle half, ink 1, by distance to its points."""
    p = np.vstack([np.vstack([np.linspace(a, b, 40) for a, b in zip(s[:-1], s[1:])]) for s in GLYPHS[name]])
    p = p * min(width, height) / 2 + [width / 2 - min(width, height) / 4, height * 0.3]
    y, x = np.mgrid[:height, :width] + 0.5
    d = np.full((height, width), np.inf)
    for q in p:
        d = np.minimum(d, np.hypot(x - q[0], y - q[1]))
    return np.clip(stroke / 2 + 0.5 - d, 0, 1)


def cases() -> Iterator[Tuple[str, np.ndarray, float]]:
    rng = np.random.default_rng(2)
    yield "dark on white, 64", 255 - 255 * drawn("alpha", 64, 64, 1.2), 0
    yield "dark on white, 150 x 110", 255 - 255 * drawn("anchor", 150, 110, 3), 0
    yield "the same turned 30 degrees", 255 - 255 * drawn("anchor", 150, 110, 3), 30
    yield "bright on dark with a gradient", 60 + 90 * drawn("R", 80, 80, 2) + 0.5 * np.arange(80), 0
    yield "a quarter of the contrast, noise of 8", 140 - 64 * drawn("psi", 96, 96, 2) + rng.normal(0, 8, (96, 96)), 0
    yield "long", 255 - 255 * np.hstack([drawn("triangle", 40, 40, 1.5), drawn("square", 40, 40, 1.5), drawn("circle", 40, 40, 1.5)]), -15
    bold = np.pad(drawn("triangle", 90, 90, 11), 25)
    bold[102:111, 45:95] = 1
    yield "bold, with a bar below: has likenesses", 255 - 235 * bold, 0
    yield "blank", np.full((20, 30), 200.0), 0
    yield "one pixel", np.full((1, 1), 7.0), 0


def packed(x: np.ndarray) -> str:
    return base64.b64encode(np.ascontiguousarray(x).tobytes()).decode()


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--model", type=Path, required=True)
    p.add_argument("--out", type=Path, required=True)
    a = p.parse_args()
    net, out = load(a.model), []
    for name, picture, degrees in cases():
        grey = np.clip(np.floor(picture + 0.5), 0, 255).astype(np.uint8)
        entry: Dict[str, object] = {"name": name, "width": grey.shape[1], "height": grey.shape[0], "grey_base64": packed(grey), "degrees": degrees}
        try:
            ink = find_ink(grey)
            x = crop(ink, degrees)
            with torch.no_grad():
                e = net(torch.from_numpy(x)[None, None]).numpy()[0]
            entry.update(input_base64=packed(np.floor(x * 255 + 0.5).astype(np.uint8)), embedding=[round(float(v), 5) for v in e])
            likes = likenesses.enrolled(ink, [degrees])[1:]
            if len(likes) > 0:
                entry["likenesses_base64"] = [packed(np.floor(v * 255 + 0.5).astype(np.uint8)) for v in likes]
        except Blank as reason:
            entry["blank"] = str(reason)
        out.append(entry)
    a.out.write_text(json.dumps({"cases": out}) + "\n")


if __name__ == "__main__":
    main()
