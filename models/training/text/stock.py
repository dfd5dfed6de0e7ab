"""Strips with their text, made once for all runs: drawn ones, or from the crops that lens-crops.mjs left.

    python3 stock.py --out stock/drawn1.npz --seed 1 --count 5000
    python3 stock.py --out stock/lens101.npz --seed 1 --crops crops/train101 --each 3
"""
from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Dict, Iterator, List, Tuple

import numpy as np

from render import jittered, sample
from strip import MOST, STEP, Box, strip

WIDTHS = range(STEP, MOST + 1, STEP)


def pieces(crops: str) -> Iterator[Tuple[str, np.ndarray, Box, int]]:
    """Text, picture, box and the number of the whole picture, of each line."""
    pixels = np.fromfile(crops + ".bin", np.uint8)
    for line in Path(crops + ".jsonl").read_text().splitlines():
        d = json.loads(line)
        grey = pixels[d["at"]: d["at"] + d["width"] * d["height"]].reshape(d["height"], d["width"])
        b = d["box"]
        yield d["text"], grey, Box(b["x"], b["y"], b["width"], b["height"], b["angleDeg"]), d["picture"]


def strength(rng: np.random.Generator) -> float:
    return float(rng.choice([0.3, 1.0, 1.15]))


def strips(a: argparse.Namespace, rng: np.random.Generator) -> Iterator[Tuple[str, np.ndarray]]:
    source = pieces(a.crops) if a.crops else (sample(rng) + (0,) for _ in range(a.count))
    for text, grey, box, _ in source:
        for _ in range(a.each):
            yield text, strip(grey.astype(np.float64), jittered(box, rng, strength(rng)))


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--out", type=Path, required=True)
    p.add_argument("--seed", type=int, required=True)
    p.add_argument("--count", type=int, default=1000)
    p.add_argument("--each", type=int, default=2)
    p.add_argument("--crops", default="")
    a = p.parse_args()
    found: Dict[int, List[np.ndarray]] = {w: [] for w in WIDTHS}
    texts: Dict[int, List[str]] = {w: [] for w in WIDTHS}
    for text, s in strips(a, np.random.default_rng(a.seed)):
        found[s.shape[1]].append(np.floor(s * 255 + 0.5).astype(np.uint8))
        texts[s.shape[1]].append(text)
    a.out.parent.mkdir(parents=True, exist_ok=True)
    np.savez(a.out, **{f"strips{w}": np.stack(x) for w, x in found.items() if x}, **{f"texts{w}": np.array(x) for w, x in texts.items() if x})
    print(a.out, {w: len(x) for w, x in texts.items() if x})


if __name__ == "__main__":
    main()
