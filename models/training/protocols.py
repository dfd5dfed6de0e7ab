"""The measurements behind the card: each returns plain numbers, none has a free choice left."""
from __future__ import annotations

from typing import Callable, Dict, List, NamedTuple, Sequence, Tuple

import numpy as np
from scipy import ndimage
from scipy.spatial.distance import cdist

import data
import likenesses
from matching import ANGLES, LIKENESS, Embed, Gallery, class_scores, standing
from preprocess import Blank, crop, find_ink

Pictures = Dict[str, List[np.ndarray]]
Which = Dict[str, Sequence[int]]  # class -> numbers of drawings


class Engravings(NamedTuple):
    names: List[str]
    raw: Pictures
    drawings: Pictures  # class -> what is enrolled of each drawing: network inputs, the upright one first
    references: Dict[str, np.ndarray]


def engravings() -> Engravings:
    def enrolled(grey: np.ndarray) -> np.ndarray:
        return likenesses.enrolled(find_ink(grey), ANGLES)

    raw = data.drawings()
    return Engravings(sorted(raw), raw, {c: [enrolled(g) for g in v] for c, v in raw.items()}, {c: enrolled(g) for c, g in data.references().items()})


class Table(NamedTuple):
    """Everything embedded once."""

    names: List[str]
    asked: Dict[str, np.ndarray]  # class -> (drawings, dimensions), upright
    drawings: Dict[str, List[np.ndarray]]  # class -> what each drawing puts into the gallery: (prototypes, dimensions)
    references: Dict[str, np.ndarray]  # class -> the same of the printed reference


def table(embed: Embed, e: Engravings) -> Table:
    def prototypes(inputs: np.ndarray) -> np.ndarray:
        vectors = embed(inputs)
        vectors[len(ANGLES) :] *= LIKENESS
        return vectors

    drawings = {c: [prototypes(i) for i in e.drawings[c]] for c in e.names}
    return Table(e.names, {c: np.stack([d[0] for d in v]) for c, v in drawings.items()}, drawings, {c: prototypes(e.references[c]) for c in e.names})


