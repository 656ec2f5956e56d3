"""From a checkpoint to a model file that explains itself. Knows no training loop."""

from __future__ import annotations

import copy
import tempfile
import warnings
from pathlib import Path
from typing import Any

import onnx
import torch
from torch import Tensor, nn

from mien.core.contract import DETECTOR_INPUT_NAME, METADATA_KEY, DetectorInfo
from mien.core.errors import OutputError
from mien.core.files import atomic_write
from mien.learn.detector.config import STRIDES
from mien.learn.detector.net import DetectorNet

__all__ = ["Exported", "export_detector"]

_OPSET = 17


class Exported(nn.Module):
    """The network as it ships: pixels (1, H, W, 3) uint8 BGR in, maps with scores in 0..1 out."""

    def __init__(self, net: DetectorNet) -> None:
        super().__init__()
        self.net = _folded(net)

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        """Maps (1, 15, H / s, W / s) for each stride s."""
        maps = self.net(image.permute(0, 3, 1, 2).float())
        return tuple(torch.cat([m[:, :1].sigmoid(), m[:, 1:]], 1) for m in maps)


def _folded(net: DetectorNet) -> DetectorNet:
    """Copy of a network that ships better.

    Its first convolution takes the pixels' values as they are: one pass over them less. The norms of the head are plain
    products and sums, so that the file holds the one convolution before them once.
    """
    copied = copy.deepcopy(net).eval()
    first = next(copied.stem.parameters())
    with torch.no_grad():
        first.mul_(copied.unit)
    copied.unit = 1.0
    copied.norms = nn.ModuleList(_Affine(norm) for norm in copied.norms)
    return copied


class _Affine(nn.Module):
    """A batch norm with fixed statistics as one product and one sum."""

    factor: Tensor
    shift: Tensor

    def __init__(self, norm: nn.Module) -> None:
        super().__init__()
        values = norm.state_dict()
        factor = values["weight"] / (values["running_var"] + getattr(norm, "eps", 0.0)).sqrt()
        self.register_buffer("factor", factor[:, None, None])
        self.register_buffer("shift", (values["bias"] - values["running_mean"] * factor)[:, None, None])

    def forward(self, x: Tensor) -> Tensor:
        return x * self.factor + self.shift


def export_detector(net: DetectorNet, info: DetectorInfo, path: Path) -> None:
    """Write a network and its metadata as one ONNX file with dynamic height and width.

    Raises:
        OutputError: the file cannot be written.

    """
    names = [f"stride{stride}" for stride in STRIDES]
    axes: dict[str, Any] = {name: {2: f"rows{name[6:]}", 3: f"columns{name[6:]}"} for name in names}
    axes[DETECTOR_INPUT_NAME] = {1: "height", 2: "width"}
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter that keeps plain operators announces its retirement
        torch.onnx.export(
            Exported(net).eval(),
            (torch.zeros(1, 64, 96, 3, dtype=torch.uint8),),
            f"{folder}/net.onnx",
            input_names=[DETECTOR_INPUT_NAME],
            output_names=names,
            dynamic_axes=axes,
            opset_version=_OPSET,
            dynamo=False,
        )
        model = onnx.load(f"{folder}/net.onnx")
    model.doc_string = ""
    entry = model.metadata_props.add()
    entry.key, entry.value = METADATA_KEY, info.to_json()
    onnx.checker.check_model(model)
    try:
        with atomic_write(path) as file:
            file.write(model.SerializeToString())
    except OSError as error:
        raise OutputError(f"Cannot write {path}: {error.strerror or error}.") from error
