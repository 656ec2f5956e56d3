"""Random changes of whole batches of crops, as tensors on the training device.

Pictures are float32 planes (N, C, S, S) in 0..255, before and after.
Randomness comes from torch's global generator, which training seeds at the start of every epoch.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from mien.core.errors import OptionError, unknown_name

__all__ = ["PRESETS", "Augmentation", "augment", "augmentation", "mixup"]


@dataclass(frozen=True)
class Augmentation:
    """How far pictures are changed; every value 0 leaves them alone (`corrupted` only says how often).

    Args:
        flip: chance of a left-right mirror image.
        shift: largest shift, as a share of the side.
        rotate: largest turn in degrees, either way.
        zoom: largest change of scale, as a share: 0.2 scales by 1/1.2 to 1.2.
        stretch: largest difference between the scales of width and height, as a share.
        brightness: largest change of brightness, as a share of 255.
        contrast: largest change of contrast, as a share: 0.3 multiplies by 1/1.3 to 1.3.
        gamma: largest change of gamma, as `contrast`.
        noise: largest standard deviation of pixel noise, in grey levels.
        corrupted: chance that gamma is applied to a picture, and that noise is, drawn separately; 1 is every picture.
        low_resolution: chance that a picture is scaled down and up again (to between 0.3 and 0.9 of its side).
        blur: chance of a Gaussian blur (0.4 to 1.2 pixels).
        erase: chance that a rectangle (0.02 to 0.2 of the area) is blotted out.
        mixup: alpha of mixup (Zhang et al. 2018); 0 mixes nothing.

    """

    flip: float = 0.0
    shift: float = 0.0
    rotate: float = 0.0
    zoom: float = 0.0
    stretch: float = 0.0
    brightness: float = 0.0
    contrast: float = 0.0
    gamma: float = 0.0
    noise: float = 0.0
    corrupted: float = 1.0
    low_resolution: float = 0.0
    blur: float = 0.0
    erase: float = 0.0
    mixup: float = 0.0

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            chance = field.name in {"flip", "corrupted", "low_resolution", "blur", "erase"}
            if not math.isfinite(value) or value < 0 or (chance and value > 1):
                limits = "in 0..1" if chance else "0 or more"
                raise OptionError(f"The augmentation {field.name!r} must be {limits}, got {value}.")


PRESETS: dict[str, Augmentation] = {
    "none": Augmentation(),
    "flip": Augmentation(flip=0.5),
    "light": Augmentation(flip=0.5, shift=0.08, rotate=10, zoom=0.15, contrast=0.2, brightness=0.08, erase=0.25),
    "standard": Augmentation(
        flip=0.5, shift=0.1, rotate=15, zoom=0.2, stretch=0.08, brightness=0.1, contrast=0.3, gamma=0.3, noise=6,
        low_resolution=0.1, blur=0.1, erase=0.3,
    ),
    "strong": Augmentation(
        flip=0.5, shift=0.12, rotate=20, zoom=0.25, stretch=0.12, brightness=0.15, contrast=0.5, gamma=0.5, noise=10,
        low_resolution=0.25, blur=0.2, erase=0.4, mixup=0.2,
    ),
}  # fmt: skip
"""Augmentations by name."""


def augmentation(preset: str, changes: Mapping[str, float] | None = None) -> Augmentation:
    """A preset with single values changed.

    Raises:
        OptionError: no preset or no value has such a name, or a value is out of range.

    """
    if preset not in PRESETS:
        raise OptionError(unknown_name("augmentation preset", preset, PRESETS))
    known = [field.name for field in dataclasses.fields(Augmentation)]
    for name, value in (changes or {}).items():
        if name not in known:
            raise OptionError(unknown_name("augmentation", name, known))
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise OptionError(f"The augmentation {name!r} must be a number, got {value!r}.")
    return dataclasses.replace(PRESETS[preset], **(changes or {}))


def augment(x: Tensor, how: Augmentation) -> Tensor:
    """Randomly changed copies of pictures (N, C, S, S) in 0..255; mixup is apart, since it mixes targets too."""
    x = _move(x, how)
    if how.low_resolution:
        x = _some(x, how.low_resolution, _rescale)
    if how.blur:
        x = _some(x, how.blur, _blur)
    if how.contrast or how.brightness or how.gamma:
        x = _light(x, how)
    if how.noise:
        x = x + torch.randn_like(x) * (_uniform(x, 0, 1) * _chosen(x, how.corrupted) * how.noise)
    if how.erase:
        x = _erase(x, how.erase)
    return x.clamp(0, 255)


def _uniform(x: Tensor, low: float, high: float) -> Tensor:
    """One number per picture, (N, 1, 1, 1)."""
    return torch.rand(len(x), 1, 1, 1, device=x.device) * (high - low) + low


def _factor(x: Tensor, change: float) -> Tensor:
    """One factor per picture in 1/(1+change)..1+change, even on a logarithmic scale, (N, 1, 1, 1)."""
    top = math.log1p(change)
    return _uniform(x, -top, top).exp()


def _chosen(x: Tensor, chance: float) -> Tensor:
    """Which pictures something happens to, (N, 1, 1, 1); nothing is drawn where it happens to all."""
    everyone = torch.ones(len(x), 1, 1, 1, dtype=torch.bool, device=x.device)
    return everyone if chance == 1 else torch.rand(len(x), 1, 1, 1, device=x.device) < chance


def _move(x: Tensor, how: Augmentation) -> Tensor:
    """Flip, turn, scale and shift in one resampling; what comes from outside repeats the border."""
    if not (how.shift or how.rotate or how.zoom or how.stretch):
        mirrored = torch.rand(len(x), 1, 1, 1, device=x.device) < how.flip
        return torch.where(mirrored, x.flip(3), x) if how.flip else x
    n = len(x)
    angle = _uniform(x, -how.rotate, how.rotate).view(n) * (math.pi / 180)
    scale = 1 / _factor(x, how.zoom).view(n)
    aspect = _factor(x, how.stretch).view(n).sqrt()
    mirror = torch.where(torch.rand(n, device=x.device) < how.flip, -1.0, 1.0)
    cos, sin = angle.cos() * scale, angle.sin() * scale
    shift = (torch.rand(n, 2, device=x.device) * 2 - 1) * (2 * how.shift)  # in half sides, as affine_grid counts
    rows = (cos * aspect * mirror, -sin / aspect, shift[:, 0], sin * aspect * mirror, cos / aspect, shift[:, 1])
    theta = torch.stack(rows, dim=1).view(n, 2, 3)
    grid = functional.affine_grid(theta, list(x.shape), align_corners=False)
    return functional.grid_sample(x, grid, mode="bilinear", padding_mode="border", align_corners=False)


def _some(x: Tensor, chance: float, change: Callable[[Tensor], Tensor]) -> Tensor:
    """Apply `change` to a random part of the batch."""
    chosen = torch.rand(len(x), device=x.device) < chance
    if not bool(chosen.any()):
        return x
    out = x.clone()
    out[chosen] = change(x[chosen])
    return out


def _rescale(x: Tensor) -> Tensor:
    """Down to one random size per call, and up again."""
    side = x.shape[-1]
    small = max(4, round(side * float(torch.empty(1).uniform_(0.3, 0.9))))
    down = functional.interpolate(x, size=(small, small), mode="bilinear", antialias=True, align_corners=False)
    return functional.interpolate(down, size=(side, side), mode="bilinear", align_corners=False)


def _blur(x: Tensor) -> Tensor:
    """Gaussian blur with one random width per call."""
    sigma = float(torch.empty(1).uniform_(0.4, 1.2))
    taps = torch.arange(-3, 4, device=x.device, dtype=x.dtype)
    kernel = torch.exp(-(taps**2) / (2 * sigma**2))
    kernel = kernel / kernel.sum()
    channels = x.shape[1]
    padded = functional.pad(x, (3, 3, 3, 3), mode="replicate")
    rows = functional.conv2d(padded, kernel.view(1, 1, 7, 1).expand(channels, 1, 7, 1), groups=channels)
    return functional.conv2d(rows, kernel.view(1, 1, 1, 7).expand(channels, 1, 1, 7), groups=channels)


def _light(x: Tensor, how: Augmentation) -> Tensor:
    """Gamma, then contrast around the picture's mean, then brightness."""
    if how.gamma:
        power = torch.where(_chosen(x, how.corrupted), _factor(x, how.gamma), 1.0)
        x = (x.clamp(0, 255) / 255).pow(power) * 255
    mean = x.mean(dim=(1, 2, 3), keepdim=True)
    offset = _uniform(x, -how.brightness, how.brightness) * 255
    return (x - mean) * _factor(x, how.contrast) + mean + offset


