"""What can be read, and text as makers engrave it: additions, indices, and codes after the patterns of the catalogue."""
from __future__ import annotations

from typing import List

import numpy as np

CAPITALS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
# Small letters that cannot be taken for a capital, whatever stands beside them; the others are read as their capital.
SMALL = "abdefghimnrty"
ALPHABET = "0123456789" + CAPITALS + SMALL + " .+-/*_"
BLANK = 0  # Of the network's classes; the alphabet follows.
CLASSES = len(ALPHABET) + 1

# Rather as often as the catalogue has them.
OFTEN = "SSSPPKKKLLLIIIBBDDEEOTTFFXXRRANMUCVHZY"
ADDITIONS = ["%.2f" % (0.5 + 0.25 * step) for step in range(15)]
INDICES = ["1.5", "1.50", "1.53", "1.56", "1.59", "1.6", "1.60", "1.67", "1.74", "50", "53", "56", "59", "60", "67", "74"]
# What a lens carries more often than any code; so many times as likely as the network, which sees few letters at once, knows.
USUAL_TEXTS = sorted(set(ADDITIONS + INDICES))
TIMES = 10


def label(text: str) -> List[int]:
    return [ALPHABET.index(c) + 1 for c in text]


def some(rng: np.random.Generator, of: str, least: int, most: int) -> str:
    return "".join(of[rng.integers(len(of))] for _ in range(rng.integers(least, most + 1)))


def drawn(rng: np.random.Generator) -> str:
    """One text, not empty."""
    d = lambda a, b: some(rng, "0123456789", a, b)
    c = lambda a, b: some(rng, OFTEN if rng.random() < 0.6 else CAPITALS, a, b)
    pick = lambda from_: from_[rng.integers(len(from_))]
    kind = rng.integers(15)
    if kind == 0: return pick(ADDITIONS)
    if kind == 1: return pick(["", "", "+"]) + d(1, 1) + "." + d(1, 2)
    if kind == 2: return pick(INDICES)
    if kind == 3: return d(1, 4)
    if kind == 4: return c(1, 1)
    if kind == 5: return c(2, 5)
    if kind == 6: return c(1, 3) + d(1, 2)
    if kind == 7: return c(1, 2) + d(1, 1) + c(1, 2) + d(0, 2)
    if kind == 8: return c(1, 2) + some(rng, SMALL, 1, 1) + d(1, 2)
    if kind == 9: return c(1, 1) + some(rng, SMALL, 1, 4)
    if kind == 10: return c(1, 2) + pick("+-/_") + (c(1, 2) if rng.random() < 0.5 else d(1, 2))
    if kind == 11: return d(2, 2) + " " + d(2, 2)
    if kind == 12: return c(1, 3) + " " + (pick(INDICES) if rng.random() < 0.5 else c(1, 3))
    if kind == 13: return c(1, 3) + pick("+*_+*")
    return d(1, 2) + c(1, 3) + d(0, 2)
