"""Measures checkpoints and writes ../engraving-embedder/manifest.json and README.md (the card).

    POINCON_SHARED=... python3 evaluate.py --runs runs

`runs` holds what run.sh makes: final.pt (ships), known.pt (every fourth drawing unseen), fold0.pt .. fold3.pt (twelve
classes and two alphabets unseen each; where absent, base.pt stands in, which has seen no real picture at all),
base.pt, and plain0.pt .. plain3.pt. A figure whose run is missing is left out, never guessed.
"""
from __future__ import annotations

import argparse
import datetime
import hashlib
import json
from pathlib import Path
from typing import Any, Dict, NamedTuple, Optional, Tuple

import numpy as np
import torch

import data
import matching
import protocols
import real
from card import card
from network import DIMENSIONS, Embedder, Plain

HERE = Path(__file__).resolve().parent
Figures = Dict[str, Any]
Alphabets = Dict[str, Dict[str, np.ndarray]]
SHIPPED = HERE.parent / "engraving-embedder"


def embedder(path: Path) -> matching.Embed:
    kept = torch.load(path, map_location="cpu")
    net: torch.nn.Module = Plain() if kept["arguments"]["plain"] else Embedder()
    net.load_state_dict(kept["model"])
    net.eval()

    @torch.no_grad()
    def embed(x: np.ndarray) -> np.ndarray:
        pieces = np.array_split(x, max(1, len(x) // 256))
        return np.concatenate([net(torch.from_numpy(np.ascontiguousarray(p, np.float32))[:, None]).numpy() for p in pieces])

    return embed


class Standings(NamedTuple):
    """Of known queries and of unknown ones, and by how much the known's true class fell short of the best."""

    known: np.ndarray
    unknown: np.ndarray
    short: np.ndarray


def held_out(e: protocols.Engravings) -> protocols.Which:
    return {c: data.held_out(len(e.drawings[c])) for c in e.names}


def known(runs: Path, e: protocols.Engravings) -> Tuple[Figures, Optional[Standings]]:
    """Drawings that the run `known` never saw, of classes that it did."""
    if not (runs / "known.pt").exists():
        return {}, None
    embed, unseen = embedder(runs / "known.pt"), held_out(e)
    t = protocols.table(embed, e)
    top1, top3, count = protocols.references_only(t, unseen)
    figures = {"known_references_only_top1": top1, "known_references_only_top3": top3, "known_queries": count,
               "robustness_top1": protocols.robustness(embed, e, t, unseen)}
    parts = [Standings(*protocols.open_set(t, data.fold_classes(e.names, fold), unseen)) for fold in range(4)]
    return figures, Standings(*(np.concatenate(p) for p in zip(*parts)))


def fold_run(runs: Path, fold: int) -> Tuple[Path, bool]:
    own = runs / f"fold{fold}.pt"
    return (own, True) if own.exists() else (runs / "base.pt", False)


def one_fold(runs: Path, fold: int, e: protocols.Engravings, omniglot: Alphabets,
             tables: Dict[Path, protocols.Table]) -> Tuple[Figures, Standings]:
    """Classes and alphabets that the fold's run never saw."""
    path, _ = fold_run(runs, fold)
    embed, new = embedder(path), data.fold_classes(e.names, fold)
    t = tables[path] = tables.get(path) or protocols.table(embed, e)
    gone = {a: omniglot[a] for a in data.fold_alphabets(sorted(omniglot), fold)}
    figures: Figures = {
        "shot": protocols.one_shot(t, new)[0],
        "beside": protocols.known_beside_new(t, new, held_out(e)),
        "print": protocols.references_only(t, {c: list(range(len(e.drawings[c]))) for c in new})[0],
        "errors": protocols.omniglot_error(embed, gone),
    }
    if (runs / f"plain{fold}.pt").exists():
        figures["plain"] = protocols.omniglot_error(embedder(runs / f"plain{fold}.pt"), gone)
    return figures, Standings(*protocols.open_set(t, new, held_out(e)))


def left_out(runs: Path, e: protocols.Engravings, omniglot: Alphabets) -> Tuple[Figures, Optional[Standings]]:
    """All four folds; the standings only where each fold had a run of its own."""
    tables: Dict[Path, protocols.Table] = {}
    folds, parts = zip(*(one_fold(runs, fold, e, omniglot, tables) for fold in range(4)))
    s = Standings(*(np.concatenate(p) for p in zip(*parts)))
    own = sum(fold_run(runs, fold)[1] for fold in range(4))
    errors, plain = ({a: v for f in folds for a, v in f.get(key, {}).items()} for key in ("errors", "plain"))
    found: Figures = {
        "runs": "each fold its own" if own == 4 else f"{own} of 4 folds their own, else base (made-up symbols only, no real picture)",
        "new_one_drawing_48_way_top1": float(np.mean([f["shot"] for f in folds])), "new_one_drawing_by_fold": [f["shot"] for f in folds],
        "new_reference_only_48_way_top1": float(np.mean([f["print"] for f in folds])), "new_reference_only_by_fold": [f["print"] for f in folds],
        "known_beside_new_top1": float(np.mean([f["beside"] for f in folds])),
        "unknown_auroc": matching.auroc(s.known, s.unknown), "unknown_rejected_at_95": matching.rejected_at(s.known, s.unknown)[0],
        "omniglot_error": float(np.mean(list(errors.values()))), "omniglot_error_by_alphabet": errors,
    }
    if len(plain) == len(omniglot):
        found["omniglot_error_plain_net"] = float(np.mean(list(plain.values())))
    return found, s if own == 4 else None


def calibration(s: Standings) -> Dict[str, float]:
    """Threshold at 95 % of known accepted; logistic of the standing by Newton's method, known and unknown of equal weight."""
    k, u = s.known, s.unknown
    x = np.stack([np.concatenate([k, u]), np.ones(len(k) + len(u))], 1)
    y = np.concatenate([np.ones(len(k)), np.zeros(len(u))])
    w = np.concatenate([np.full(len(k), 0.5 / len(k)), np.full(len(u), 0.5 / len(u))])
    b = np.array([10.0, -6.0])
    for _ in range(50):
        p = 1 / (1 + np.exp(-x @ b))
        grad = x.T @ (w * (y - p)) - 1e-5 * b
        hess = (x * (w * p * (1 - p))[:, None]).T @ x + 1e-5 * np.eye(2)
        b = b + np.clip(np.linalg.solve(hess, grad), -5, 5)
    numbers = {"unknown_below": matching.rejected_at(k, u)[1], "confidence_slope": b[0], "confidence_offset": b[1],
               "one_of_within": max(0.02, float(np.quantile(s.short, 0.99)))}
    return {name: round(float(value), 4) for name, value in numbers.items()}


def check(out: Path) -> Dict[str, Any]:
    """What a device computes before it trusts a provider: one input in 8 bits, and its embedding."""
    case = next(c for c in json.loads((out / "golden.json").read_text())["cases"] if "embedding" in c)
    return {"shape": [1, 1, 64, 64], "input_8bit_base64": case["input_base64"], "output": case["embedding"], "tolerance": 0.002}


def manifest(runs: Path, out: Path, figures: Dict[str, Any], match: Dict[str, float]) -> Dict[str, Any]:
    model = out / "engraving-embedder.onnx"
    kept = torch.load(runs / "final.pt", map_location="cpu")
    return {
        "schema": "poincon.model/1", "name": "engraving-embedder", "file": model.name, "sha256": hashlib.sha256(model.read_bytes()).hexdigest(),
        "bytes": model.stat().st_size, "parameters": sum(v.numel() for k, v in kept["model"].items() if v.is_floating_point() and "running" not in k),
        "opset": 17, "licence": "MIT",
        "input": {"name": "image", "type": "float32", "shape": ["batch", 1, 64, 64], "scaling": "0..1, ink bright; PREPROCESSING.md"},
        "output": {"name": "embedding", "type": "float32", "shape": ["batch", DIMENSIONS], "scaling": "unit length"},
        "check": check(out),
        "labels": "none: classes are the gallery's", "match": {"prototype_angles_deg": list(matching.ANGLES), "turn_penalty_per_45_deg": matching.TURN_PENALTY, "second_weight": matching.SECOND_WEIGHT,
                                                             "crowd_penalty": matching.CROWD_PENALTY, "likeness": matching.LIKENESS, **match},
        "training": {"script": "models/training/run.sh", "data": "made-up symbols from our own strokes; drawings and printed references of 48 lens engravings; the two small Omniglot background sets (MIT). None of it ships.",
                     "steps_of_last_run": kept["step"], "seed": kept["arguments"]["seed"]},
        "measured": {"on": datetime.date.today().isoformat(), "command": "npm run models:eval", **figures},
    }


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--runs", type=Path, default=HERE / "runs")
    p.add_argument("--cache", type=Path, default=HERE / "cache")
    p.add_argument("--out", type=Path, default=SHIPPED, help="holds the exported model and its golden.json; manifest and card go there")
    a = p.parse_args()
    torch.set_num_threads(1)
    e = protocols.engravings()
    omniglot = real.inputs(a.cache / "inputs.npz").omniglot
    figures, strict = left_out(a.runs, e, omniglot)
    more, fallback = known(a.runs, e)
    figures.update(more)
    hausdorff = protocols.hausdorff_error(omniglot)
    figures["omniglot_error_modified_hausdorff"] = float(np.mean(list(hausdorff.values())))
    if strict is None and fallback is None:
        raise SystemExit(f"{a.runs}: neither known.pt nor all of fold0.pt .. fold3.pt, so no threshold can be set")
    rounded = json.loads(json.dumps(figures), parse_float=lambda v: round(float(v), 4))
    found = manifest(a.runs, a.out, rounded, calibration(strict if strict is not None else fallback))
    (a.out / "manifest.json").write_text(json.dumps(found, indent=2) + "\n")
    (a.out / "README.md").write_text(card(found))
    print(json.dumps(rounded, indent=2))


if __name__ == "__main__":
    main()
