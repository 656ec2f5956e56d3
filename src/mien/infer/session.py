"""Open an ONNX model file safely: read once, checked, on a stated number of threads.

Knows the runtime's errors and turns them into sentences; knows nothing of faces.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from mien.core.errors import ModelError, OptionError
from mien.core.telemetry import switch_off
from mien.core.text import is_whole

switch_off("onnxruntime")
import onnxruntime as ort  # noqa: E402
from onnxruntime.capi import onnxruntime_pybind11_state as _state  # noqa: E402

__all__ = ["MOST_THREADS", "OnnxFile", "input_shape", "open_bytes", "open_onnx", "read_model"]

ort.disable_telemetry_events()  # for a program that loaded the runtime before mien could say so

MOST_THREADS = 256
"""The runtime starts as many threads as it is told to; thousands of them exhaust the machine's memory."""
_MAX_BYTES = 1 << 30  # 1 GiB: far above any model of this project, far below what harms a machine
_RUNTIME_ERRORS: tuple[type[Exception], ...] = tuple(
    value for value in vars(_state).values() if isinstance(value, type) and issubclass(value, Exception)
)
# Damaged metadata may also be no UTF-8.
_LOAD_ERRORS: tuple[type[Exception], ...] = (*_RUNTIME_ERRORS, UnicodeDecodeError)


@dataclass(frozen=True, eq=False)
class OnnxFile:
    """An opened model file.

    `metadata` is the file's own text metadata, `sha256` is over the whole file.
    """

    path: Path
    sha256: str
    bytes: int
    metadata: dict[str, str]
    session: Any

    def run(self, feeds: dict[str, NDArray[Any]], outputs: Sequence[str] | None = None) -> list[NDArray[Any]]:
        """Run the graph.

        Raises:
            ModelError: the runtime refuses the input, or a computation fails.

        """
        try:
            results: list[NDArray[Any]] = self.session.run(outputs, feeds)
        except _RUNTIME_ERRORS as error:
            raise ModelError(
                f"{self.path}: the model failed on its input ({_first_line(error)}); fetch or export it again."
            ) from error
        return results


def open_onnx(path: Path | str, threads: int = 1) -> OnnxFile:
    """Read and open an ONNX file on the CPU.

    Args:
        path: the file.
        threads: threads for one call; small nets are fastest on one, scale with processes instead.

    Raises:
        ModelError: no such file, empty, or not a model that ONNX Runtime can load.
        OptionError: `threads` is not in 1..MOST_THREADS.

    """
    path = Path(path)
    return open_bytes(read_model(path), path, threads)


def open_bytes(data: bytes, path: Path, threads: int = 1) -> OnnxFile:
    """As `open_onnx`, from the bytes of a file; `path` says in errors where they come from."""
    if not is_whole(threads, 1, MOST_THREADS):
        raise OptionError(f"The number of threads must be a whole number from 1 to {MOST_THREADS}, got {threads!r}.")
    options = ort.SessionOptions()
    options.intra_op_num_threads = int(threads)
    options.inter_op_num_threads = 1
    options.log_severity_level = 4  # errors come as exceptions; nothing is printed besides
    try:
        # From bytes: a file cannot make the runtime read other files ("external data").
        session = ort.InferenceSession(data, options, providers=["CPUExecutionProvider"])
        metadata = dict(session.get_modelmeta().custom_metadata_map)
    except _LOAD_ERRORS as error:
        raise ModelError(
            f"{path} is not a model that ONNX Runtime can load ({_first_line(error)}); fetch or export it again."
        ) from error
    return OnnxFile(path, hashlib.sha256(data).hexdigest(), len(data), metadata, session)


def input_shape(file: OnnxFile, name: str) -> tuple[str, list[Any]]:
    """Element type and shape of an input, ("", []) when there is no such input; unknown sizes are text or None."""
    for node in file.session.get_inputs():
        if node.name == name:
            return str(node.type), list(node.shape)
    return "", []


def read_model(path: Path) -> bytes:
    """Bytes of a model file.

    Raises:
        ModelError: no such file, a folder, empty, or far too large.

    """
    try:
        size = path.stat().st_size
        if path.is_dir():
            raise ModelError(f"Expected a model file, but {path} is a folder.")
        if size == 0:
            raise ModelError(f"The model file {path} is empty; fetch or export it again.")
        if size > _MAX_BYTES:
            raise ModelError(f"The model file {path} has {size:,} bytes, more than the limit of {_MAX_BYTES:,}.")
        return path.read_bytes()
    except FileNotFoundError as error:
        raise ModelError(f"There is no model file {path}.") from error
    except OSError as error:
        raise ModelError(f"Cannot read the model file {path}: {error.strerror or error}.") from error


def _first_line(error: BaseException) -> str:
    text = str(error).strip().splitlines()
    return text[0][:300] if text else type(error).__name__
