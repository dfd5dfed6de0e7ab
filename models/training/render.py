"""Renders and spoils symbols on the CPU or GPU, a batch at a time: points in, network inputs out.

What a drawer, a printer and a camera change is drawn at random here. The result is meant to look like
preprocess.crop()'s, which is why ink level, soft threshold and box follow it.
"""
from __future__ import annotations

import math
from typing import Callable, Tuple

import numpy as np
import torch
import torch.nn.functional as F
from scipy import ndimage

SIDE, BOX, MAX_STRETCH = 64, 52.0, 1.5
RADII = [0.6, 0.8, 1.0, 1.3, 1.7, 2.2, 2.8, 3.5]
SIGMAS = [0.6, 1.0, 1.4, 1.9, 2.5, 3.2]
Tensor = torch.Tensor


def _disc(radius: float) -> Tensor:
    k = torch.arange(-4, 5).float()
    d = torch.sqrt(k[:, None] ** 2 + k[None] ** 2)
    disc = (radius + 0.5 - d).clamp(0, 1)
    return disc / disc.sum()


def _gauss(sigma: float) -> Tensor:
    k = torch.arange(-8, 9).float()
    g = torch.exp(-(k**2) / (2 * sigma**2))
    return g / g.sum()


DISCS = torch.stack([_disc(r) for r in RADII])
GAUSSES = torch.stack([_gauss(s) for s in SIGMAS])


def uniform(shape: Tuple[int, ...], low: float, high: float) -> Tensor:
    return torch.rand(shape) * (high - low) + low


STROKES = 24


def pen(points: Tensor, ids: Tensor, drawn: Tensor) -> Tensor:
    """What a hand does: neighbouring strokes together, then every stroke a little turned, sized and shifted, then the whole
    sheared and bent. (B, P, 2)."""
    b = len(points)
    most = torch.where(torch.rand(b) < 0.2, 2.0, 1.4)
    amount = torch.where(drawn, 0.3 + torch.rand(b) * (most - 0.3), uniform((b,), 0.0, 0.25))[:, None]
    index = ids.long()
    group = (torch.rand(b, STROKES) < 0.35).cumsum(1).clamp(max=STROKES - 1).gather(1, index)
    points = jittered(points, group, amount * (torch.rand(b, 1) < 0.6), (0.05, 0.13, 0.045))
    return whole(jittered(points, index, amount, (0.11, 0.09, 0.03)), amount)


def jittered(points: Tensor, index: Tensor, amount: Tensor, by: Tuple[float, float, float]) -> Tensor:
    """Each of the numbered parts turned, sized and shifted about its own middle; `by`: deviations at an amount of 1."""
    b, p, _ = points.shape
    n = STROKES
    ones = torch.zeros(b, n).scatter_add_(1, index, torch.ones(b, p)).clamp(min=1)
    centre = torch.stack([torch.zeros(b, n).scatter_add_(1, index, points[..., i]) / ones for i in (0, 1)], -1)
    turn = torch.randn(b, n) * by[0] * amount
    size = torch.exp(torch.randn(b, n, 2) * by[1] * amount[..., None])
    shift = torch.randn(b, n, 2) * by[2] * amount[..., None]
    take = index[..., None].expand(b, p, 2)
    q = (points - centre.gather(1, take)) * size.gather(1, take)
    a = turn.gather(1, index)
    q = torch.stack([q[..., 0] * a.cos() - q[..., 1] * a.sin(), q[..., 0] * a.sin() + q[..., 1] * a.cos()], -1)
    return q + centre.gather(1, take) + shift.gather(1, take)


def whole(q: Tensor, amount: Tensor) -> Tensor:
    b = q.shape[0]
    for low, high, size in ((2.0, 5.0, 0.034), (6.0, 14.0, 0.008)):
        k = uniform((b, 2, 2), low, high) * torch.sign(torch.randn(b, 2, 2))
        wave = torch.sin(torch.einsum("bpi,bij->bpj", q, k) + uniform((b, 1, 2), 0, 6.3))
        q = q + wave * (torch.randn(b, 1, 2) * size * amount[..., None] * 1.4)
    angle = torch.randn(b) * 0.1 * (0.4 + amount[:, 0])
    far = torch.rand(b) < 0.25
    angle = torch.where(far, uniform((b,), -0.35, 0.35), angle)
    stretch = torch.randn(b) * 0.13 * amount[:, 0]
    shear = torch.randn(b) * 0.12 * amount[:, 0]
    c, s = angle.cos(), angle.sin()
    m = torch.stack([torch.stack([c, -s], -1), torch.stack([s, c], -1)], -2)
    e = stretch.exp()
    n = torch.stack([torch.stack([e, shear], -1), torch.stack([torch.zeros(b), 1 / e], -1)], -2)
    return torch.einsum("bpi,bji->bpj", q, torch.bmm(m, n))


