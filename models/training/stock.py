"""Renders the training stock: batches of made-up and of real symbols, spoiled, on disk, for every run to share.

    python3 stock.py --stock stock --batches 2000

Every picture carries its class and its original, so that a run leaves out what its split forbids.
"""
from __future__ import annotations

import argparse
from pathlib import Path
from typing import List, NamedTuple, Tuple

import numpy as np
import torch

import corpus
import real
import render

SAMPLES = 3
FAMILIES_PER_BATCH = 22
ENGRAVINGS_PER_BATCH = 16
CHARACTERS_PER_BATCH = 20
OMNIGLOT = 1000  # labels below are engraving classes in order of name
SYNTHETIC = 100_000


class Batch(NamedTuple):
    x: torch.Tensor  # (n, 64, 64), clean
    label: torch.Tensor
    original: torch.Tensor  # number of the drawing in its class; -1 the printed reference or a made-up symbol


class Synthetic:
    """Families of made-up classes, in memory."""

    def __init__(self, count: int, seed: int, cache: Path) -> None:
        path = cache / f"corpus-{count}-{seed}.npz"
        if not path.exists():
            cache.mkdir(parents=True, exist_ok=True)
            xy, ids, along = corpus.families(count, seed)
            np.savez(path, xy=xy, ids=ids, along=along)
        with np.load(path) as z:
            self.xy, self.ids, self.along = (torch.from_numpy(z[k]) for k in ("xy", "ids", "along"))
        self.count = len(self.xy) // 3

    def batch(self) -> Batch:
        f = torch.randperm(self.count)[:FAMILIES_PER_BATCH]
        cls = (f[:, None] * 3 + torch.arange(3)).flatten().repeat_interleave(SAMPLES)
        drawn = (torch.arange(len(cls)) % SAMPLES != 0) & (torch.rand(len(cls)) < 0.92)
        x = render.lines(self.xy[cls], self.ids[cls], self.along[cls].float(), drawn)
        return Batch(x, cls + SYNTHETIC, torch.full((len(cls),), -1))


class Real:
    """Engraving classes (reference and drawings) and Omniglot characters."""

    def __init__(self, cache: Path) -> None:
        found = real.inputs(cache / "inputs.npz")
        self.groups: List[Tuple[int, range]] = []
        images: List[np.ndarray] = []
        for k, c in enumerate(sorted(found.drawings)):
            self.groups.append((k, range(len(images), len(images) + 1 + len(found.drawings[c]))))
            images += [found.references[c], *found.drawings[c]]
        self.engravings = len(self.groups)
        for k, (a, c) in enumerate(real.characters(found)):
            self.groups.append((OMNIGLOT + k, range(len(images), len(images) + len(found.omniglot[a][c]))))
            images += list(found.omniglot[a][c])
        self.xy, self.weight = real.ink_pixels(np.stack(images), 1)

    def batch(self) -> Batch:
        pick: List[Tuple[int, int, int]] = []
        for g in torch.randperm(self.engravings)[:ENGRAVINGS_PER_BATCH].tolist():
            label, members = self.groups[g]
            pick += [(members[0], label, -1)]
            pick += [(members[1 + i], label, i) for i in torch.randperm(len(members) - 1)[: SAMPLES + 1].tolist()]
        for g in (self.engravings + torch.randperm(len(self.groups) - self.engravings)[:CHARACTERS_PER_BATCH]).tolist():
            label, members = self.groups[g]
            pick += [(members[i], label, i) for i in torch.randperm(len(members))[:SAMPLES].tolist()]
        i, label, original = (torch.tensor(column) for column in zip(*pick))
        return Batch(render.pixels(self.xy[i], self.weight[i], original >= 0), label, original)


def write(batch: Batch, path: Path) -> None:
    x = render.spoiled(batch.x)
    clean = torch.rand(len(x)) < 0.1
    x[clean] = batch.x[clean]
    part = path.with_suffix(".part.npz")
    np.savez(part, x=(x * 255 + 0.5).to(torch.uint8).numpy(), label=batch.label.numpy(), original=batch.original.numpy())
    part.rename(path)


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--stock", type=Path, default=Path("stock"))
    p.add_argument("--cache", type=Path, default=Path("cache"))
    p.add_argument("--kind", choices=("synthetic", "real"), required=True)
    p.add_argument("--batches", type=int, default=2000)
    p.add_argument("--families", type=int, default=4000)
    p.add_argument("--seed", type=int, default=1)
    a = p.parse_args()
    torch.manual_seed(a.seed)
    torch.set_num_threads(1)
    a.stock.mkdir(parents=True, exist_ok=True)
    source = Synthetic(a.families, a.seed, a.cache) if a.kind == "synthetic" else Real(a.cache)
    for i in range(a.batches):
        write(source.batch(), a.stock / f"{a.kind}-{a.seed}-{i:05}.npz")


if __name__ == "__main__":
    main()
