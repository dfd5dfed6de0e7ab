"""Writes the checkpoint as ONNX (opset 17, any batch) and compares it with PyTorch on 256 random pictures.

    python3 export.py --model final.pt --out ../engraving-embedder/engraving-embedder.onnx

The file is computed by the runtime that devices have (`run-onnx.mjs`: node, and the project's `npm install`); one that differs by
more than 1e-4 is not left behind.
"""
from __future__ import annotations

import argparse
import hashlib
import inspect
import json
import subprocess
from pathlib import Path

import numpy as np
import torch

from network import Embedder

HERE = Path(__file__).resolve().parent
LIMIT = 1e-4


def load(path: Path) -> Embedder:
    net = Embedder()
    net.load_state_dict(torch.load(path, map_location="cpu")["model"])
    return net.eval()


def write(net: Embedder, out: Path) -> None:
    legacy = {"dynamo": False} if "dynamo" in inspect.signature(torch.onnx.export).parameters else {}
    torch.onnx.export(net, torch.zeros(2, 1, 64, 64), str(out), opset_version=17, input_names=["image"], output_names=["embedding"],
                      dynamic_axes={"image": {0: "batch"}, "embedding": {0: "batch"}}, **legacy)


def difference(net: Embedder, out: Path) -> float:
    rng, worst = np.random.default_rng(3), 0.0
    for batch in (1, 7, 248):
        x = np.clip(rng.normal(0, 0.6, (batch, 1, 64, 64)), 0, 1).astype(np.float32)
        with torch.no_grad():
            expected = net(torch.from_numpy(x)).numpy()
        worst = max(worst, float(np.abs(computed(out, x).reshape(expected.shape) - expected).max()))
    return worst


def computed(model: Path, x: np.ndarray) -> np.ndarray:
    command = ["node", str(HERE / "run-onnx.mjs"), str(model), ",".join(map(str, x.shape))]
    return np.frombuffer(subprocess.run(command, input=x.tobytes(), stdout=subprocess.PIPE, check=True).stdout, np.float32)


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--model", type=Path, required=True)
    p.add_argument("--out", type=Path, required=True)
    a = p.parse_args()
    net = load(a.model)
    part = a.out.with_suffix(".part")
    write(net, part)
    worst = difference(net, part)
    if not worst <= LIMIT:
        part.unlink()
        raise SystemExit(f"{a.out}: differs from PyTorch by {worst:.2g}, allowed {LIMIT}")
    part.rename(a.out)
    digest = hashlib.sha256(a.out.read_bytes()).hexdigest()
    print(json.dumps({"sha256": digest, "bytes": a.out.stat().st_size, "max_difference": worst,
                      "parameters": sum(p.numel() for p in net.parameters())}))


if __name__ == "__main__":
    main()
