"""Trains the embedder: supervised contrastive, on made-up symbols and (with --real) on real ones too.

    python3 train.py --out base.pt --minutes 30
    python3 train.py --out fold0.pt --init base.raw.pt --real --fold 0 --minutes 8
    python3 train.py --out final.pt --init base.raw.pt --real --everything --minutes 15
"""
from __future__ import annotations

import argparse
import copy
import math
import time
from pathlib import Path
from typing import Callable, Dict, Iterator, NamedTuple, Tuple

import numpy as np
import torch

import real
import stock
from network import DIMENSIONS, Embedder, Plain


class Batch(NamedTuple):
    x: torch.Tensor
    label: torch.Tensor


class Shelf:
    """Batches of one kind from the stock, the least used first; those still being rendered join as they appear."""

    def __init__(self, stock: Path, kind: str, seed: int) -> None:
        self.stock, self.kind, self.rng = stock, kind, np.random.default_rng(seed)
        self.used: Dict[Path, int] = {}
        self.looked = -1e9

    def take(self) -> Tuple[np.ndarray, np.ndarray, np.ndarray]:
        if time.monotonic() - self.looked > 10:
            self.looked = time.monotonic()
            for path in sorted(self.stock.glob(f"{self.kind}-*[0-9].npz")):
                self.used.setdefault(path, 0)
        least = min(self.used.values())
        fresh = [p for p, n in self.used.items() if n == least]
        path = fresh[self.rng.integers(len(fresh))]
        self.used[path] += 1
        with np.load(path) as z:
            return z["x"], z["label"], z["parts"]


def allowed(a: argparse.Namespace) -> Callable[[np.ndarray], np.ndarray]:
    """Which pictures of a real batch the run's split may see."""
    found = real.inputs(a.cache / "inputs.npz")
    s = real.split(found, a.fold, a.everything)
    names = sorted(found.drawings)
    seen = {(names.index(c), i) for c in s.classes for i in [-1, *s.keep[c]]} | {(-2, -2)}
    letters = {stock.OMNIGLOT + k for k, (alphabet, _) in enumerate(real.characters(found)) if alphabet in s.alphabets}

    def check(parts: np.ndarray) -> np.ndarray:
        return np.array([all((k, i) in seen or k in letters for k, i in picture) for picture in parts.tolist()])

    return check


def batches(a: argparse.Namespace) -> Iterator[Batch]:
    made, real_shelf = Shelf(a.stock, "synthetic", a.seed), Shelf(a.stock, "real", a.seed)
    check = allowed(a) if a.real else None
    turns = np.random.default_rng(a.seed)
    half = stock.FAMILIES_PER_BATCH // 2 * 3 * stock.SAMPLES
    while True:
        start = half * int(turns.integers(2))
        parts = [[v[start : start + half] for v in made.take()]]
        if check is not None:
            x, label, originals = real_shelf.take()
            keep = check(originals)
            parts.append([x[keep], label[keep], originals[keep]])
        x = torch.from_numpy(np.concatenate([p[0] for p in parts])).float() / 255
        yield Batch(x[:, None], torch.from_numpy(np.concatenate([p[1] for p in parts])))


def contrastive(e: torch.Tensor, label: torch.Tensor, temperature: float) -> torch.Tensor:
    """Supervised contrastive loss (Khosla et al. 2020, eq. 2) within the batch."""
    s = e @ e.t() / temperature
    eye = torch.eye(len(e), dtype=torch.bool)
    same = (label[:, None] == label[None]) & ~eye
    logp = s - torch.logsumexp(s.masked_fill(eye, -1e9), 1, keepdim=True)
    return -((logp * same).sum(1) / same.sum(1).clamp(min=1)).mean()


def rate(progress: float, peak: float) -> float:
    return peak * min(1.0, progress / 0.03 + 0.02) * (0.5 + 0.5 * math.cos(math.pi * min(1.0, progress))) + 1e-6


@torch.no_grad()
def follow(slow: torch.nn.Module, fast: torch.nn.Module, step: int) -> None:
    """Exponential mean of the weights, a short one in the beginning."""
    keep = min(0.995, (1 + step) / (10 + step))
    for a, b in zip(slow.state_dict().values(), fast.state_dict().values()):
        if a.dtype.is_floating_point:
            a.mul_(keep).add_(b, alpha=1 - keep)
        else:
            a.copy_(b)


