"""The card of engraving-text, from its manifest.

    python3 card.py --folder ../../engraving-text
"""
from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Dict

HEAD = """# engraving-text
The picture of one box → the text that is engraved in it: a convolutional network with a CTC output, {parameters:,} parameters,
{kilobytes} kB, written by [../training/text](../training/text/README.md). How a box becomes its input and its output becomes text:
[PREPROCESSING.md](PREPROCESSING.md).

**Is** the recognition of one line of text in a box that is found and turned upright. **Is not** the localisation, nor the choice of which
way is up: 6 and 9 are told apart by the pose alone. Two lines in one box are not read.

Reads digits, capitals, `a b d e f g h i m n r t y`, space and `. + - / * _`; other small letters look like their capital and are read as
such (c k o p s u v w x z; l as I). Spaces are the first to be lost. Compare without case and without spaces. Additions from 0.50 to 4.00 and
indices count ten times as likely as the network knows; chosen on seed 201, where 3, 10, 30 and 100 each read more of them, and none read less of the rest.

Measured with `models/training/text/run.sh` on simulated pictures with seeds that neither training nor the fit of the confidence saw;
*scenes* are lenses as a station sees them, four in five of the usual difficulty and one hard, every other one with an addition and an index
or letter as makers engrave them (*usual texts*), the others with any text; *sheets* are lenses full of any text. *Jittered*: boxes off by up to
15 % of their size, 4 px, 5°. *Characters*: one less the edit distance per character.

| on | boxes | exact | but for case and 0/O | characters |
| --- | --- | --- | --- | --- |
"""

TAIL = """
What the confidence says, over all these boxes together:

| said | boxes | mean said | right |
| --- | --- | --- | --- |
"""

END = """
There is no photograph of an engraved lens among the data: all pictures are simulated. The simulation engraves in one stroke font; drawn
training text has many more. 0 and O, 1 and I, 5 and S are told apart by what stands beside them, if anything does.
Trained for {steps} steps; the loss was still falling. [The run](../training/text/README.md).
"""


def card(manifest: Dict[str, object]) -> str:
    text = HEAD.format(parameters=manifest["parameters"], kilobytes=round(manifest["bytes"] / 1000))
    for name, f in manifest["evaluation"]["measured"].items():
        cells = [f"{f[k]:.4f}" if k in f else "" for k in ("exact", "exact_but_for_case_and_0_O", "characters")]
        text += f"| {name} | {f['boxes']} | " + " | ".join(cells if "empty" not in name else [cells[0], "", ""]) + " |\n"
    text += TAIL
    for row in manifest["evaluation"]["reliability"]:
        cells = f"{row['said']:.3f} | {row['right']:.3f}" if row["boxes"] else "|"
        text += f"| {row['from']} to {row['to']} | {row['boxes']} | {cells} |\n"
    return text + END.format(**manifest["training"])


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--folder", type=Path, required=True)
    a = p.parse_args()
    (a.folder / "README.md").write_text(card(json.loads((a.folder / "manifest.json").read_text())))


if __name__ == "__main__":
    main()
