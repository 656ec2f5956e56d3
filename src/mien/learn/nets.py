"""The project's own networks: plain 3x3 convolutions with ReLU, small enough for one processor core, and two classics.

Every trunk here takes normalised pictures (N, C, S, S) float32 and gives features (N, D) float32;
`mien.learn.models` puts normalisation in front and heads behind.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from mien.learn.conv import Conv3x3

__all__ = [
    "OWN_NETS", "OWN_SIZE", "Dense", "FourConv", "Inverted", "PlainNet", "Residual", "build_own", "fixed",
    "standardise", "to_planes",
]  # fmt: skip


class Residual(nn.Module):
    """Two 3x3 convolutions around an identity; (N, C, H, W) to the same shape.

    He et al. 2016, the basic block: batch norm folds into the convolutions at export, the addition quantises well.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = Conv3x3(channels, channels)
        self.norm1 = nn.BatchNorm2d(channels)
        self.conv2 = Conv3x3(channels, channels)
        self.norm2 = nn.BatchNorm2d(channels)
        nn.init.zeros_(self.norm2.weight)  # starts as the identity: steadier first epochs

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C, H, W)."""
        y = functional.relu(self.norm1(self.conv1(x)))
        return functional.relu(x + self.norm2(self.conv2(y)))


_WIDENING = 4


class Inverted(nn.Module):
    """A 1x1 convolution to four times the channels, a 3x3 one channel by channel, a 1x1 one back, around an identity.

    Sandler et al. 2018 (MobileNetV2), with ReLU; half the multiply-adds of `Residual` at the same width.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        wide = _WIDENING * channels
        self.widen = _conv(channels, wide, kernel=1)
        self.depthwise = _conv(wide, wide, groups=wide)
        self.narrow = nn.Conv2d(wide, channels, 1, bias=False)
        self.norm = nn.BatchNorm2d(channels)
        nn.init.zeros_(self.norm.weight)  # starts as the identity, as `Residual`

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C, H, W)."""
        return x + self.norm(self.narrow(self.depthwise(self.widen(x))))


def _conv(inputs: int, outputs: int, stride: int = 1, kernel: int = 3, groups: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


class PlainNet(nn.Module):
    """Stem at full size, then stages that halve the size and add residual blocks; mean over the map at the end.

    Args:
        channels: colour channels of the input, 1 or 3.
        widths: channels of the stem and of every stage.
        blocks: residual blocks of the stem and of every stage, as many entries as `widths`.
        inverted: inverted residual blocks after the last stage.
        features: channels of a 1x1 convolution at the end; 0 leaves it out.

    """

    def __init__(
        self, channels: int, widths: Sequence[int], blocks: Sequence[int], inverted: int = 0, features: int = 0
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = [_conv(channels, widths[0]), *(Residual(widths[0]) for _ in range(blocks[0]))]
        for before, width, count in zip(widths, widths[1:], blocks[1:], strict=False):
            layers += [_conv(before, width, stride=2), *(Residual(width) for _ in range(count))]
        layers += (Inverted(widths[-1]) for _ in range(inverted))
        if features:
            layers.append(_conv(widths[-1], features, kernel=1))
        self.layers = nn.Sequential(*layers)
        self.features = features or widths[-1]

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, S, S) -> (N, D)."""
        return self.layers(x).mean(dim=(2, 3))