def _erase(x: Tensor, chance: float) -> Tensor:
    """One grey rectangle per chosen picture (Zhong et al. 2020), without a loop over pictures."""
    n, _, height, width = x.shape
    area = torch.empty(n, device=x.device).uniform_(0.02, 0.2)
    ratio = torch.empty(n, device=x.device).uniform_(math.log(0.4), math.log(2.5)).exp()
    h, w = (area * ratio).sqrt().clamp(max=0.9) * height, (area / ratio).sqrt().clamp(max=0.9) * width
    top, left = torch.rand(n, device=x.device) * (height - h), torch.rand(n, device=x.device) * (width - w)
    ys = torch.arange(height, device=x.device).view(1, -1, 1)
    xs = torch.arange(width, device=x.device).view(1, 1, -1)
    inside_y = (ys >= top.view(-1, 1, 1)) & (ys < (top + h).view(-1, 1, 1))  # (N, H, 1)
    inside_x = (xs >= left.view(-1, 1, 1)) & (xs < (left + w).view(-1, 1, 1))  # (N, 1, W)
    chosen = torch.rand(n, 1, 1, device=x.device) < chance
    mask = (inside_y & inside_x & chosen).unsqueeze(1)  # (N, 1, H, W)
    return torch.where(mask, torch.rand(n, 1, 1, 1, device=x.device) * 255, x)


def mixup(x: Tensor, targets: Mapping[str, Tensor], alpha: float) -> tuple[Tensor, dict[str, Tensor]]:
    """Mix every picture with another of the batch, and its targets by the same share (Zhang et al. 2018).

    Args:
        x: (N, C, S, S).
        targets: (N, K) per head.
        alpha: of the Beta(alpha, alpha) from which one share per picture is drawn; 0 mixes nothing.

    """
    if not alpha:
        return x, dict(targets)
    share = torch.distributions.Beta(alpha, alpha).sample((len(x),)).to(x.device)
    share = torch.maximum(share, 1 - share)
    other = torch.randperm(len(x)).to(x.device)
    mixed = {name: t * share.view(-1, 1) + t[other] * (1 - share.view(-1, 1)) for name, t in targets.items()}
    s = share.view(-1, 1, 1, 1)
    return x * s + x[other] * (1 - s), mixed
