"""Reads the drawings, printed references and the two small Omniglot background sets (none of it ships)."""
from __future__ import annotations

import io
import os
import zipfile
from pathlib import Path
from typing import Dict, List

import numpy as np
from PIL import Image

ALPHABETS_LEFT_OUT_PER_FOLD = 2


def shared() -> Path:
    """The folder that POINCON_SHARED names, with `data/engravings` and `data/omniglot` in it."""
    return Path(os.environ["POINCON_SHARED"]) / "data"


def grey(path_or_file: object) -> np.ndarray:
    """8-bit grey; transparent parts count as white paper; luma (299 R + 587 G + 114 B + 500) // 1000."""
    image = Image.open(path_or_file)  # type: ignore[arg-type]
    if image.mode == "L":
        return np.asarray(image)
    if image.mode == "1":
        return np.asarray(image.convert("L"))
    rgba = np.asarray(image.convert("RGBA")).astype(int)
    alpha = rgba[..., 3:]
    rgb = (rgba[..., :3] * alpha + 255 * (255 - alpha) + 127) // 255
    return ((rgb @ np.array([299, 587, 114]) + 500) // 1000).astype(np.uint8)


def drawings() -> Dict[str, List[np.ndarray]]:
    root = shared() / "engravings" / "drawings"
    return {c.name: [grey(f) for f in sorted(c.glob("*.png"))] for c in sorted(root.iterdir())}


def references() -> Dict[str, np.ndarray]:
    return {f.stem: grey(f) for f in sorted((shared() / "engravings" / "references").glob("*.png"))}


def omniglot() -> Dict[str, Dict[str, List[np.ndarray]]]:
    """alphabet -> character -> 20 drawings by the same 20 people in order. Eight alphabets: two are in both sets."""
    found: Dict[str, Dict[str, List[np.ndarray]]] = {}
    for name in ("images_background_small1", "images_background_small2"):
        with zipfile.ZipFile(shared() / "omniglot" / f"{name}.zip") as z:
            files = sorted(f for f in z.namelist() if f.endswith(".png") and "__MACOSX" not in f)
            here: Dict[str, Dict[str, List[np.ndarray]]] = {}
            for f in files:
                _, alphabet, character, _ = f.split("/")
                here.setdefault(alphabet, {}).setdefault(character, []).append(grey(io.BytesIO(z.read(f))))
            for alphabet, characters in here.items():
                found.setdefault(alphabet, characters)
    return found


def fold_classes(names: List[str], fold: int) -> List[str]:
    """The twelve classes that fold 0..3 leaves out: a seeded shuffle, cut in four."""
    order = np.random.default_rng(7).permutation(len(names))
    return sorted(names[i] for i in order[fold * len(names) // 4 : (fold + 1) * len(names) // 4])


def fold_alphabets(names: List[str], fold: int) -> List[str]:
    """Two of the eight alphabets per fold: each is left out once."""
    return sorted(names)[2 * fold : 2 * fold + 2]


def held_out(count: int) -> List[int]:
    """Which drawings of a class are kept for testing: every fourth, from the third."""
    return list(range(2, count, 4))
