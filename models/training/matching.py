"""Gallery and match: what gateway/vision/gallery.ts does with the embeddings, restated for the figures."""
from __future__ import annotations

from typing import Callable, NamedTuple, Sequence, Tuple

import numpy as np

ANGLES = (0, -15, 15, -30, 30, -45, 45)
TURN_PENALTY = 0.2
SECOND_WEIGHT = 0.25
CROWD_PENALTY = 0.05
LIKENESS = 0.9
Embed = Callable[[np.ndarray], np.ndarray]


class Gallery(NamedTuple):
    """One row per prototype: an enrolled picture, or a likeness of it, at one angle."""

    vectors: np.ndarray  # (n, 128); of an enrolled picture 1 long, of a likeness LIKENESS
    labels: np.ndarray  # (n,), class
    degrees: np.ndarray  # (n,)
    pictures: np.ndarray  # (n,), how many pictures of the class are enrolled


def class_scores(gallery: Gallery, queries: np.ndarray, classes: Sequence[int], penalty: float = TURN_PENALTY, crowd: float = CROWD_PENALTY) -> np.ndarray:
    """(queries, classes): the best cosine over the class's prototypes, less the penalty per 45 degrees of turn, less what a
    class with many pictures has of chances to be near (`crowd` times the logarithm of their number)."""
    s = queries @ gallery.vectors.T - penalty * np.abs(gallery.degrees) / 45 - crowd * np.log(gallery.pictures)
    return np.stack([s[:, gallery.labels == c].max(1) for c in classes], 1)


def standing(scores: np.ndarray) -> np.ndarray:
    """How surely each query is one of the classes: its best score less SECOND_WEIGHT times the second best (0 where there is none)."""
    s = np.sort(scores, axis=1)
    return s[:, -1] - SECOND_WEIGHT * (s[:, -2] if s.shape[1] > 1 else 0.0)


def auroc(known: np.ndarray, unknown: np.ndarray) -> float:
    """Chance that a known query scores above an unknown one, ties half (Mann-Whitney)."""
    order = np.sort(unknown)
    below = np.searchsorted(order, known, "left") + np.searchsorted(order, known, "right")
    return float(below.mean() / 2 / len(unknown))


def rejected_at(known: np.ndarray, unknown: np.ndarray, accepted: float = 0.95) -> Tuple[float, float]:
    """Share of unknown rejected where `accepted` of the known pass, and that threshold."""
    threshold = float(np.sort(known)[int(np.floor((1 - accepted) * len(known)))])
    return float((unknown < threshold).mean()), threshold
