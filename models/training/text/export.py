"""Writes the checkpoint as ONNX (opset 17, any batch, any width), its manifest, and the golden cases of the device's tests.

    python3 export.py --model runs/text.pt --folder ../../engraving-text

Needs the Python package onnxruntime; leaves no file that differs from PyTorch by more than 1e-4.
"""
from __future__ import annotations

import argparse
import base64
import hashlib
import inspect
import json
import re
from pathlib import Path
from typing import Dict, Iterator, Tuple

import numpy as np
import torch

from alphabet import ALPHABET, CLASSES, TIMES, USUAL_TEXTS
from decode import decoded
from network import Reader
from render import by_pen, lit, halved
from strip import Box, strip

LIMIT = 1e-4
NAME = "engraving-text"


def load(path: Path) -> Reader:
    net = Reader()
    net.load_state_dict(torch.load(path, map_location="cpu")["model"])
    return net.eval()


def write(net: Reader, out: Path) -> None:
    legacy = {"dynamo": False} if "dynamo" in inspect.signature(torch.onnx.export).parameters else {}
    torch.onnx.export(net, torch.zeros(2, 1, 32, 96), str(out), opset_version=17, input_names=["strip"], output_names=["probabilities"],
                      dynamic_axes={"strip": {0: "batch", 3: "width"}, "probabilities": {0: "batch", 1: "columns"}}, **legacy)


def difference(net: Reader, out: Path) -> float:
    import onnxruntime

    session = onnxruntime.InferenceSession(str(out), providers=["CPUExecutionProvider"])
    rng, worst = np.random.default_rng(3), 0.0
    for batch, width in ((1, 32), (7, 96), (24, 64), (3, 256)):
        x = np.clip(rng.normal(0.5, 0.3, (batch, 1, 32, width)), 0, 1).astype(np.float32)
        with torch.no_grad():
            expected = net(torch.from_numpy(x)).numpy()
        worst = max(worst, float(np.abs(session.run(["probabilities"], {"strip": x})[0] - expected).max()))
    return worst


def golden() -> Iterator[Tuple[str, np.ndarray, Box]]:
    """Pictures of our own, with a box each."""
    rng = np.random.default_rng(7)
    for name, text, ground, contrast, move in (
        ("bright on dark", "2.25", 20, 120, Box(0, 0, 0, 0, 0)), ("dark on bright", "67", 170, -90, Box(1.5, -1, 2, -1.5, 3)),
        ("half outside of the picture", "HD", 60, 90, Box(30, 0, 0, 0, 0)), ("large", "P", 40, 100, Box(0, 2, 3, 4, -4)),
        ("empty", "", 90, 0, Box(0, 0, 0, 0, 12)), ("outside", "AB", 90, 60, Box(400, 0, 0, 0, 0)),
    ):
        drawing = by_pen(text or "50", 44 if name == "large" else 18, 2, np.random.default_rng(5))
        ink = halved(lit(drawing.depth, 2, np.random.default_rng(20)))
        edge = ink.shape[0] // 6
        ink = ink[edge:-edge, edge:-edge]
        y, x = np.mgrid[: ink.shape[0], : ink.shape[1]]
        picture = ground + contrast * np.abs(ink) + 0.2 * x - 0.1 * y + rng.normal(0, 1, ink.shape)
        left, top, right, bottom = (v / 4 for v in drawing.box)
        box = Box((left + right) / 2 - edge + move.x, (top + bottom) / 2 - edge + move.y, right - left + move.width, bottom - top + move.height, move.angle_deg)
        yield name, np.clip(np.floor(picture + 0.5), 0, 255).astype(np.uint8), box


def bytes_of(x: np.ndarray) -> str:
    return base64.b64encode(np.floor(x * 255 + 0.5).astype(np.uint8).tobytes()).decode()


def dumped(manifest: Dict[str, object]) -> str:
    """Lists of numbers on one line each."""
    text = json.dumps(manifest, indent=2, ensure_ascii=False)
    return re.sub(r"\[[-\d.,e\s]+\]", lambda found: re.sub(r"\s+", " ", found[0]).replace("[ ", "[").replace(" ]", "]"), text) + "\n"


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--model", type=Path, required=True)
    p.add_argument("--folder", type=Path, required=True)
    a = p.parse_args()
    torch.set_num_threads(1)
    net, file = load(a.model), a.folder / f"{NAME}.onnx"
    a.folder.mkdir(parents=True, exist_ok=True)
    part = file.with_suffix(".part")
    write(net, part)
    worst = difference(net, part)
    if not worst <= LIMIT:
        part.unlink()
        raise SystemExit(f"{file}: differs from PyTorch by {worst:.2g}, allowed {LIMIT}")
    part.rename(file)
    cases = []
    for name, grey, box in golden():
        x = strip(grey.astype(np.float64), box)
        level = np.floor(x * 255 + 0.5).astype(np.uint8)
        with torch.no_grad():
            out = net(torch.from_numpy(x.astype(np.float32))[None, None])[0].numpy()
        text, probability = decoded(out)
        cases.append({"name": name, "width": grey.shape[1], "height": grey.shape[0], "grey_base64": base64.b64encode(grey.tobytes()).decode(),
                      "box": {"x": box.x, "y": box.y, "width": box.width, "height": box.height, "angle_deg": box.angle_deg},
                      "strip_width": x.shape[1], "strip_base64": bytes_of(x), "text": text, "probability": round(probability, 5)})
        if name == "large":
            with torch.no_grad():
                check = net(torch.from_numpy(level.astype(np.float32) / 255)[None, None])[0].numpy()
            check_input, check_shape = base64.b64encode(level.tobytes()).decode(), [1, 1, *level.shape]
    (a.folder / "golden.json").write_text(json.dumps({"cases": cases}) + "\n")
    saved = torch.load(a.model, map_location="cpu")
    manifest = {
        "schema": "poincon.model/1", "name": NAME, "file": file.name, "sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
        "bytes": file.stat().st_size, "parameters": sum(q.numel() for q in net.parameters()), "opset": 17, "licence": "MIT",
        "input": {"name": "strip", "type": "float32", "shape": ["batch", 1, 32, "width"], "scaling": "0..1, 0.5 the background; PREPROCESSING.md"},
        "output": {"name": "probabilities", "type": "float32", "shape": ["batch", "columns", CLASSES], "scaling": "sum to 1 in each column"},
        "text": {"alphabet": ALPHABET, "usual": {"times": TIMES, "texts": " ".join(USUAL_TEXTS)}, "confidence": {"slope": 1, "offset": 0}},
        "check": {"shape": check_shape, "input_8bit_base64": check_input, "output": [round(float(v), 5) for v in check.ravel()], "tolerance": 0.005},
        "training": {"steps": saved["steps"], "minutes": round(saved["minutes"], 1), "max_difference_to_pytorch": float("%.2g" % worst)},
    }
    (a.folder / "manifest.json").write_text(dumped(manifest))
    print(json.dumps({k: manifest[k] for k in ("sha256", "bytes", "parameters", "training")}))


if __name__ == "__main__":
    main()