def boxed(q: Tensor, weight: Tensor, radius: Tensor) -> Tuple[Tensor, Tensor]:
    """Points in network pixels, box as preprocess.crop() makes it (a little off, as under noise), and the scale."""
    big = 1e6 * (weight <= 0)[..., None]
    lo, hi = (q + big).min(1).values, (q - big).max(1).values
    wh = (hi - lo).clamp(min=1e-3)
    side = wh.max(1).values
    stretch = (side / wh.min(1).values).sqrt().clamp(max=MAX_STRETCH)
    wide = wh[:, 0] >= wh[:, 1]
    ones = torch.ones_like(stretch)
    sx, sy = torch.where(wide, ones, stretch), torch.where(wide, stretch, ones)
    b = q.shape[0]
    off = torch.rand(b, 1) < 0.35
    jitter = torch.where(off, uniform((b, 1), 0.8, 1.08), uniform((b, 1), 0.96, 1.01))
    scale = torch.stack([sx, sy], -1) * ((BOX - 1 - 2 * radius) / side)[:, None] * jitter
    move = torch.randn(b, 2) * torch.where(off, torch.tensor(2.0), torch.tensor(0.4))
    return (q - ((lo + hi) / 2)[:, None]) * scale[:, None] + SIDE / 2 + move[:, None], scale.mean(1)


def splat(q: Tensor, weight: Tensor) -> Tensor:
    """Every point's weight shared among its four pixels. (B, 64, 64)."""
    b = q.shape[0]
    q = (q - 0.5).clamp(0, SIDE - 1.001)
    i = q.floor()
    f = q - i
    base = (i[..., 1] * SIDE + i[..., 0]).long() + torch.arange(b)[:, None] * SIDE * SIDE
    out = torch.zeros(b * SIDE * SIDE)
    for dx, dy in ((0, 0), (1, 0), (0, 1), (1, 1)):
        w = (f[..., 0] if dx else 1 - f[..., 0]) * (f[..., 1] if dy else 1 - f[..., 1]) * weight
        out.index_add_(0, (base + dx + dy * SIDE).reshape(-1), w.reshape(-1))
    return out.view(b, SIDE, SIDE)


