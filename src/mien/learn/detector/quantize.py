"""The detector in 8 bit: convolutions and what lies between them, their ranges set by training photographs."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnxruntime.quantization import CalibrationDataReader

from mien.core.contract import DETECTOR_INPUT_NAME
from mien.data.faces import FacePicture, load_bgr
from mien.evaluate.detection import enlarged
from mien.infer.detectors.own import padded
from mien.infer.detectors.scaling import shrink
from mien.learn.detector.config import STRIDES
from mien.learn.detector.eight.channels import equalise
from mien.learn.detector.eight.network import Network
from mien.learn.detector.eight.prepare import prepared
from mien.learn.detector.eight.ranges import fitted_ranges, seen_ranges
from mien.learn.detector.eight.weights import round_weights
from mien.learn.detector.eight.write import write_floats, write_weights
from mien.learn.quantize import eight_bit

__all__ = ["quantized", "rounded"]

_OPERATORS = ("Conv", "Relu", "Add", "Resize")  # with Relu, so that it becomes a part of the convolution before it
_TRIED = 64  # pictures that ranges are tried on; fewer lack what is rare (dev/log.md)


class _Photographs(CalibrationDataReader):
    """Photographs one by one, as the detector sees them."""

    def __init__(self, images: Sequence[NDArray[np.uint8]]) -> None:
        self._images = iter(images)

    def get_next(self) -> dict[str, Any] | None:
        """The next photograph, or None at the end."""
        image = next(self._images, None)
        return None if image is None else {DETECTOR_INPUT_NAME: image}


def _seen(picture: FacePicture, side: int, enlarge: bool) -> NDArray[np.uint8]:
    """A photograph as the detector sees it, (1, H, W, 3), its longest side at most, or just, `side` px."""
    image = enlarged(load_bgr(picture), side if enlarge else None)[0]
    return padded(shrink(image, side)[0], STRIDES[-1])[None]


def quantized(source: Path, pictures: Sequence[FacePicture], side: int) -> onnx.ModelProto:
    """Graph of a detector's file in 8 bit.

    Ranges and weights are those that change the answers least (`mien.learn.detector.eight`).

    Args:
        source: the file in float32.
        pictures: training photographs on which ranges and weights are rounded.
        side: longest side in pixels at which they are looked at; every other one is enlarged to it.

    Raises:
        DataError: a photograph cannot be read.

    """
    model = onnx.load(str(source))
    kept = prepared(model.graph)
    # Every other one as large as the application sees most pictures, whatever the size of those to learn from.
    images = [_seen(picture, side, place % 2 == 1) for place, picture in enumerate(pictures)]
    network = rounded(model.graph, kept, [torch.from_numpy(image) for image in images])
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "float.onnx"
        onnx.save(model, str(file))
        # The quantiser wants to see a picture, though all ranges are known.
        small = eight_bit(file, _Photographs(images[:1]), _OPERATORS, kept, ranges=network.ranges)
    write_weights(small, network)
    return small


def rounded(graph: onnx.GraphProto, kept: Sequence[str], images: Sequence[torch.Tensor]) -> Network:
    """The network with the ranges and weights that 8 bits have.

    Args:
        graph: what `prepared` made; its channels become of like size.
        kept: names of the nodes that stay in float.
        images: (1, H, W, 3) uint8, of training.

    """
    network = Network(graph, kept)
    equalise(network, images[:_TRIED])
    write_floats(graph, network)
    network.ranges = fitted_ranges(network, images[:_TRIED], seen_ranges(network, images))
    round_weights(network, images[_TRIED:] or images)
    return network
