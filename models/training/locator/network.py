"""The locator: fully convolutional, three planes at half the picture's size in, six maps at a quarter out.

The third plane is 0 on a picture as the camera took it, and 1 on a group of marks that was turned upright and scaled: the
same network looks twice, the second time knowing how the lens lies.
"""
from __future__ import annotations

import torch
from torch import Tensor, nn

# Marks are peaks; the others are 1 where a box, the lens, a mirrored lamp lies.
MAPS = ("nasal", "temporal", "symbol", "text", "lens", "glare")


def block(inside: int, out: int, stride: int = 1, dilation: int = 1) -> nn.Sequential:
    conv = nn.Conv2d(inside, out, 3, stride=stride, padding=dilation, dilation=dilation, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(out), nn.ReLU(inplace=True))


class Locator(nn.Module):
    """Down to a 64th, where a lens is a few cells, and back: places from the fine layers, sense from the coarse."""

    def __init__(self, c1: int = 8, c2: int = 16, c3: int = 32, c4: int = 48) -> None:
        super().__init__()
        self.at_4th = block(3, c1, stride=2)
        self.at_8th = nn.Sequential(block(c1, c2, stride=2), block(c2, c2))
        self.at_16th = nn.Sequential(block(c2, c3, stride=2), block(c3, c3))
        self.at_32nd = nn.Sequential(block(c3, c4, stride=2), block(c4, c4), block(c4, c4, dilation=2), block(c4, c4))
        self.at_64th = nn.Sequential(block(c4, c4, stride=2), block(c4, c4), block(c4, c4, dilation=2), block(c4, c4))
        self.from_32nd = nn.Conv2d(c4, c3, 1)
        self.back_16th = block(c3, c3)
        self.from_16th = nn.Conv2d(c3, c2, 1)
        self.back_8th = block(c2, c3)
        self.head = nn.Conv2d(c3, 4 * len(MAPS), 1)
        self.twice = nn.Upsample(scale_factor=2, mode="nearest")
        nn.init.constant_(self.head.bias, -4.0)

    def logits(self, x: Tensor) -> Tensor:
        fine = self.at_8th(self.at_4th(x))
        middle = self.at_16th(fine)
        coarse = self.at_32nd(middle)
        coarse = self.from_32nd(coarse + self.twice(self.at_64th(coarse)))
        middle = self.back_16th(torch.relu(middle + self.twice(coarse)))
        fine = self.back_8th(torch.relu(fine + self.twice(self.from_16th(middle))))
        return self.head(fine)

    def forward(self, x: Tensor) -> Tensor:
        """Four numbers a map and cell: its quarters, left above, right above, left below, right below."""
        return torch.sigmoid(self.logits(x))


def quarters(maps: Tensor) -> Tensor:
    """Each cell's four numbers laid out as a picture of twice the size."""
    return nn.functional.pixel_shuffle(maps, 2)
