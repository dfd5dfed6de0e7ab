"""Writes a checkpoint as ONNX (opset 17, any size), with manifest and golden vectors; compares it with PyTorch.

    python3 export.py --model locator.pt --out ../../lens-locator [--figures figures.json]

With the Python package onnxruntime the file is compared here, on three sizes; without it, on the device: what is stored in
the manifest is what PyTorch computes. A file that differs by more than 1e-4 is not left behind.
"""
from __future__ import annotations

import argparse
import base64
import hashlib
import inspect
import json
from pathlib import Path

import numpy as np
import torch

from network import MAPS, Locator
from preprocess import halved, planes

LIMIT = 1e-4


def load(path: Path) -> Locator:
    net = Locator()
    net.load_state_dict(torch.load(path, map_location="cpu")["model"])
    return net.eval()


def write(net: Locator, out: Path) -> None:
    legacy = {"dynamo": False} if "dynamo" in inspect.signature(torch.onnx.export).parameters else {}
    axes = {"planes": {0: "batch", 2: "height", 3: "width"}, "maps": {0: "batch", 2: "rows", 3: "columns"}}
    torch.onnx.export(net, torch.zeros(1, 3, 96, 128), str(out), opset_version=17, input_names=["planes"], output_names=["maps"],
                      dynamic_axes=axes, **legacy)


def difference(net: Locator, out: Path) -> float | None:
    try:
        import onnxruntime
    except ImportError:
        return None
    session = onnxruntime.InferenceSession(str(out), providers=["CPUExecutionProvider"])
    rng, worst = np.random.default_rng(3), 0.0
    for shape in ((1, 3, 480, 640), (2, 3, 96, 96), (1, 3, 32, 32)):
        x = rng.random(shape).astype(np.float32)
        with torch.no_grad():
            expected = net(torch.from_numpy(x)).numpy()
        worst = max(worst, float(np.abs(session.run(["maps"], {"planes": x})[0] - expected).max()))
    return worst


def packed(x: np.ndarray) -> str:
    return base64.b64encode(np.ascontiguousarray(x).tobytes()).decode()


def drawn(width: int, height: int, seed: int) -> np.ndarray:
    """Two circles and strokes on a ground that grows brighter, with noise: nothing of anybody's."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width] + 0.5
    p = 20 + 0.2 * x + 0.1 * y + rng.normal(0, 1.5, (height, width))
    for cx, cy, r in ((0.3, 0.4, 9), (0.7, 0.6, 12)):
        p += 40 * np.exp(-((np.hypot(x - cx * width, y - cy * height) - r) / 1.2) ** 2)
    p += 60 * (np.abs(x - 0.5 * width) < 1) * (np.abs(y - 0.5 * height) < 12)
    return np.clip(np.floor(p + 0.5), 0, 255).astype(np.uint8)


def check(net: Locator) -> dict:
    both = planes(halved(drawn(64, 64, 5)))
    x = np.floor(np.concatenate([both, np.ones_like(both[:1])]) * 255 + 0.5).astype(np.uint8)[None]
    with torch.no_grad():
        y = net(torch.from_numpy(x.astype(np.float32) / 255)).numpy()
    return {"shape": list(x.shape), "input_8bit_base64": packed(x), "output": [round(float(v), 6) for v in y.ravel()], "tolerance": 2e-3}


def golden(net: Locator) -> dict:
    """The planes in 8 bits, and the maps, of pictures a device makes of the same pixels."""
    cases = []
    for name, grey in (("circles", drawn(192, 128, 1)), ("black", np.zeros((64, 128), np.uint8))):
        both = planes(halved(grey))
        cases.append({"name": name, "width": grey.shape[1], "height": grey.shape[0], "grey_base64": packed(grey),
                      "planes_base64": packed(np.floor(both * 255 + 0.5).astype(np.uint8))})
    return {"cases": cases}


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--model", type=Path, required=True)
    p.add_argument("--out", type=Path, required=True)
    p.add_argument("--figures", type=Path)
    a = p.parse_args()
    a.out.mkdir(parents=True, exist_ok=True)
    net = load(a.model)
    part, file = a.out / "lens-locator.part", a.out / "lens-locator.onnx"
    write(net, part)
    worst = difference(net, part)
    if worst is not None and not worst <= LIMIT:
        part.unlink()
        raise SystemExit(f"{file}: differs from PyTorch by {worst:.2g}, allowed {LIMIT}")
    part.rename(file)
    manifest = {
        "schema": "poincon.model/1", "name": "lens-locator", "file": file.name,
        "sha256": hashlib.sha256(file.read_bytes()).hexdigest(), "bytes": file.stat().st_size,
        "parameters": sum(q.numel() for q in net.parameters()), "opset": 17, "licence": "MIT",
        "input": {"name": "planes", "type": "float32", "shape": ["batch", 3, "height", "width"],
                  "scaling": "0..1, multiples of 32 each way; PREPROCESSING.md"},
        "output": {"name": "maps", "type": "float32", "shape": ["batch", 4 * len(MAPS), "rows", "columns"],
                   "scaling": "0..1; four quarters of a cell for each of " + ", ".join(MAPS)},
        "check": check(net),
        "training": {"steps": torch.load(a.model, map_location="cpu")["steps"], "difference_to_pytorch": worst},
    }
    if a.figures:
        manifest["figures"] = json.loads(a.figures.read_text())
    (a.out / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n")
    (a.out / "golden.json").write_text(json.dumps(golden(net)) + "\n")
    print(json.dumps({k: manifest[k] for k in ("sha256", "bytes", "parameters")} | {"max_difference": worst}))


if __name__ == "__main__":
    main()
