"""Drawings, references and Omniglot as network inputs, and as the weighted ink pixels that render.pixels() bends."""
from __future__ import annotations

from pathlib import Path
from typing import Dict, List, NamedTuple, Tuple

import numpy as np
import torch

import data
from preprocess import BOX, SIDE, network_input

POINTS = 1300


class Inputs(NamedTuple):
    drawings: Dict[str, np.ndarray]  # class -> (n, 64, 64)
    references: Dict[str, np.ndarray]  # class -> (64, 64)
    omniglot: Dict[str, Dict[str, np.ndarray]]  # alphabet -> character -> (20, 64, 64)


def inputs(cache: Path) -> Inputs:
    """Network inputs of all pictures, kept as 8 bits in `cache` (delete it when preprocess.py changes)."""
    if not cache.exists():
        cache.parent.mkdir(parents=True, exist_ok=True)
        found = {f"d/{c}": np.stack([_bytes(g) for g in v]) for c, v in data.drawings().items()}
        found.update({f"r/{c}": _bytes(g) for c, g in data.references().items()})
        for a, characters in data.omniglot().items():
            found.update({f"o/{a}/{c}": np.stack([_bytes(g) for g in v]) for c, v in characters.items()})
        np.savez_compressed(cache, **found)
    drawings, references, omniglot = {}, {}, {}
    with np.load(cache) as z:
        for key in z.files:
            kind, *rest = key.split("/")
            value = z[key].astype(np.float32) / 255
            if kind == "d":
                drawings[rest[0]] = value
            elif kind == "r":
                references[rest[0]] = value
            else:
                omniglot.setdefault(rest[0], {})[rest[1]] = value
    return Inputs(drawings, references, omniglot)


def _bytes(grey: np.ndarray) -> np.ndarray:
    return (network_input(grey) * 255 + 0.5).astype(np.uint8)


def ink_pixels(images: np.ndarray, seed: int) -> Tuple[torch.Tensor, torch.Tensor]:
    """(n, POINTS, 2) places in units of the box, and weights; a random part of the pixels where there are more."""
    rng = np.random.default_rng(seed)
    xy, weight = np.zeros((len(images), POINTS, 2), np.float32), np.zeros((len(images), POINTS), np.float32)
    for i, image in enumerate(images):
        y, x = np.nonzero(image > 0.12)
        pick = rng.permutation(len(y))[:POINTS]
        n = len(pick)
        xy[i, :n] = (np.stack([x[pick], y[pick]], 1) + 0.5 - SIDE / 2) / BOX + 0.5
        weight[i, :n] = image[y[pick], x[pick]] * (len(y) / n)
    return torch.from_numpy(xy), torch.from_numpy(weight)


def characters(found: Inputs) -> List[Tuple[str, str]]:
    """All Omniglot characters, in the order that numbers them."""
    return [(a, c) for a in sorted(found.omniglot) for c in sorted(found.omniglot[a])]


class Split(NamedTuple):
    """What a run may see, by original picture, before any augmentation."""

    classes: List[str]
    keep: Dict[str, List[int]]  # class -> drawings to train on
    alphabets: List[str]


def split(all_inputs: Inputs, fold: int, everything: bool) -> Split:
    """fold 0..3 leaves out twelve classes and two alphabets; -1 none. Every fourth drawing stays unseen but with `everything`."""
    names, alphabets = sorted(all_inputs.drawings), sorted(all_inputs.omniglot)
    out = data.fold_classes(names, fold) if fold >= 0 else []
    gone = data.fold_alphabets(alphabets, fold) if fold >= 0 else []
    classes = [c for c in names if c not in out]
    keep = {c: [i for i in range(len(all_inputs.drawings[c])) if everything or i not in data.held_out(len(all_inputs.drawings[c]))] for c in classes}
    return Split(classes, keep, [a for a in alphabets if a not in gone])
