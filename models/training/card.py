"""The model card's text, from the manifest."""
from __future__ import annotations

from typing import Any, Dict, List

# The goals, and what stood before (the measured baselines of an earlier small network and of HOG with the nearest neighbour).
ROWS = [
    ("known symbols, printed references only, top-1", "known_references_only_top1", ".991", ".995"),
    ("never trained on, one drawing enrolled beside all others (48-way), top-1", "new_one_drawing_48_way_top1", ".887", ".97"),
    ("never trained on, printed reference only, joint with all (48-way), top-1", "new_reference_only_48_way_top1", ".850", ".97"),
    ("the others' drawings, while the new have one drawing each, top-1", "known_beside_new_top1", "", ""),
    ("unknown against known, AUROC", "unknown_auroc", ".991", ".997"),
    ("unknown rejected at 95 % of the known accepted", "unknown_rejected_at_95", ".972", ".99"),
    ("drawings rotated up to 45°, top-1", "robustness_top1.rotated_45", ".270", ".95"),
    ("blur, top-1", "robustness_top1.blur", ".584", ".95"),
    ("25 % contrast and noise, top-1", "robustness_top1.contrast_25_noise", ".043", ".95"),
    ("30 % contrast and gradient, top-1", "robustness_top1.contrast_30_gradient", ".700", ".95"),
    ("negative, top-1", "robustness_top1.negative", "", ""),
    ("Omniglot within-alphabet 20-way one-shot error", "omniglot_error", ".075", "≤ .045"),
    ("the same, modified Hausdorff distance", "omniglot_error_modified_hausdorff", "", ""),
    ("the same, plain convolutional net", "omniglot_error_plain_net", "", ""),
]


def pick(figures: Dict[str, Any], path: str) -> Any:
    for key in path.split("."):
        figures = figures.get(key, {}) if isinstance(figures, dict) else {}
    return figures if isinstance(figures, float) else None


def card(m: Dict[str, Any]) -> str:
    lines: List[str] = [
        "# engraving-embedder", "",
        f"Turns the picture of one engraving into a unit vector of {m['output']['shape'][1]} numbers: pictures of the same symbol lie close, whoever drew or",
        f"printed it. {m['parameters']:,} parameters, {m['bytes'] / 1e6:.1f} MB, ONNX opset {m['opset']}, 64 × 64 grey in. How a picture becomes that input, and how",
        "vectors become a decision: [PREPROCESSING.md](PREPROCESSING.md). How it was trained: [../training](../training/README.md).", "",
        "**Is** the recognition of symbols. **Is not** their localisation, nor a reader of text.", "",
        "| figure | before | goal | measured |", "| --- | --- | --- | --- |",
    ]
    for name, key, before, goal in ROWS:
        value = pick(m["measured"], key)
        lines.append(f"| {name} | {before} | {goal} | {'not measured' if value is None else f'{value:.4f}'} |")
    return "\n".join(lines + [
        "", f"Measured {m['measured']['on']} with `{m['measured']['command']}`. Every split is by original picture, before any augmentation:",
        "- *Known*: a run that saw three quarters of each class's drawings; asked are the others (every fourth).",
        f"- *Never trained on*: four folds, twelve classes and two alphabets left out of each. Runs used: {m['measured'].get('runs', 'none')}.",
        "  One drawing enrolled: each of a class's first five in turn, the other 36 classes with all they have.",
        "- *Unknown*: the left-out classes' drawings against every fourth drawing of the others, which are not in the gallery.",
        "- *Spoiled*: the known queries; blur of 1.5 px on a 64 px picture, noise of 8 grey levels, gradient of ± 50.",
        "- *Omniglot*: 20 seeded runs per alphabet, two drawers, one picture each; alphabets left out two at a time. The runs saw our own",
        "  strokes, the other six alphabets of the two small sets, and the drawings of 36 engravings; no fonts.",
        "  The plain net saw the same pictures, for 300 steps where ours had 2,500 after 5,275 on made-up symbols.", "",
        "Chosen by looking at these same folds, so the figures flatter a little: `turn_penalty_per_45_deg`, `second_weight`,",
        "`crowd_penalty` (0.05; it gave 2 to 8 points with one drawing enrolled, and costs the known what the row above says) and",
        "`likeness` (0.9; 0.85 to 0.95 are alike). The likeness without a small part was thought of when one class failed for it.",
        "`second_weight` (0.25; 0.2 to 0.3 are alike) is what brings the unknown past the goal. Chosen, with its threshold, on three folds",
        "and asked on the fourth: AUROC 0.9976 (0.9948 at the 0.4 of before), 0.988 rejected with 0.951 accepted (0.967 with 0.954).",
        "It makes the threshold stricter for what was enrolled but once: of the new with one drawing 0.86 are accepted, before 0.91.", "",
        "Of the drawings that a printed reference alone does not find, most are of three classes that are missed whole: a laptop whose bars",
        "no drawing has, a sun that is taken for an e with rays, and csl, whose twin is bracket-s-l. These twins are also both errors",
        "among the known, and most of the unknown let through.", "",
        "int8 (per channel, calibrated on made-up symbols; measured once on an x86 with VNNI, one thread): 0.22 ms against 0.27 ms, 0.6 MB",
        "against 2.2 MB, the same top-1. It does not ship: finding the ink takes several times as long, and the float model",
        "computes the same on every device.", "",
        "There is no photograph of an engraved lens among the data: camera pictures are simulated. Symbols that differ by one small part",
        "(sl/csl/1sl/isi, (s)/{s}/s1, e with brackets) are the likely confusions; show them to the operator as \"one of\".", ""])
