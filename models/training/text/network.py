"""The recogniser: convolutions that keep every second column, one class distribution to each, for CTC."""
from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from alphabet import CLASSES

WIDE = 80


def layer(into: int, out: int, kernel, stride=1, padding=0, dilation=1) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(into, out, kernel, stride, padding, dilation, bias=False), nn.BatchNorm2d(out), nn.ReLU())


class Along(nn.Module):
    """Looks at so many columns on either side."""

    def __init__(self, dilation: int) -> None:
        super().__init__()
        self.body = layer(WIDE, WIDE, (1, 3), 1, (0, dilation), (1, dilation))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.body(x)


class Reader(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.seen = nn.Sequential(
            layer(1, 16, 5, 2, 2), layer(16, 24, 3, (2, 1), 1), layer(24, 40, 3, (2, 1), 1), layer(40, WIDE, (4, 3), 1, (0, 1)),
            Along(1), Along(2), Along(4), nn.Dropout(0.1),
        )
        self.out = nn.Conv2d(WIDE, CLASSES, 1)

    def forward(self, strip: torch.Tensor) -> torch.Tensor:
        """(batch, 1, 32, width), 0.5 the background, to probabilities (batch, width / 2, classes)."""
        return F.softmax(self.logits(strip), 2)

    def logits(self, strip: torch.Tensor) -> torch.Tensor:
        return self.out(self.seen(2 * strip - 1)).squeeze(2).transpose(1, 2)
