"""Fits the confidence on one set of crops, measures on another, and writes both into the manifest and the card.

    python3 evaluate.py --model runs/text.pt --choose crops/choose --report crops/report --folder ../../engraving-text
"""
from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Dict, List, NamedTuple, Tuple

import numpy as np
import torch

from decode import decoded, log_odds
from export import dumped, load
from render import jittered
from stock import pieces
from strip import strip

BINS = (0.0, 0.5, 0.8, 0.95, 0.99, 1.0001)


class Answer(NamedTuple):
    meant: str
    read: str
    probability: float


def folded(text: str) -> str:
    return text.upper().replace("O", "0")


def answers(net: torch.nn.Module, crops: str, jitter: float, seed: int) -> List[Answer]:
    rng, found = np.random.default_rng(seed), []
    for meant, grey, box, _ in pieces(crops):
        x = strip(grey.astype(np.float64), jittered(box, rng, jitter) if jitter else box).astype(np.float32)
        with torch.no_grad():
            found.append(Answer(meant, *decoded(net(torch.from_numpy(x)[None, None])[0].numpy())))
    return found


def distance(a: str, b: str) -> int:
    """Levenshtein 1966."""
    row = list(range(len(b) + 1))
    for i, c in enumerate(a, 1):
        before, row[0] = row[0], i
        for j, d in enumerate(b, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (c != d))
    return row[-1]


def figures(found: List[Answer]) -> Dict[str, float]:
    if not found:
        return {"boxes": 0}
    characters = sum(len(a.meant) for a in found)
    return {
        "boxes": len(found),
        "exact": round(float(np.mean([a.meant == a.read for a in found])), 4),
        "exact_but_for_case_and_0_O": round(float(np.mean([folded(a.meant) == folded(a.read) for a in found])), 4),
        "characters": round(1 - sum(distance(a.meant, a.read) for a in found) / max(1, characters), 4),
    }


def fitted(found: List[Answer]) -> Tuple[float, float]:
    """Slope and offset of a logistic curve (Platt 1999), by Newton's method, slightly held towards 1 and 0."""
    x = np.array([[log_odds(a.probability), 1.0] for a in found])
    y = np.array([a.meant == a.read for a in found], float)
    w, held = np.array([1.0, 0.0]), np.array([1.0, 0.1])
    for _ in range(50):
        p = 1 / (1 + np.exp(-x @ w))
        slope = x.T @ (p - y) + held * (w - [1, 0])
        bend = (x * (p * (1 - p))[:, None]).T @ x + np.diag(held)
        w = w - np.linalg.solve(bend, slope)
    return float(w[0]), float(w[1])


def reliability(found: List[Answer], slope: float, offset: float) -> List[Dict[str, float]]:
    said = np.array([1 / (1 + np.exp(-(slope * log_odds(a.probability) + offset))) for a in found])
    right = np.array([a.meant == a.read for a in found])
    rows = []
    for low, high in zip(BINS[:-1], BINS[1:]):
        within = (said >= low) & (said < high)
        n = int(within.sum())
        rows.append({"from": low, "to": min(1.0, high), "boxes": n,
                     **({"said": round(float(said[within].mean()), 3), "right": round(float(right[within].mean()), 3)} if n else {})})
    return rows


DEFAULT = {"%.2f" % (0.75 + 0.25 * step) for step in range(12)} | {"50", "53", "56", "59", "60", "67", "74", "P", "S", "HD", "X1", "AR"}


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--model", type=Path, required=True)
    p.add_argument("--choose", required=True)
    p.add_argument("--report", default="")
    p.add_argument("--sheets", default="")
    p.add_argument("--folder", type=Path)
    a = p.parse_args()
    torch.set_num_threads(1)
    net = load(a.model)
    chosen = answers(net, a.choose, 0, 1) + answers(net, a.choose, 1, 2)
    slope, offset = fitted(chosen)
    half = len(chosen) // 2
    print("choose, true boxes", figures(chosen[:half]), "jittered", figures(chosen[half:]), "confidence", slope, offset, flush=True)
    if not a.report:
        print([(x.meant, x.read, round(x.probability, 3)) for x in chosen if x.meant != x.read][:60])
        return
    true, rough = answers(net, a.report, 0, 3), answers(net, a.report, 1, 4)
    usual = lambda found: [x for x in found if x.meant in DEFAULT]
    other = lambda found: [x for x in found if x.meant not in DEFAULT]
    measured = {
        "scenes, true boxes": figures(true), "scenes, jittered boxes": figures(rough),
        "usual texts, true boxes": figures(usual(true)), "usual texts, jittered boxes": figures(usual(rough)),
        "other texts, true boxes": figures(other(true)), "other texts, jittered boxes": figures(other(rough)),
    }
    if a.sheets:
        sheets = answers(net, a.sheets, 1, 5)
        measured["sheets of any text, jittered boxes"] = figures([x for x in sheets if x.meant])
        measured["empty places, jittered boxes"] = figures([x for x in sheets if not x.meant])
    else:
        sheets = []
    bins = reliability(true + rough + sheets, slope, offset)
    print(json.dumps({"measured": measured, "reliability": bins}, indent=1))
    print([(x.meant, x.read, round(x.probability, 3)) for x in rough if x.meant != x.read][:40])
    if a.folder:
        path = a.folder / "manifest.json"
        manifest = json.loads(path.read_text())
        manifest["text"]["confidence"] = {"slope": round(slope, 4), "offset": round(offset, 4)}
        manifest["evaluation"] = {"measured": measured, "reliability": bins}
        path.write_text(dumped(manifest))


if __name__ == "__main__":
    main()
