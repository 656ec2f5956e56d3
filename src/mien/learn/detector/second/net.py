"""The network that looks again: the detector's first stages, and a head that sees the whole square."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mien.learn.detector.net import DetectorNet, Residual, Widths, convolution

__all__ = ["SecondNet", "begun"]

_MIX, _SQUEEZED = 64, 32  # channels of the head, and of each of its cells in the last layer
_AIMED = 24  # the same, for the landmarks
_POINTS = 5
_MEAN = (-0.17, -0.1, 0.17, -0.1, 0.0, 0.07, -0.14, 0.22, 0.14, 0.22)  # landmarks of an upright face, before training
_DROPPED = 0.2
_CELL = 16  # px


class SecondNet(nn.Module):
    """Says whether there is a face in the middle of a square, and where its landmarks are.

    The input is (N, 3, S, S) blue-green-red in 0..255 with S a multiple of 16; the outputs are a logit (N,), and right
    eye, left eye, nose, right and left mouth corner from the centre of the square, (N, 5, 2), in halves of its side.

    Args:
        widths: of the detector whose first stages it has.
        side: S, px.

    """

    def __init__(self, widths: Widths, side: int) -> None:
        super().__init__()
        whole = DetectorNet(widths)
        self.widths, self.side, self.unit = widths, side, whole.unit
        self.stem, self.eighth, self.sixteenth = whole.stem, whole.eighth, whole.sixteenth
        self.mix = convolution(widths.eighth + widths.sixteenth, _MIX)
        self.residual = Residual(_MIX, _MIX)
        nn.init.zeros_(self.residual.second[1].weight)  # type: ignore[arg-type]
        self.squeeze = nn.Sequential(nn.Conv2d(_MIX, _SQUEEZED, 1), nn.ReLU(inplace=True))
        self.dropout = nn.Dropout(_DROPPED)
        self.out = nn.Linear(_SQUEEZED * (side // _CELL) ** 2, 1)
        self.aim = nn.Sequential(nn.Conv2d(_MIX, _AIMED, 1), nn.ReLU(inplace=True))
        self.points = nn.Linear(_AIMED * (side // _CELL) ** 2, 2 * _POINTS)
        with torch.no_grad():
            self.points.weight.mul_(0.1)
            self.points.bias.copy_(torch.tensor(_MEAN))

    def forward(self, squares: Tensor) -> tuple[Tensor, Tensor]:
        """Logits and landmarks; see the class."""
        eighth = self.eighth(self.stem((squares - 128) * self.unit))
        both = torch.cat([nn.functional.avg_pool2d(eighth, 2), self.sixteenth(eighth)], 1)
        cells = self.residual(self.mix(both))
        logits: Tensor = self.out(self.dropout(self.squeeze(cells).flatten(1)))
        points: Tensor = self.points(self.aim(cells).flatten(1))
        return logits[:, 0], points.unflatten(1, (_POINTS, 2))


def begun(detector: DetectorNet, side: int) -> SecondNet:
    """A network before the first step: stages of a detector, and a head that knows nothing."""
    net = SecondNet(detector.widths, side)
    own = net.state_dict()
    own.update({key: value for key, value in detector.state_dict().items() if key.startswith(_SHARED)})
    net.load_state_dict(own)
    return net


_SHARED = ("stem.", "eighth.", "sixteenth.")