@torch.no_grad()
def whiten(net: Embedder, source: Iterator[Batch], count: int) -> None:
    """Makes what differs within a class equally large in every direction, and centres; folded into the last layer."""
    around, total, n = torch.zeros(DIMENSIONS, DIMENSIONS, dtype=torch.float64), torch.zeros(DIMENSIONS, dtype=torch.float64), 0
    for _ in range(count):
        batch = next(source)
        y = net.features(batch.x).double()
        _, place = batch.label.unique(return_inverse=True)
        size = place.bincount().double()[:, None]
        centre = torch.zeros(len(size), DIMENSIONS, dtype=torch.float64).index_add_(0, place, y) / size
        r = y - centre[place]
        around, total, n = around + r.t() @ r, total + y.sum(0), n + len(y)
    around /= n
    values, vectors = torch.linalg.eigh(around + 0.1 * around.trace() / DIMENSIONS * torch.eye(DIMENSIONS, dtype=torch.float64))
    m = vectors @ torch.diag(values**-0.5) @ vectors.t()
    net.head.weight.copy_(m @ net.head.weight.double())
    net.head.bias.copy_(m @ (net.head.bias.double() - total / n))


def train(a: argparse.Namespace) -> Tuple[torch.nn.Module, int]:
    net: torch.nn.Module = Plain() if a.plain else Embedder()
    if a.init:
        net.load_state_dict(torch.load(a.init)["model"])
    net = net.to(memory_format=torch.channels_last)
    slow = copy.deepcopy(net).eval()
    optimiser = torch.optim.AdamW(net.parameters(), lr=a.rate, weight_decay=0.02)
    net.train()
    start, last, mean, progress, step = time.monotonic(), time.monotonic(), 0.0, 0.0, 0
    for batch in batches(a):
        progress = step / a.steps if a.steps else (time.monotonic() - start) / 60 / a.minutes
        if progress >= 1:
            break
        for group in optimiser.param_groups:
            group["lr"] = rate(progress, a.rate)
        loss = contrastive(net(batch.x), batch.label, a.temperature)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 5.0)
        optimiser.step()
        follow(slow, net, step)
        mean += (loss.item() - mean) * max(0.01, 1 / (step + 1))
        step += 1
        if time.monotonic() - last > 30:
            last = time.monotonic()
            print(f"step {step} progress {progress:.3f} loss {mean:.4f} {step * len(batch.x) / (last - start):.0f}/s", flush=True)
            torch.save({"model": slow.state_dict(), "step": step, "arguments": vars(a)}, a.out)
    return slow, step


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--out", type=Path, required=True)
    p.add_argument("--init", type=Path, help="a .raw.pt: before whitening")
    p.add_argument("--cache", type=Path, default=Path("cache"))
    p.add_argument("--fold", type=int, default=-1, help="0..3: leave out twelve classes and two alphabets")
    p.add_argument("--real", action="store_true", help="train on drawings, references and Omniglot too")
    p.add_argument("--everything", action="store_true", help="hold no drawing back (for the model that ships)")
    p.add_argument("--plain", action="store_true", help="the plain convolutional net of the Omniglot table")
    p.add_argument("--minutes", type=float, default=10)
    p.add_argument("--steps", type=int, default=0, help="instead of minutes: repeats a run to the last bit on one thread")
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--stock", type=Path, default=Path("stock"))
    p.add_argument("--rate", type=float, default=2e-3)
    p.add_argument("--temperature", type=float, default=0.08)
    p.add_argument("--threads", type=int, default=0)
    a = p.parse_args()
    torch.manual_seed(a.seed)
    if a.threads:
        torch.set_num_threads(a.threads)
    net, step = train(a)
    torch.save({"model": net.state_dict(), "step": step, "arguments": vars(a)}, a.out.with_suffix(".raw.pt"))
    if isinstance(net, Embedder):
        whiten(net, batches(a), 60)
    torch.save({"model": net.state_dict(), "step": step, "arguments": vars(a)}, a.out)
    print(f"{a.out}: {step} steps")


if __name__ == "__main__":
    main()