def gallery(entries: Sequence[Tuple[int, np.ndarray]]) -> Gallery:
    """From (class, prototypes of one picture)."""
    labels = np.repeat([k for k, _ in entries], [len(v) for _, v in entries])
    pictures = np.bincount([k for k, _ in entries])
    return Gallery(np.concatenate([v for _, v in entries]), labels, np.tile(ANGLES, len(labels) // len(ANGLES)), pictures[labels])


def everything(t: Table, classes: Sequence[str], but: Which) -> List[Tuple[int, np.ndarray]]:
    """Reference and drawings of `classes`, all but the drawings that `but` names."""
    index = {c: k for k, c in enumerate(t.names)}
    return [(index[c], v) for c in classes for v in [t.references[c], *(d for i, d in enumerate(t.drawings[c]) if i not in but.get(c, []))]]


def references_only(t: Table, queries: Which) -> Tuple[float, float, int]:
    """Printed references of all classes as the gallery; top-1, top-3 and the number of the query drawings."""
    enrolled = gallery([(k, t.references[c]) for k, c in enumerate(t.names)])
    pairs = [(k, t.asked[c][i]) for k, c in enumerate(t.names) for i in queries.get(c, [])]
    scores = class_scores(enrolled, np.stack([p[1] for p in pairs]), range(len(t.names)))
    return (*top(scores, np.array([p[0] for p in pairs])), len(pairs))


def top(scores: np.ndarray, truth: np.ndarray) -> Tuple[float, float]:
    order = np.argsort(-scores, axis=1)[:, :3]
    return float((order[:, 0] == truth).mean()), float((order == truth[:, None]).any(1).mean())


def one_shot(t: Table, new: Sequence[str]) -> Tuple[float, int]:
    """Each new class with one drawing (each of its first five in turn) beside all drawings and references of the others."""
    index = {c: k for k, c in enumerate(t.names)}
    base = everything(t, [c for c in t.names if c not in new], {})
    hits: List[bool] = []
    for shot in range(5):
        enrolled = gallery(base + [(index[c], t.drawings[c][shot]) for c in new])
        for c in new:
            rest = np.delete(t.asked[c], shot, axis=0)
            hits += list(class_scores(enrolled, rest, range(len(t.names))).argmax(1) == index[c])
    return float(np.mean(hits)), len(hits)


def known_beside_new(t: Table, new: Sequence[str], queries: Which) -> float:
    """Top-1 of the others' query drawings (kept out of the gallery) where each new class is enrolled with one drawing: what that costs."""
    index = {c: k for k, c in enumerate(t.names)}
    known = [c for c in t.names if c not in new]
    base = everything(t, known, queries)
    hits: List[bool] = []
    for shot in range(5):
        enrolled = gallery(base + [(index[c], t.drawings[c][shot]) for c in new])
        for c in known:
            hits += list(class_scores(enrolled, t.asked[c][list(queries[c])], range(len(t.names))).argmax(1) == index[c])
    return float(np.mean(hits))


def open_set(t: Table, unknown: Sequence[str], queries: Which) -> Tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Standing of known queries (kept out of the gallery) and of all drawings of the unknown classes; what the known's true class lacks to the best."""
    known = [c for c in t.names if c not in unknown]
    enrolled = gallery(everything(t, known, queries))
    index = [t.names.index(c) for c in known]
    asked = class_scores(enrolled, np.concatenate([t.asked[c][list(queries[c])] for c in known]), index)
    strange = class_scores(enrolled, np.concatenate([t.asked[c] for c in unknown]), index)
    truth = [k for k, c in enumerate(known) for _ in queries[c]]
    return standing(asked), standing(strange), asked.max(1) - asked[np.arange(len(truth)), truth]


def turned(g: np.ndarray, rng: np.random.Generator, _: float) -> np.ndarray:
    big = np.pad(g, g.shape[0] // 3, constant_values=255)
    return ndimage.rotate(big.astype(float), rng.uniform(-45, 45), reshape=False, cval=255, order=1)


def blurred(g: np.ndarray, _: np.random.Generator, unit: float) -> np.ndarray:
    return ndimage.gaussian_filter(np.pad(g, int(8 * unit), constant_values=255).astype(float), 1.5 * unit)


def faint_noisy(g: np.ndarray, rng: np.random.Generator, _: float) -> np.ndarray:
    return 128 + (g.astype(float) - 128) * 0.25 + rng.normal(0, 8, g.shape)


def faint_gradient(g: np.ndarray, rng: np.random.Generator, _: float) -> np.ndarray:
    v, u = np.mgrid[-1 : 1 : g.shape[0] * 1j, -1 : 1 : g.shape[1] * 1j]
    a = rng.uniform(0, 6.3)
    return 128 + (g.astype(float) - 128) * 0.3 + 50 * (np.cos(a) * u + np.sin(a) * v)


def negative(g: np.ndarray, _: np.random.Generator, __: float) -> np.ndarray:
    return 255.0 - g


SPOILERS: Dict[str, Callable[[np.ndarray, np.random.Generator, float], np.ndarray]] = {
    "rotated_45": turned, "blur": blurred, "contrast_25_noise": faint_noisy, "contrast_30_gradient": faint_gradient, "negative": negative,
}


def robustness(embed: Embed, e: Engravings, t: Table, queries: Which) -> Dict[str, float]:
    """Top-1 of spoiled query drawings against references and the other drawings. Blur: 1.5 px on a 64 px picture."""
    enrolled = gallery(everything(t, t.names, queries))
    truth = np.array([k for k, c in enumerate(e.names) for _ in queries[c]])
    found = {}
    for name, spoil in SPOILERS.items():
        rng, images = np.random.default_rng(11), []
        for c in e.names:
            for i in queries[c]:
                g = e.raw[c][i]
                g = np.clip(spoil(g, rng, g.shape[0] / 64) + 0.5, 0, 255).astype(np.uint8)
                try:
                    images.append(crop(find_ink(g)))
                except Blank:
                    images.append(np.zeros((64, 64), np.float32))
        found[name] = top(class_scores(enrolled, embed(np.stack(images)), range(len(e.names))), truth)[0]
    return found


def omniglot_runs(characters: Dict[str, np.ndarray], seed: int, runs: int = 20) -> List[Tuple[np.ndarray, np.ndarray]]:
    """Runs of 20 characters (all, where there are fewer), one drawer's against another's: (gallery, queries) inputs."""
    rng = np.random.default_rng(seed)
    names, out = sorted(characters), []
    for _ in range(runs):
        pick = rng.permutation(len(names))[:20]
        a, b = rng.permutation(20)[:2]
        out.append(tuple(np.stack([characters[names[i]][d] for i in pick]) for d in (a, b)))
    return out  # type: ignore[return-value]


def omniglot_error(embed: Embed, alphabets: Dict[str, Dict[str, np.ndarray]]) -> Dict[str, float]:
    """Within-alphabet 20-way one-shot error of each alphabet; characters stand upright, so no turned prototypes."""
    found = {}
    for a, characters in alphabets.items():
        wrong = [np.mean((embed(q) @ embed(g).T).argmax(1) != np.arange(len(q))) for g, q in omniglot_runs(characters, 5)]
        found[a] = float(np.mean(wrong))
    return found


def hausdorff_error(alphabets: Dict[str, Dict[str, np.ndarray]]) -> Dict[str, float]:
    """The same runs with the modified Hausdorff distance (Dubuisson and Jain 1994) between every third of the ink pixels."""
    found = {}
    for a, characters in alphabets.items():
        wrong = []
        for g, q in omniglot_runs(characters, 5):
            pg, pq = ([np.argwhere(x > 0.5)[::3] for x in side] for side in (g, q))
            d = np.array([[modified_hausdorff(x, y) for y in pg] for x in pq])
            wrong.append(np.mean(d.argmin(1) != np.arange(len(q))))
        found[a] = float(np.mean(wrong))
    return found


def modified_hausdorff(x: np.ndarray, y: np.ndarray) -> float:
    d = cdist(x - x.mean(0), y - y.mean(0))
    return float(max(d.min(0).mean(), d.min(1).mean()))