class Dense(nn.Module):
    """Fully connected network on the pixels, as the founding projects' "ANN": three hidden layers."""

    features = 128

    def __init__(self, channels: int, size: int) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Flatten()]
        before = channels * size * size
        for width in (512, 256, self.features):
            layers += [nn.Linear(before, width), nn.ReLU(), nn.Dropout(0.2)]
            before = width
        self.layers = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, S, S) -> (N, D)."""
        return self.layers(x)


class FourConv(nn.Module):
    """Four convolutions with pooling and three dense layers (the head is the third), as the founding projects' CNN."""

    features = 256

    def __init__(self, channels: int, size: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        before = channels
        for width in (32, 64, 128, 128):
            layers += [_conv(before, width), nn.MaxPool2d(2, ceil_mode=True), nn.Dropout2d(0.1)]
            before = width
        side = size
        for _ in range(4):
            side = (side + 1) // 2
        self.layers = nn.Sequential(
            *layers,
            nn.Flatten(),
            nn.Linear(before * side * side, 512), nn.ReLU(), nn.Dropout(0.3),
            nn.Linear(512, self.features), nn.ReLU(),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, S, S) -> (N, D)."""
        return self.layers(x)


# Name: (widths, blocks, inverted, features) of a PlainNet. At 48 px in grey: million multiply-adds, million parameters,
# and measured milliseconds for one face with ONNX Runtime on one thread (AVX-512).
_PLAIN: dict[str, tuple[tuple[int, ...], tuple[int, ...], int, int]] = {
    "mien-xs": ((16, 32, 64, 128), (0, 0, 1, 1), 0, 0),  # 30 M, 0.5 M
    "mien-s": ((16, 32, 64, 128), (0, 1, 1, 2), 0, 0),  # 51 M, 0.8 M, 0.42 ms
    "mien-s2": ((16, 32, 64, 128), (0, 1, 1, 3), 0, 0),  # 62 M, 1.1 M, 0.51 ms
    "mien-s3": ((16, 32, 64, 128), (0, 1, 1, 0), 6, 256),  # 60 M, 1.1 M, 0.50 ms
    "mien-d": ((16, 32, 64, 128), (0, 3, 6, 5), 6, 256),  # 187 M, 2.9 M: mien-s3 with 12 blocks more
    "mien-w": ((32, 64, 128, 256), (0, 1, 2, 3), 0, 512),  # 292 M, 4.7 M: wide and plain, as matrix units like it
    "mien-m": ((24, 48, 96, 192), (0, 1, 1, 1), 0, 0),  # 90 M, 1.1 M, 0.74 ms
    "mien-l": ((32, 64, 128, 256, 384), (0, 1, 2, 2, 1), 0, 0),  # 277 M, 7.0 M; wants a GPU to train
}
OWN_SIZE = 48
"""Side of the crops that these nets are made for, in pixels: FER-2013's."""
OWN_NETS: tuple[str, ...] = ("ann", "cnn", *_PLAIN)
"""Names that `build_own` knows."""


def build_own(name: str, channels: int, size: int) -> nn.Module:
    """Trunk by name; it has the attribute `features`, the length D of what it gives.

    Args:
        name: one of `OWN_NETS`.
        channels: 1 or 3.
        size: side of the crops in pixels.

    """
    if name == "ann":
        return Dense(channels, size)
    if name == "cnn":
        return FourConv(channels, size)
    return PlainNet(channels, *_PLAIN[name])


def standardise(x: Tensor) -> Tensor:
    """Every picture (N, C, S, S) to mean 0 and standard deviation 1, so that exposure and contrast matter little.

    A blank picture stays at 0: one grey level is added to the deviation.
    """
    centred = x - x.mean(dim=(1, 2, 3), keepdim=True)
    deviation = centred.square().mean(dim=(1, 2, 3), keepdim=True).sqrt()
    return centred / (deviation + 1.0)


def fixed(x: Tensor, mean: Tensor, std: Tensor) -> Tensor:
    """Pictures (N, C, S, S) in 0..255 by fixed channel means and deviations (C,) in 0..1."""
    return (x / 255.0 - mean.view(1, -1, 1, 1)) / std.view(1, -1, 1, 1)


def to_planes(crops: Tensor) -> Tensor:
    """Crops (N, S, S) or (N, S, S, 3), any type, as float32 planes (N, 1 or 3, S, S)."""
    x = crops.to(torch.float32)
    return x.unsqueeze(1) if x.ndim == 3 else x.permute(0, 3, 1, 2)
