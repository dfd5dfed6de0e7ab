"""The network that the embedder's speed is compared with: EfficientNet-B0 (Tan and Le 2019, table 1) of random weights, as ONNX.

    python3 peer.py --out efficientnet-b0.onnx

224 x 224 x 3 in, 1,280 features out, batch 1, 4.0 M parameters without the classifier. How fast it is does not depend on
its weights, so none are loaded. Batch norm is folded into the convolutions, as an export for use has it.
"""
from __future__ import annotations

import argparse
import inspect
from pathlib import Path
from typing import List

import torch
import torch.nn as nn

# Of each stage: widening, channels, repeats, stride, kernel.
STAGES = [(1, 16, 1, 1, 3), (6, 24, 2, 2, 3), (6, 40, 2, 2, 5), (6, 80, 3, 2, 3), (6, 112, 3, 1, 5), (6, 192, 4, 2, 5), (6, 320, 1, 1, 3)]


def conv(i: int, o: int, kernel: int, stride: int = 1, groups: int = 1) -> nn.Conv2d:
    return nn.Conv2d(i, o, kernel, stride, kernel // 2, groups=groups)


class Excite(nn.Module):
    """Squeeze and excitation: every channel times a number between 0 and 1."""

    def __init__(self, channels: int, squeezed: int) -> None:
        super().__init__()
        self.down, self.up = conv(channels, squeezed, 1), conv(squeezed, channels, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.down(x.mean((2, 3), keepdim=True))
        return x * torch.sigmoid(self.up(y * torch.sigmoid(y)))


class Swish(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * torch.sigmoid(x)


class Block(nn.Module):
    """Mobile inverted bottleneck."""

    def __init__(self, i: int, o: int, widening: int, stride: int, kernel: int) -> None:
        super().__init__()
        wide = i * widening
        layers: List[nn.Module] = [conv(i, wide, 1), Swish()] if widening > 1 else []
        self.body = nn.Sequential(*layers, conv(wide, wide, kernel, stride, wide), Swish(), Excite(wide, i // 4), conv(wide, o, 1))
        self.around = stride == 1 and i == o

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.body(x)
        return x + y if self.around else y


class Peer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        layers: List[nn.Module] = [conv(3, 32, 3, 2), Swish()]
        before = 32
        for widening, channels, repeats, stride, kernel in STAGES:
            for n in range(repeats):
                layers.append(Block(before, channels, widening, stride if n == 0 else 1, kernel))
                before = channels
        self.body = nn.Sequential(*layers, conv(before, 1280, 1), Swish())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.body(x).mean((2, 3))


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--out", type=Path, required=True)
    a = p.parse_args()
    torch.manual_seed(1)
    legacy = {"dynamo": False} if "dynamo" in inspect.signature(torch.onnx.export).parameters else {}
    torch.onnx.export(Peer().eval(), torch.zeros(1, 3, 224, 224), str(a.out), opset_version=17, input_names=["image"], output_names=["features"], **legacy)


if __name__ == "__main__":
    main()
