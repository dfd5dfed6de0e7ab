"""Probabilities to text, as gateway/vision/text-decode.ts does it: prefix search with a beam of 6."""
from __future__ import annotations

import math
from typing import Dict, Tuple

import numpy as np

from alphabet import ALPHABET, TIMES, USUAL_TEXTS

BEAM = 6
LEAST = 1e-3
CERTAIN = 1 - 1e-6


def decoded(columns: np.ndarray) -> Tuple[str, float]:
    """The most probable text of (columns, classes), and its probability."""
    beam: Dict[str, Tuple[float, float]] = {"": (1.0, 0.0)}
    for column in columns:
        following: Dict[str, Tuple[float, float]] = {}

        def add(text: str, blank: float, character: float) -> None:
            b, c = following.get(text, (0.0, 0.0))
            following[text] = (b + blank, c + character)

        for kind in np.flatnonzero(column >= LEAST):
            p = float(column[kind])
            for text, (blank, character) in beam.items():
                if kind == 0:
                    add(text, p * (blank + character), 0)
                elif text.endswith(ALPHABET[kind - 1]):
                    add(text, 0, p * character)
                    if blank > 0:
                        add(text + ALPHABET[kind - 1], 0, p * blank)
                else:
                    add(text + ALPHABET[kind - 1], 0, p * (blank + character))
        beam = dict(sorted(following.items(), key=lambda e: -sum(e[1]))[:BEAM])
    texts: Dict[str, float] = {}
    for text, ways in beam.items():
        texts[text.strip()] = texts.get(text.strip(), 0) + sum(ways)
    usual = sum(p for text, p in texts.items() if text in USUAL_TEXTS)
    texts = {text: p * (TIMES if text in USUAL_TEXTS else 1) / (1 + (TIMES - 1) * usual) for text, p in texts.items()}
    best = max(texts, key=lambda t: texts[t])
    return best, min(1.0, texts[best])


def log_odds(p: float) -> float:
    p = min(CERTAIN, max(1 - CERTAIN, p))
    return math.log(p / (1 - p))
