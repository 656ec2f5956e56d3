"""A model file with 8-bit weights and activations: static, per channel, ranges from training crops.

Convolutions, dense layers and the additions between them compute in int8 (QDQ form, which ONNX Runtime fuses);
normalisation and softmax stay in float.
"""

from __future__ import annotations

import contextlib
import dataclasses
import io
import math
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, quantize_static

from mien.core.contract import INPUT_NAME
from mien.core.errors import ModelError
from mien.core.files import atomic_write
from mien.learn.export import finish_model, read_info
from mien.learn.hush import errors_only

__all__ = ["CALIBRATION_CROPS", "PERCENTILE", "Batches", "eight_bit", "outer", "quantize"]

CALIBRATION_CROPS = 1024
"""Training crops that set the ranges of activations, unless told otherwise."""

_BATCH = 16
PERCENTILE = 99.99
"""Share of the activations, in percent, that their range holds: rare outliers are cut off, log-loss on validation .828
instead of .831 (dev/log.md)."""
# With Relu, so that it becomes a part of the layer before it.
_OPERATORS = ["Conv", "Relu", "Gemm", "MatMul", "Add", "MaxPool", "AveragePool", "GlobalAveragePool", "Concat"]


class Batches(CalibrationDataReader):
    """Crops (N, S, S) or (N, S, S, 3) uint8 in batches, as the calibration wants them; all, or a range of batches.

    Args:
        crops: above.
        name: of the graph's input.
        batch: crops at once.

    """

    def __init__(self, crops: NDArray[np.uint8], name: str = INPUT_NAME, batch: int = _BATCH) -> None:
        self._crops, self._name, self._batch = crops, name, batch
        self.set_range(0, len(self))

    def __len__(self) -> int:
        return math.ceil(len(self._crops) / self._batch)

    def set_range(self, start_index: int, end_index: int) -> None:
        """Give these batches next."""
        self._batches: Iterator[NDArray[np.uint8]] = iter(
            self._crops[i * self._batch : (i + 1) * self._batch] for i in range(start_index, end_index)
        )

    def get_next(self) -> dict[str, Any] | None:
        """The next batch, or None at the end."""
        batch = next(self._batches, None)
        return None if batch is None else {self._name: batch}


def quantize(source: Path | str, target: Path | str, crops: NDArray[np.uint8], name: str = "") -> None:
    """Write an 8-bit copy of a model file; its metadata say so; it has no figures until it is judged.

    Args:
        source: a model file in float32.
        target: the new file.
        crops: training crops that set the ranges, (N, S, S) or (N, S, S, 3) uint8 as the model takes them.
        name: of the model; "" adds "-int8" to the source's.

    Raises:
        ModelError: `source` is not a model file in float32, or there are no crops.
        OutputError: the file cannot be written.

    """
    info = read_info(source)
    if info.precision != "fp32":
        raise ModelError(f"{source} has the precision {info.precision!r} already; quantize the float32 file.")
    if not len(crops):
        raise ModelError("Calibration needs at least one crop.")
    keep = outer(onnx.load(str(source)).graph)
    model = eight_bit(Path(source), Batches(crops), _OPERATORS, keep, percentile=PERCENTILE)
    finish_model(model, dataclasses.replace(info, name=name or f"{info.name}-int8", precision="int8", metrics={}))
    with atomic_write(target) as file:
        file.write(model.SerializeToString())


def outer(graph: onnx.GraphProto) -> list[str]:
    """Names of the nodes that stay in float: all up to the first convolution and its activation, and the last layer.

    They cost next to nothing. The first convolution has so few inputs that it is faster in float, and normalisation and
    logits lose precision in 8 bits for no gain.
    """
    nodes = list(graph.node)
    first = next((i for i, node in enumerate(nodes) if node.op_type == "Conv"), None)
    if first is None:
        return []
    after = [node for node in nodes if node.op_type == "Relu" and nodes[first].output[0] in node.input]
    last = [node for node in nodes if node.op_type in {"Gemm", "MatMul"}][-1:]
    return [node.name for node in (*nodes[: first + 1], *after, *last) if node.name]


def eight_bit(
    source: Path,
    data: CalibrationDataReader,
    operators: Sequence[str],
    keep: Sequence[str] = (),
    percentile: float = 0.0,
    ranges: Mapping[str, tuple[float, float]] | None = None,
) -> onnx.ModelProto:
    """Graph of a model file with the named operators in int8; `data` sets the ranges of their inputs and outputs.

    The nodes that `keep` names stay in float. Ranges go from the smallest to the largest value seen; with a percentile
    (in percent), they hold so much of the values; those of the values that `ranges` names are given.

    Weights keep 7 of their 8 bits: without VNNI, x86 processors add two products of 8 bits into 16, which may overflow
    (ONNX Runtime's notes on quantisation name it); so every machine computes the same.
    """
    # The quantizer advises preprocessing that our exporters have done; histograms of percentiles are announced on
    # standard output.
    with errors_only(""), tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        output = Path(folder) / "int8.onnx"
        quantize_static(
            str(source),
            str(output),
            data,
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=list(operators),
            nodes_to_exclude=list(keep),
            per_channel=True,
            reduce_range=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            calibrate_method=CalibrationMethod.Percentile if percentile else CalibrationMethod.MinMax,
            extra_options={
                "ActivationSymmetric": False,
                "WeightSymmetric": True,
                "TensorQuantOverrides": {name: [_limits(*limits)] for name, limits in (ranges or {}).items()},
            }
            # Histograms keep every activation of what they are given at once; so one batch at a time.
            | ({"CalibPercentile": percentile, "CalibStridedMinMax": 1} if percentile else {}),
        )
        return onnx.load(str(output))


def _limits(low: float, high: float) -> dict[str, np.float32]:
    return {"rmin": np.float32(low), "rmax": np.float32(high)}
