"""A net that stands in for weights that cannot be had offline, for times only; see `peers.py`."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path


def write_untrained(path: Path) -> None:
    """Write an ONNX file with the layers of deepface's expression net: (N, 48, 48, 1) grey -> (N, 7) shares.

    The layers are those of `EmotionModel` in deepface 0.0.103.
    """
    import torch
    from torch import nn

    class ChannelsFirst(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x.permute(0, 3, 1, 2)

    def conv(inputs: int, outputs: int, side: int) -> tuple[nn.Module, nn.Module]:
        return nn.Conv2d(inputs, outputs, side), nn.ReLU()

    net = nn.Sequential(
        ChannelsFirst(),
        *conv(1, 64, 5), nn.MaxPool2d(5, 2),
        *conv(64, 64, 3), *conv(64, 64, 3), nn.AvgPool2d(3, 2),
        *conv(64, 128, 3), *conv(128, 128, 3), nn.AvgPool2d(3, 2), nn.Flatten(),
        nn.Linear(128, 1024), nn.ReLU(), nn.Linear(1024, 1024), nn.ReLU(), nn.Linear(1024, 7), nn.Softmax(1),
    )  # fmt: skip
    path.parent.mkdir(parents=True, exist_ok=True)
    shape = {0: torch.export.Dim("n")}
    with contextlib.redirect_stdout(io.StringIO()):
        torch.onnx.export(
            net.eval(), (torch.zeros(2, 48, 48, 1),), path, dynamo=True, dynamic_shapes=(shape,), external_data=False
        )
