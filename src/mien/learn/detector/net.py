"""The network: plain 3x3 convolutions, a top-down path, one head for three strides.

Full convolutions at small width instead of depthwise ones: ONNX Runtime and WebAssembly run them near the
machine's peak. What the maps mean is in `mien.infer.detectors.own`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

__all__ = ["DetectorNet", "Residual", "Widths", "convolution"]

OUTPUTS = 15
"""Per cell: face, centre x, y, log width, log height, and x, y of five landmarks."""

_PRIOR = 0.01  # score of a cell before training: nearly all cells are background


@dataclass(frozen=True)
class Widths:
    """Channels of the stages by their stride, inside the residual blocks, of the top-down path and of the head."""

    half: int = 16
    quarter: int = 32
    eighth: int = 48
    eighth_inner: int = 48
    sixteenth: int = 64
    sixteenth_inner: int = 64
    thirtysecond: int = 48
    neck: int = 48
    head: int = 48
    wide: int = 0
    """Inside a further residual block at the largest stride, which sees faces of 400 px whole; 0 for none."""
    deep: int = 0
    """Inside a further residual block at stride 16; 0 for none."""
    broad: int = 0
    """Inside a second further residual block at the largest stride; 0 for none."""
    fine: int = 0
    """Inside a further residual block at stride 8, which sees small faces with more around them; 0 for none."""


class DetectorNet(nn.Module):
    """Face detector.

    The input is (N, 3, H, W) blue-green-red in 0..255 with H and W multiples of 32; the outputs are maps
    (N, 15, H / s, W / s) of raw values for the strides s = 8, 16, 32.
    """

    def __init__(self, widths: Widths | None = None) -> None:
        super().__init__()
        self.widths = w = widths or Widths()
        self.unit = 1 / 64  # of the pixels' values around the middle one
        self.stem = nn.Sequential(convolution(3, w.half, 2), convolution(w.half, w.quarter, 2))
        inner = (w.eighth_inner, w.fine)
        self.eighth = nn.Sequential(convolution(w.quarter, w.eighth, 2), *_residuals(w.eighth, inner))
        inner = (w.sixteenth_inner, w.deep)
        self.sixteenth = nn.Sequential(convolution(w.eighth, w.sixteenth, 2), *_residuals(w.sixteenth, inner))
        last = convolution(w.thirtysecond, w.thirtysecond)
        further = _residuals(w.thirtysecond, (w.wide, w.broad))
        self.thirtysecond = nn.Sequential(convolution(w.sixteenth, w.thirtysecond, 2), last, *further)
        self.lateral = nn.ModuleList(nn.Conv2d(c, w.neck, 1) for c in (w.eighth, w.sixteenth, w.thirtysecond))
        self.head = nn.Conv2d(w.neck, w.head, 3, 1, 1, bias=False)
        # One convolution for all strides, but a norm for each: their features are distributed differently, so that
        # statistics of all of them together would fit none.
        self.norms = nn.ModuleList(nn.BatchNorm2d(w.head) for _ in self.lateral)
        self.out = nn.Conv2d(w.head, OUTPUTS, 1)
        _initialise(self)

    def features(self, images: Tensor) -> list[Tensor]:
        """Inputs of the last layer: (N, C, H / s, W / s) for each stride."""
        centred = images - 128
        eighth = self.eighth(self.stem(centred if self.unit == 1 else centred * self.unit))
        sixteenth = self.sixteenth(eighth)
        p5 = self.lateral[2](self.thirtysecond(sixteenth))
        p4 = self.lateral[1](sixteenth) + _double(p5)
        p3 = self.lateral[0](eighth) + _double(p4)
        pyramid = (p3, p4, p5)
        return [torch.relu(norm(self.head(torch.relu(p)))) for norm, p in zip(self.norms, pyramid, strict=True)]

    def forward(self, images: Tensor) -> list[Tensor]:
        """Maps of raw values; see the class."""
        return [self.out(feature) for feature in self.features(images)]


class Residual(nn.Module):
    """Two convolutions whose result is added to their input, (N, C, H, W) to the same."""

    def __init__(self, channels: int, inner: int) -> None:
        super().__init__()
        self.first = convolution(channels, inner)
        self.second = nn.Sequential(nn.Conv2d(inner, channels, 3, 1, 1, bias=False), nn.BatchNorm2d(channels))

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        return torch.relu(x + self.second(self.first(x)))


def _residuals(channels: int, inner: tuple[int, ...]) -> list[Residual]:
    """A block for each width that is not 0."""
    return [Residual(channels, width) for width in inner if width]


def convolution(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    """A convolution of 3x3 with its norm and its activation."""
    layer = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
    return nn.Sequential(layer, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True))


def _double(x: Tensor) -> Tensor:
    return nn.functional.interpolate(x, scale_factor=2.0, mode="nearest")


def _initialise(net: DetectorNet) -> None:
    for module in net.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    nn.init.normal_(net.out.weight, std=0.01)
    bias = torch.zeros(OUTPUTS)
    bias[0] = -math.log((1 - _PRIOR) / _PRIOR)
    bias[3:5] = 1.0  # a face of e strides, the middle of a stride's range
    net.out.bias = nn.Parameter(bias)
