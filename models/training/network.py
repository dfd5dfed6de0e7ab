"""The network: 64 x 64 grey to a 128-d unit vector. Residual convolutions, strides instead of pooling."""
from __future__ import annotations

import torch
import torch.nn as nn
import torch.nn.functional as F

DIMENSIONS = 128


def unit(i: int, o: int, stride: int, kernel: int = 3) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(i, o, kernel, stride, kernel // 2, bias=False), nn.BatchNorm2d(o))


class Residual(nn.Module):
    """Halve the picture, then one convolution around which the signal may pass."""

    def __init__(self, i: int, o: int) -> None:
        super().__init__()
        self.down, self.side = unit(i, o, 2), unit(o, o, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = F.relu(self.down(x))
        return F.relu(x + self.side(x))


class Embedder(nn.Module):
    def __init__(self, widths: tuple = (16, 32, 64, 128)) -> None:
        super().__init__()
        a, b, c, d = widths
        self.stem = unit(1, a, 2, 5)
        self.body = nn.Sequential(Residual(a, b), Residual(b, c), Residual(c, d))
        self.drop = nn.Dropout(0.1)
        self.head = nn.Linear(d * 16, DIMENSIONS)

    def features(self, x: torch.Tensor) -> torch.Tensor:
        x = self.body(F.relu(self.stem(x * 2 - 0.25)))
        return self.head(self.drop(x.flatten(1)))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.normalize(self.features(x), dim=1)


class Plain(nn.Module):
    """The plain convolutional net that the Omniglot table names beside ours: four conv-pool stages, on 32 x 32 as is usual."""

    def __init__(self) -> None:
        super().__init__()
        stages = []
        for i in range(4):
            stages += [nn.Conv2d(1 if i == 0 else 32, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(), nn.MaxPool2d(2)]
        self.body = nn.Sequential(*stages)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.normalize(self.body(F.avg_pool2d(x, 2)).flatten(1), dim=1)
