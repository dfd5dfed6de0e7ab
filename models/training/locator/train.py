"""Trains the locator on folders of `lens-pictures`; a checkpoint every minute, the mean of the weights is what ships.

    python3 train.py --train DIR… --out locator.pt --minutes 20
"""
from __future__ import annotations

import argparse
import math
import queue
import threading
import time
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from data import Pictures, crop, upright, whole
from network import MAPS, Locator, quarters

# Batches over which the statistics are taken.
SETTLE = 20
# What the steps see in turn, and how much of it.
TURNS = ((upright, 24), (crop, 6), (upright, 24), (crop, 6), (whole, 1))


def loss_of(logits: Tensor, maps: Tensor, weights: Tensor) -> Tensor:
    """Marks: the focal loss of CornerNet (Law and Deng 2018); the others: cross-entropy, engravings and glare six times."""
    p = torch.sigmoid(logits[:, :2])
    t, w = maps[:, :2], weights[:, :2]
    top = (t > 0.9).float()
    hit = -top * (1 - p) ** 2 * F.logsigmoid(logits[:, :2])
    miss = -(1 - top) * (1 - t) ** 4 * p ** 2 * F.logsigmoid(-logits[:, :2])
    marks = ((hit + miss) * w).sum() / (top * w).sum().clamp(min=8)
    scale = 1 + 5 * maps[:, 2:] * torch.tensor([1.0, 1.0, 0.0, 0.4]).view(1, 4, 1, 1)
    each = F.binary_cross_entropy_with_logits(logits[:, 2:], maps[:, 2:], reduction="none")
    areas = (each * scale * weights[:, 2:]).mean((0, 2, 3)) * torch.tensor([15.0, 15.0, 1.0, 3.0])
    return marks + areas.sum()


def batches(pictures: Pictures, seed: int, out: "queue.Queue") -> None:
    rng = np.random.default_rng(seed)
    order: list = []
    step = 0
    while True:
        made, step = [], step + 1
        make, count = TURNS[step % len(TURNS)]
        while len(made) < count:
            if not order:
                order = list(rng.permutation(len(pictures)))
            made.append(make(pictures, order.pop(), rng))
        out.put([torch.from_numpy(np.stack(part)) for part in zip(*made)])


def settle(net: Locator, ready: "queue.Queue", count: int) -> None:
    """Batch norm's statistics over batches of all kinds, fixed from then on: each kind's own would be gone on the device."""
    norms = [m for m in net.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None
    net.train()
    with torch.no_grad():
        for _ in range(count):
            net.logits(ready.get()[0])
    net.eval()


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--train", type=Path, nargs="+", required=True)
    p.add_argument("--out", type=Path, required=True)
    p.add_argument("--init", type=Path)
    p.add_argument("--minutes", type=float, default=20)
    p.add_argument("--rate", type=float, default=4e-3)
    p.add_argument("--seed", type=int, default=1)
    a = p.parse_args()
    torch.manual_seed(a.seed)
    torch.set_num_threads(1)
    pictures = Pictures(a.train)
    net = Locator()
    if a.init:
        net.load_state_dict(torch.load(a.init, map_location="cpu")["model"])
    optimiser = torch.optim.AdamW(net.parameters(), lr=a.rate, weight_decay=1e-4)
    ready: "queue.Queue" = queue.Queue(2)
    threading.Thread(target=batches, args=(pictures, a.seed, ready), daemon=True).start()
    print(f"{len(pictures)} pictures", flush=True)
    if not a.init:
        settle(net, ready, SETTLE)
    net.eval()
    mean = {k: v.clone() for k, v in net.state_dict().items()}
    began, saved, step, told = time.time(), time.time(), 0, {}
    while (share := (time.time() - began) / (60 * a.minutes)) < 1:
        # Warms up over the first fiftieth, then a cosine.
        rate = a.rate * min(1, 50 * share + 0.02) * 0.5 * (1 + math.cos(math.pi * share))
        for group in optimiser.param_groups:
            group["lr"] = max(rate, a.rate * 0.005)
        x, maps, weights = ready.get()
        logits = quarters(net.logits(x))
        loss = loss_of(logits, maps, weights)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 5.0)
        optimiser.step()
        step += 1
        keep = min(0.99, step / (step + 10))
        for k, v in net.state_dict().items():
            mean[k] = v.clone() if not v.is_floating_point() else keep * mean[k] + (1 - keep) * v
        turn = step % len(TURNS)
        told[turn] = 0.9 * told.get(turn, loss.item()) + 0.1 * loss.item()
        if step % 25 == 0:
            print(f"{step} {time.time() - began:.0f} s loss " + " ".join(f"{told[k]:.3f}" for k in sorted(told)), flush=True)
        if time.time() - saved > 60 or share > 0.99:
            torch.save({"model": mean, "raw": net.state_dict(), "steps": step, "maps": MAPS}, a.out)
            saved = time.time()
    torch.save({"model": mean, "raw": net.state_dict(), "steps": step, "maps": MAPS}, a.out)
    print(f"{step} steps", flush=True)


if __name__ == "__main__":
    main()
