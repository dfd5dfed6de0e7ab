"""Renders the training stock: batches of made-up and of real symbols, spoiled, on disk, for every run to share.

    python3 stock.py --stock stock --batches 2000

Every picture carries its class and its original, so that a run leaves out what its split forbids.
"""
from __future__ import annotations

import argparse
from pathlib import Path
from typing import Dict, List, NamedTuple, Tuple

import numpy as np
import torch

import corpus
import real
import render

SAMPLES = 3
FAMILIES_PER_BATCH = 22
ENGRAVINGS_PER_BATCH = 20
CHARACTERS_PER_BATCH = 27
OMNIGLOT = 1000  # labels below are engraving classes in order of name
TURNED = 2000  # added for each way to turn or mirror
SYNTHETIC = 100_000
COMPOSED = 10_000_000


class Batch(NamedTuple):
    x: torch.Tensor  # (n, 64, 64), clean
    label: torch.Tensor
    parts: torch.Tensor  # (n, 2, 2): label and number of each original inside; number -1: the printed reference; -2: none


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
        self.count, self.first = len(self.xy) // 3, SYNTHETIC * (1 + seed)

    def batch(self) -> Batch:
        f = torch.randperm(self.count)[:FAMILIES_PER_BATCH]
        cls = (f[:, None] * 3 + torch.arange(3)).flatten().repeat_interleave(SAMPLES)
        drawn = (torch.arange(len(cls)) % SAMPLES != 0) & (torch.rand(len(cls)) < 0.92)
        x = render.lines(self.xy[cls], self.ids[cls], self.along[cls].float(), drawn)
        return Batch(x, cls + self.first, torch.full((len(cls), 2, 2), -2))


# The eight ways to turn and mirror a square: of a symbol they make others.
WAYS = torch.tensor([[[1, 0], [0, 1]], [[-1, 0], [0, 1]], [[1, 0], [0, -1]], [[-1, 0], [0, -1]],
                     [[0, 1], [1, 0]], [[0, -1], [1, 0]], [[0, 1], [-1, 0]], [[0, -1], [-1, 0]]]).float()
Member = Tuple[int, int]  # place of the picture, number of the drawing or -1


class Real:
    """Engraving classes (reference and drawings) and Omniglot characters; of these, made anew: turned, mirrored, put together."""

    def __init__(self, cache: Path, seed: int) -> None:
        found = real.inputs(cache / "inputs.npz")
        self.engravings: List[Tuple[int, List[Member]]] = []
        self.alphabets: Dict[str, List[Tuple[int, List[Member]]]] = {}
        images: List[np.ndarray] = []
        for k, c in enumerate(sorted(found.drawings)):
            self.engravings.append((k, [(len(images) + i, i - 1) for i in range(1 + len(found.drawings[c]))]))
            images += [found.references[c], *found.drawings[c]]
        for k, (a, c) in enumerate(real.characters(found)):
            self.alphabets.setdefault(a, []).append((OMNIGLOT + k, [(len(images) + i, i) for i in range(len(found.omniglot[a][c]))]))
            images += list(found.omniglot[a][c])
        self.xy, self.weight = real.ink_pixels(np.stack(images), 1)
        self.made = COMPOSED * (1 + seed)

    def batch(self) -> Batch:
        rows: List[Row] = []
        order = torch.randperm(len(self.engravings)).tolist()
        for n in range(ENGRAVINGS_PER_BATCH):
            label, members = self.engravings[order[n]]
            other = self.engravings[order[-1 - n]]
            picks = [[0] + [1 + i for i in torch.randperm(len(m) - 1)[:SAMPLES].tolist()] for m in (members, other[1])]
            rows += self.group((label, [members[i] for i in picks[0]]), (other[0], [other[1][i] for i in picks[1]]))
        names = sorted(self.alphabets)
        for a in torch.randperm(len(names))[:3].tolist():
            alphabet = self.alphabets[names[a]]
            order = torch.randperm(len(alphabet)).tolist()
            for n in range(min(CHARACTERS_PER_BATCH // 3, len(alphabet) // 2)):
                (label, members), other = alphabet[order[n]], alphabet[order[-1 - n]]
                picks = torch.randperm(len(members))[:SAMPLES].tolist()
                rows += self.group((label, [members[i] for i in picks]), (other[0], [other[1][i] for i in picks]))
        return self.render(rows)

    def group(self, one: Tuple[int, List[Member]], other: Tuple[int, List[Member]]) -> List["Row"]:
        """Pictures of one class: as it is (4 of 10), turned or mirrored (3), beside or above another (3)."""
        kind = float(torch.rand(1))
        if kind < 0.4:
            return [Row(one[0], [(m, one[0], np.eye(2), np.zeros(2))]) for m in one[1]]
        way = int(torch.randint(1, 8, (1,)))
        if kind < 0.7:
            return [Row(one[0] + TURNED * way, [(m, one[0], WAYS[way].numpy(), np.zeros(2))]) for m in one[1]]
        self.made += 1
        rng = np.random.default_rng(self.made)
        sizes = [WAYS[w].numpy() * rng.uniform(0.5, 1) for w in rng.integers(0, 8, 2) * (rng.random(2) < 0.3)]
        gap = (np.abs(sizes[0]).sum() + np.abs(sizes[1]).sum()) / 4 + rng.uniform(0.04, 0.25)
        offset = rng.permutation([gap, rng.normal(0, 0.15)])
        return [Row(self.made, [(a, one[0], sizes[0], np.zeros(2)), (b, other[0], sizes[1], offset)]) for a, b in zip(one[1], other[1])]

    def render(self, rows: List["Row"]) -> Batch:
        n = len(rows)
        xy, weight = torch.zeros(n, 2 * real.POINTS, 2), torch.zeros(n, 2 * real.POINTS)
        ids, parts = torch.zeros(n, 2 * real.POINTS, dtype=torch.int8), torch.full((n, 2, 2), -2)
        for r, row in enumerate(rows):
            for k, ((picture, original), label, way, offset) in enumerate(row.parts):
                at = slice(k * real.POINTS, (k + 1) * real.POINTS)
                xy[r, at] = (self.xy[picture] - 0.5) @ torch.from_numpy(way).float().t() + torch.from_numpy(offset).float()
                weight[r, at], ids[r, at], parts[r, k] = self.weight[picture], k, torch.tensor([label, original])
        drawn = parts[:, 0, 1] >= 0
        x = render.pixels(xy + 0.5, weight, ids, drawn)
        return Batch(x, torch.tensor([row.label for row in rows]), parts)


class Row(NamedTuple):
    """A picture to be made: its label and one or two parts, each with the original's label, how it is turned and where it goes."""

    label: int
    parts: List[Tuple[Member, int, np.ndarray, np.ndarray]]


def write(batch: Batch, path: Path) -> None:
    x = render.spoiled(batch.x)
    clean = torch.rand(len(x)) < 0.1
    x[clean] = batch.x[clean]
    part = path.with_suffix(".part.npz")
    np.savez(part, x=(x * 255 + 0.5).to(torch.uint8).numpy(), label=batch.label.numpy(), parts=batch.parts.numpy())
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
    source = Synthetic(a.families, a.seed, a.cache) if a.kind == "synthetic" else Real(a.cache, a.seed)
    for i in range(a.batches):
        write(source.batch(), a.stock / f"{a.kind}-{a.seed}-{i:05}.npz")


if __name__ == "__main__":
    main()
