"""A trained network as one model file: crops in, calibrated probabilities out, metadata inside.

`docs/model-format.md` describes the format.
"""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from mien.core.contract import INPUT_NAME, METADATA_KEY, OUTPUT_NAME, ModelInfo
from mien.core.errors import ModelError, OptionError, unknown_name
from mien.core.files import atomic_write
from mien.learn.hush import errors_only
from mien.learn.models import Network

if TYPE_CHECKING:
    import onnxruntime as ort

__all__ = [
    "OPSET",
    "PARITY",
    "ModelFileNet",
    "export",
    "finish_model",
    "load_onnx",
    "one_thread",
    "read_info",
    "rewrite_info",
    "run_file",
]

OPSET = 18
"""Version of the ONNX operators; the lowest that torch's exporter writes without a conversion."""
PARITY = 1e-4
"""Largest difference of a probability between torch and the file that is written."""


class ModelFileNet(nn.Module):
    """What a model file computes: softmax(logits / temperature) of one head.

    Args:
        network: all heads.
        head: the one that the file gives.
        temperature: greater than 0.

    """

    temperature: Tensor

    def __init__(self, network: Network, head: str, temperature: float) -> None:
        super().__init__()
        self.network, self.head = network, head
        self.register_buffer("temperature", torch.tensor(float(temperature)))

    def forward(self, crops: Tensor) -> Tensor:
        """Crops (N, S, S) or (N, S, S, 3) uint8 -> probabilities (N, K) float32."""
        return self.probabilities(self.network(crops))

    def probabilities(self, logits: Mapping[str, Tensor]) -> Tensor:
        """(N, K) of the logits of all heads."""
        return torch.softmax(logits[self.head] / self.temperature, dim=1)


def export(network: Network, head: str, info: ModelInfo, target: Path | str) -> float:
    """Write one head of a network as a model file; gives the largest difference to torch that was seen.

    Args:
        network: on any device; left as it was.
        head: name of the head.
        info: metadata; its temperature goes into the graph.
        target: the .onnx file.

    Raises:
        ModelError: the file and torch do not agree to `PARITY`.
        OutputError: the file cannot be written.

    """
    net = ModelFileNet(network, head, info.temperature).cpu().eval()
    model = _to_onnx(net, example_crops(info, 2))
    finish_model(model, info)
    data = model.SerializeToString()
    probe = example_crops(info, 5).numpy()
    with torch.no_grad():
        wanted = net(torch.from_numpy(probe)).numpy()
    gap = float(np.abs(run_file(data, probe) - wanted).max())
    refuse_gap("The exported model", gap)
    with atomic_write(target) as file:
        file.write(data)
    return gap


def refuse_gap(what: str, gap: float, most: float = PARITY) -> None:
    """Raise a ModelError where the largest difference to torch is more than it may be, or no number."""
    if not gap <= most:
        raise ModelError(f"{what} differs from torch by {gap:.2g}, more than {most:g}; nothing written.")


def example_crops(info: ModelInfo, n: int) -> Tensor:
    """Random crops (N, S, S) or (N, S, S, 3) uint8 that fit a model."""
    s = info.crop.size
    shape = (n, s, s) if info.crop.color == "gray" else (n, s, s, 3)
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator)


def _to_onnx(net: ModelFileNet, crops: Tensor) -> onnx.ModelProto:
    with errors_only("torch.onnx"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter warns about its own internals
        program = torch.onnx.export(
            net,
            (crops,),
            input_names=[INPUT_NAME],
            output_names=[OUTPUT_NAME],
            dynamic_shapes={"crops": {0: torch.export.Dim("n", min=1, max=65_536)}},
            opset_version=OPSET,
            dynamo=True,
            verbose=False,
        )
    if program is None:
        raise ModelError("torch's exporter gave no model; try another version of torch.")
    return program.model_proto


def finish_model(model: onnx.ModelProto, info: ModelInfo) -> None:
    """Keep the graph and our metadata only: no traces of source files, no notes of the exporter."""
    graph = model.graph
    parts: list[Any] = [*graph.node, *graph.input, *graph.output, *graph.value_info, *graph.initializer]
    for part in (*parts, graph, model):
        del part.metadata_props[:]
        part.doc_string = ""
    graph.name = info.name
    model.producer_name, model.producer_version = "mien", _version()
    entry = model.metadata_props.add()
    entry.key, entry.value = METADATA_KEY, info.to_json()


def _version() -> str:
    import mien

    return mien.__version__


def run_file(model: Path | str | bytes, crops: NDArray[np.uint8], batch: int = 256) -> NDArray[np.float32]:
    """Probabilities (N, K) that a model file gives for crops (N, S, S) or (N, S, S, 3) uint8, on one thread."""
    session = one_thread(model)
    name = session.get_inputs()[0].name
    parts = [session.run(None, {name: crops[i : i + batch]})[0] for i in range(0, len(crops), batch)]
    return np.concatenate(parts).astype(np.float32)


def one_thread(model: Path | str | bytes) -> ort.InferenceSession:
    """A session on one processor thread that keeps its remarks to itself."""
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    where = model if isinstance(model, bytes) else str(model)
    return ort.InferenceSession(where, options, providers=["CPUExecutionProvider"])


def read_info(path: Path | str) -> ModelInfo:
    """Metadata of a model file.

    Raises:
        ModelError: the file is missing, damaged, or not a model of this project.

    """
    return _info_of(load_onnx(path), path)


def rewrite_info(path: Path | str, target: Path | str | None = None, **changes: Any) -> ModelInfo:
    """Change metadata of an existing model file; the graph stays as it is.

    Args:
        path: the .onnx file.
        target: where to; None replaces the file, in one step.
        changes: fields of `ModelInfo`, and of its crop with the prefix `crop_` (crop_margin=1.3).

    Raises:
        OptionError: no field has such a name, or one that the graph fixes.
        ModelError: the file is not a model of this project.

    """
    model = load_onnx(path)
    info = _info_of(model, path)
    fixed = {"labels", "temperature", "precision", "crop", "crop_size", "crop_color"}
    known = {f.name for f in dataclasses.fields(ModelInfo)} | {f"crop_{f.name}" for f in dataclasses.fields(info.crop)}
    for key in changes:
        if key not in known - fixed:
            raise OptionError(unknown_name("field of the metadata", key, known - fixed))
    crop = {key.removeprefix("crop_"): value for key, value in changes.items() if key.startswith("crop_")}
    plain = {key: value for key, value in changes.items() if not key.startswith("crop_")}
    info = dataclasses.replace(info, crop=dataclasses.replace(info.crop, **crop), **plain)
    info = ModelInfo.from_json(info.to_json(), str(path))  # the same checks as when it is read
    finish_model(model, info)
    with atomic_write(target or path) as file:
        file.write(model.SerializeToString())
    return info


def load_onnx(path: Path | str) -> onnx.ModelProto:
    """The graph of an ONNX file.

    Raises:
        ModelError: the file cannot be read, or is no such file.

    """
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

    try:
        return onnx.load_model_from_string(Path(path).read_bytes())
    except OSError as error:
        raise ModelError(f"Cannot read the model {path}: {error.strerror or error}.") from error
    except DecodeError as error:
        raise ModelError(f"{path} is not an ONNX file ({error}).") from error


def _info_of(model: onnx.ModelProto, path: Path | str) -> ModelInfo:
    for entry in model.metadata_props:
        if entry.key == METADATA_KEY:
            return ModelInfo.from_json(entry.value, str(path))
    raise ModelError(f"{path} has no metadata of mien; make the file with mien export.")
