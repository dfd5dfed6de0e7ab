"""Trains the recogniser with CTC on the stock; the rate follows a cosine, what is kept is a mean of the weights.

    python3 train.py --stock stock --out runs/text.pt --minutes 20      # or --steps N, which repeats exactly
"""
from __future__ import annotations

import argparse
import math
import time
from pathlib import Path
from typing import Dict, List, NamedTuple, Tuple

import numpy as np
import torch
from torch.nn import functional as F

from alphabet import BLANK, label
from network import Reader
from stock import WIDTHS

PIXELS = 2048  # Columns in a batch: narrow strips come in larger ones.
EASY = 400  # Steps that see only narrow strips with a few characters: CTC finds its alignment sooner.
KEEP = 0.995
RATE = 3e-3


class Stock(NamedTuple):
    strips: Dict[int, np.ndarray]
    labels: Dict[int, List[List[int]]]


def load(folder: Path) -> Stock:
    strips: Dict[int, List[np.ndarray]] = {w: [] for w in WIDTHS}
    labels: Dict[int, List[List[int]]] = {w: [] for w in WIDTHS}
    for path in sorted(folder.glob("*.npz")):
        held = np.load(path)
        for w in WIDTHS:
            if f"strips{w}" in held:
                strips[w].append(held[f"strips{w}"])
                labels[w] += [label(str(t)) for t in held[f"texts{w}"]]
    return Stock({w: np.concatenate(x) for w, x in strips.items() if x}, {w: x for w, x in labels.items() if x})


def batch(stock: Stock, rng: np.random.Generator, easy: bool) -> Tuple[torch.Tensor, List[List[int]]]:
    widths = [w for w in stock.strips if w <= 64 or not easy]
    longest = 3 if easy else 99
    weights = np.array([len(stock.labels[w]) * w for w in widths], float)
    w = widths[rng.choice(len(widths), p=weights / weights.sum())]
    picked = rng.integers(len(stock.labels[w]), size=max(8, PIXELS // w))
    # A character needs a column, and one between two that are the same.
    picked = [k for k in picked if len(stock.labels[w][k]) <= min(longest, w // 4)]
    x = stock.strips[w][picked].astype(np.float32) / 255 - 0.5
    x *= rng.choice([-1, 1], (len(x), 1, 1)) * rng.uniform(0.7, 1.15, (len(x), 1, 1))
    x += rng.normal(0, 1, x.shape) * rng.choice([0, 0, 0.03, 0.08], (len(x), 1, 1)) * (x != 0)
    # Whoever loses a few columns or rows still reads.
    x = np.roll(x, rng.integers(-1, 2), 1)
    x = np.clip(x + 0.5, 0, 1).astype(np.float32)
    return torch.from_numpy(x)[:, None], [stock.labels[w][k] for k in picked]


def loss_of(net: Reader, x: torch.Tensor, labels: List[List[int]]) -> torch.Tensor:
    logs = F.log_softmax(net.logits(x), 2).transpose(0, 1)
    lengths = torch.tensor([len(t) for t in labels])
    flat = torch.tensor([c for t in labels for c in t], dtype=torch.long)
    sums = F.ctc_loss(logs, flat, torch.full((len(labels),), logs.shape[0]), lengths, BLANK, "none", True)
    return (sums / (lengths + 1)).mean()


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--stock", type=Path, required=True)
    p.add_argument("--out", type=Path, required=True)
    p.add_argument("--init", type=Path)
    p.add_argument("--minutes", type=float, default=20)
    p.add_argument("--steps", type=int, default=0)
    p.add_argument("--rate", type=float, default=RATE)
    p.add_argument("--seed", type=int, default=1)
    a = p.parse_args()
    torch.manual_seed(a.seed)
    torch.set_num_threads(1)
    rng, stock, net, mean = np.random.default_rng(a.seed), load(a.stock), Reader(), Reader()
    print({w: len(t) for w, t in stock.labels.items()}, flush=True)
    before = {"steps": 0, "minutes": 0.0}
    if a.init:
        before = torch.load(a.init)
        net.load_state_dict(before["model"])
    mean.load_state_dict(net.state_dict())
    optimiser = torch.optim.AdamW(net.parameters(), a.rate, weight_decay=1e-3)
    began, step, done, said, losses = time.time(), 0, 0.0, 0.0, []
    while done < 1:
        done = (step + 1) / a.steps if a.steps else (time.time() - began) / 60 / a.minutes
        for group in optimiser.param_groups:
            group["lr"] = a.rate * min(1, (step + 1) / 100) * max(0.01, 0.5 + 0.5 * math.cos(math.pi * min(1, done)))
        x, labels = batch(stock, rng, not a.init and step < EASY)
        net.train()
        optimiser.zero_grad()
        loss = loss_of(net, x, labels)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 2.0)
        optimiser.step()
        step += 1
        keep = min(KEEP, (step - 1) / (step + 9))
        with torch.no_grad():
            for held, new in zip(mean.state_dict().values(), net.state_dict().values()):
                held.mul_(keep).add_(new, alpha=1 - keep) if held.is_floating_point() else held.copy_(new)
        losses.append(loss.item())
        if time.time() - said > 30 or done >= 1:
            said = time.time()
            print(f"{(said - began) / 60:5.1f} min  step {step}  loss {np.mean(losses[-100:]):.3f}", flush=True)
            a.out.parent.mkdir(parents=True, exist_ok=True)
            torch.save({"model": mean.state_dict(), "steps": before["steps"] + step, "minutes": before["minutes"] + (said - began) / 60}, a.out)


if __name__ == "__main__":
    main()