def banked(x: Tensor, which: Tensor, bank: Tensor) -> Tensor:
    """Each picture through the kernel of `bank` that `which` names; below zero: none."""
    out = x.clone()
    for i in range(len(bank)):
        at = (which == i).nonzero()[:, 0]
        if len(at) == 0:
            continue
        k = bank[i]
        y = x[at][:, None]
        if k.dim() == 1:
            y = F.conv2d(F.conv2d(y, k.view(1, 1, 1, -1), padding=(0, len(k) // 2)), k.view(1, 1, -1, 1), padding=(len(k) // 2, 0))
        else:
            y = F.conv2d(y, k[None, None], padding=k.shape[0] // 2)
        out[at] = y[:, 0]
    return out


def lines(points: Tensor, ids: Tensor, along: Tensor, drawn: Tensor) -> Tensor:
    """Strokes (evenly spaced points) to ink maps of a drawn or a printed look."""
    b, p, _ = points.shape
    width = torch.where(drawn, torch.randint(0, 4, (b,)), torch.randint(1, 7, (b,)))
    width = torch.where(drawn & (torch.rand(b) < 0.1), torch.randint(3, 6, (b,)), width)
    radius = torch.tensor(RADII)[width]
    weight = torch.ones(b, p)
    cut = uniform((b, 24), 0, 0.07) * drawn[:, None]
    weight = weight * (along >= cut.gather(1, ids.long())) * (along <= 1 - cut.flip(1).gather(1, ids.long()))
    gaps = (torch.rand(b, 1) < 0.12) & (torch.sin(along * uniform((b, 1), 15, 60) + ids * 2.0 + uniform((b, 1), 0, 6)) > 0.75)
    weight = weight * ~gaps
    left_out = drawn & (torch.rand(b) < 0.06) & (ids.max(1).values >= 4)
    weight = weight * ~(left_out[:, None] & (ids == torch.randint(0, STROKES, (b, 1)) % (ids.max(1, keepdim=True).values + 1)))
    q, _ = boxed(pen(points, ids, drawn), weight, radius)
    step = (q[:, 1:] - q[:, :-1]).norm(dim=-1)
    d = (step * (step < 4)).sum(1) / p
    thin = splat(q, weight)
    solid = (banked(thin, width, DISCS) * (math.pi / 2 * 1.25 * (radius + 0.25) * d)[:, None, None]).clamp(0, 1)
    hollow = ~drawn & (width >= 4) & (torch.rand(b) < 0.25)
    inner = (banked(thin, torch.where(hollow, width - 3, -1), DISCS) * (4 * d)[:, None, None]).clamp(0, 1)
    return filled(torch.where(hollow[:, None, None], (solid - inner).clamp(0, 1), solid), ~drawn & ~hollow & (torch.rand(b) < 0.3))


def filled(x: Tensor, which: Tensor) -> Tensor:
    """Some of the closed parts filled, where that does not bury too much."""
    for i in which.nonzero()[:, 0].tolist():
        ink = x[i].numpy() > 0.3
        label, n = ndimage.label(~ink)
        area = np.bincount(label.reshape(-1), minlength=n + 1)
        fill = (area < 0.15 * BOX * BOX) & (np.random.default_rng(int(torch.randint(0, 2**31, (1,)))).random(n + 1) < 0.75)
        fill[[0, *np.unique(label[[0, -1]]), *np.unique(label[:, [0, -1]])]] = False
        x[i] = torch.maximum(x[i], torch.from_numpy(fill[label].astype(np.float32)))
    return x


def pixels(points: Tensor, weight: Tensor, ids: Tensor, drawn: Tensor) -> Tensor:
    """Real pictures, as weighted ink pixels of their network input (coordinates / 52), bent and redrawn; `ids` numbers the parts."""
    b = len(points)
    width = torch.where(drawn, torch.randint(0, 4, (b,)), torch.randint(0, 3, (b,)))
    radius = torch.tensor(RADII)[width]
    q, scale = boxed(pen(points, ids, drawn | (torch.rand(b) < 0.5)), weight, radius - 0.6)
    solid = (banked(splat(q, weight), width, DISCS) * ((scale / BOX) ** 2 * 1.6)[:, None, None]).clamp(0, 1)
    return filled(solid, ~drawn & (torch.rand(b) < 0.1))


def field(b: int, low: float, high: float, cells: int) -> Tensor:
    return F.interpolate(uniform((b, 1, cells, cells), low, high), size=(SIDE, SIDE), mode="bilinear", align_corners=True)[:, 0]


def level(x: Tensor) -> Tensor:
    return x.flatten(1).topk(64, dim=1).values.mean(1).clamp(min=1e-3)[:, None, None]


def some(x: Tensor, p: float, change: Callable[[Tensor], Tensor]) -> None:
    """Changes a random part `p` of the pictures in place."""
    at = (torch.rand(len(x)) < p).nonzero()[:, 0]
    if len(at):
        x[at] = change(x[at])


def phase(x: Tensor) -> Tensor:
    dx, dy = [(1, 0), (0, 1), (1, 1), (1, -1)][int(torch.randint(0, 4, (1,)))]
    return (x - 0.9 * torch.roll(x, (dy, dx), (1, 2))).abs()


def noisy(x: Tensor) -> Tensor:
    noise = torch.randn_like(x)
    some(noise, 0.6, lambda n: F.avg_pool2d(n[:, None], 3, 1, 1)[:, 0] * 2)
    sigma = uniform((len(x), 1, 1), 0.05, 0.32)
    return threshold(x + noise * sigma, sigma)


def threshold(x: Tensor, sigma: Tensor) -> Tensor:
    x = x / level(x)
    tau = uniform((len(x), 1, 1), 0.06, 0.1).maximum(sigma).clamp(max=0.3)
    return ((x - tau) / (1 - tau)).clamp(0, 1)


def spoiled(x: Tensor) -> Tensor:
    """Uneven and broken strokes, phase lines, specks, blur, noise; then level and soft threshold as in crop()."""
    x = x.clone()
    some(x, 0.25, lambda y: y * field(len(y), 0.25, 1.3, 5).clamp(max=1))
    some(x, 0.08, lambda y: y * (field(len(y), 0, 1, 14) > 0.3))
    some(x, 0.06, phase)
    some(x, 0.08, lambda y: torch.maximum(y, (torch.rand_like(y) < 0.002) * torch.rand_like(y) * 1.2))
    blur = torch.where(torch.rand(len(x)) < 0.35, torch.randint(0, len(SIGMAS), (len(x),)), torch.tensor(-1))
    x = banked(x, blur, GAUSSES)
    x = x / level(x)
    some(x, 0.06, lambda y: y + field(len(y), -0.15, 0.15, 3))
    at = torch.rand(len(x)) < 0.28
    x[at] = noisy(x[at])
    x[~at] = threshold(x[~at], torch.zeros(1, 1, 1))
    return x
