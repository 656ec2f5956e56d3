"""A trained network for TensorFlow Lite (LiteRT): a .tflite file, by litert-torch.

litert-torch asks for an older torch and brings jax along, so it is in no extra: it has an environment of its own.
"""

from __future__ import annotations

import contextlib
import io
import logging
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from mien.core.contract import INPUT_NAME, METADATA_KEY, OUTPUT_NAME, ModelInfo
from mien.core.errors import OptionError
from mien.core.files import atomic_write
from mien.learn.export import ModelFileNet, example_crops, refuse_gap
from mien.learn.models import Network

__all__ = ["TFLITE", "export_litert"]

TFLITE = ".tflite"
_IDENTIFIER = b"TFL3"
_SEEN = 3  # random crops that are compared


class _Named(nn.Module):
    """The network of a model file with a name for its output."""

    def __init__(self, net: ModelFileNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, crops: Tensor) -> dict[str, Tensor]:
        return {OUTPUT_NAME: self.net(crops)}


def export_litert(network: Network, head: str, info: ModelInfo, target: Path) -> float:
    """Write one head of a network as a .tflite file; gives the largest difference to torch that was seen.

    Input and output are those of an .onnx file (`docs/model-format.md`) for one crop: `crops` (1, S, S) or (1, S, S, 3)
    uint8, `probabilities` (1, K) float32. The metadata of mien lie in the file under the name `mien`.

    Args:
        network: on any device; left as it was.
        head: name of the head.
        info: metadata; its temperature goes into the network.
        target: the .tflite file.

    Raises:
        OptionError: litert-torch is not installed.
        ModelError: the file and torch do not agree to `PARITY`.
        OutputError: the file cannot be written.

    """
    net = ModelFileNet(network, head, info.temperature).cpu().eval()
    try:
        with _quiet():
            import litert_torch
            from ai_edge_litert import schema_py_generated as schema
            from ai_edge_litert.interpreter import Interpreter
    except ImportError as error:
        raise OptionError(
            f"Writing a {TFLITE} file needs litert-torch, which takes an older torch: install it with mien in an "
            "environment of its own (docs/training.md, Telephones)."
        ) from error
    with _quiet():
        made = litert_torch.convert(_Named(net), sample_kwargs={INPUT_NAME: example_crops(info, 1)})
        data = _with_metadata(_bytes_of(made), info, schema)
        gap = _gap(Interpreter(model_content=data), net, info)
    refuse_gap("The exported model", gap)
    with atomic_write(target) as file:
        file.write(data)
    return gap


def _bytes_of(made: Any) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"model{TFLITE}"
        made.export(str(path))
        return path.read_bytes()


def _with_metadata(data: bytes, info: ModelInfo, schema: Any) -> bytes:
    """The file with the metadata of mien in a buffer of its own."""
    import flatbuffers

    model = schema.ModelT.InitFromPackedBuf(bytearray(data), 0)
    buffer, entry = schema.BufferT(), schema.MetadataT()
    buffer.data = np.frombuffer(info.to_json().encode(), np.uint8)
    entry.name, entry.buffer = METADATA_KEY, len(model.buffers)
    model.buffers.append(buffer)
    model.metadata = [*(model.metadata or []), entry]
    builder = flatbuffers.Builder(len(data) + len(buffer.data))
    builder.Finish(model.Pack(builder), _IDENTIFIER)
    return bytes(builder.Output())


def _gap(interpreter: Any, net: ModelFileNet, info: ModelInfo) -> float:
    """Largest difference of a probability on random crops."""
    run = interpreter.get_signature_runner()
    crops: NDArray[np.uint8] = example_crops(info, _SEEN).numpy()
    told = np.concatenate([run(**{INPUT_NAME: crop[None]})[OUTPUT_NAME] for crop in crops])
    with torch.no_grad():
        return float(np.abs(net(torch.from_numpy(crops)).numpy() - told).max())


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without progress and warnings of the converter."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with (
            contextlib.redirect_stderr(io.StringIO()),
            contextlib.redirect_stdout(io.StringIO()),
            warnings.catch_warnings(),
        ):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
