"""Open an ONNX model file safely: read once, checked, on a stated device and number of threads.

Turns the runtime's errors into sentences.
"""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import os
import threading
import weakref
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, final

from numpy.typing import NDArray

from mien.core.errors import ModelError, OptionError
from mien.core.telemetry import switch_off
from mien.core.text import is_whole
from mien.infer.devices import AUTO_DEVICE, CPU, DEVICES, Device, candidates

switch_off("onnxruntime")
import onnxruntime as ort  # noqa: E402
from onnxruntime.capi import onnxruntime_pybind11_state as _state  # noqa: E402

__all__ = ["MOST_THREADS", "OnnxFile", "input_shape", "open_onnx", "ort", "read_model"]

ort.disable_telemetry_events()  # for a program that loaded the runtime before mien could say so

MOST_THREADS = 256
"""The runtime starts as many threads as it is told to; thousands of them exhaust the machine's memory."""
_MAX_BYTES = 1 << 30  # 1 GiB: far above any model of this project, far below what harms a machine
_RUNTIME_ERRORS: tuple[type[Exception], ...] = tuple(
    value for value in vars(_state).values() if isinstance(value, type) and issubclass(value, Exception)
)
# Damaged metadata may also be no UTF-8; the Python side of the runtime raises errors of Python.
_LOAD_ERRORS: tuple[type[Exception], ...] = (*_RUNTIME_ERRORS, UnicodeDecodeError, RuntimeError, ValueError)


Edit = Callable[[bytes], bytes]


_OPEN: weakref.WeakSet[OnnxFile] = weakref.WeakSet()


def _keep_inherited() -> None:
    """Keep the parent process's sessions for ever: ending one waits for its threads, which a fork leaves behind."""
    for file in list(_OPEN):
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(file._session))


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_keep_inherited)


@final
class OnnxFile:
    """An opened model file, which threads may share.

    It can be pickled, and used after a fork: where it arrives it is opened again, from its path.

    Args:
        data: bytes of the file.
        path: where they come from.
        threads: threads for one call.
        device: name of `mien.infer.devices`, or "auto".
        edit: changes the bytes before they are opened; a function of a module.

    Raises:
        ModelError: not a model that ONNX Runtime can load.
        OptionError: `threads` is not in 1..MOST_THREADS, or the device is not there.

    """

    def __init__(self, data: bytes, path: Path, threads: int = 1, device: str = CPU, edit: Edit | None = None) -> None:
        self.path = path
        self.sha256 = hashlib.sha256(data).hexdigest()
        self.bytes = len(data)
        self._asked = (threads, device, edit)
        self._session, self._device = _session(data if edit is None else edit(data), path, threads, device)
        self._process = os.getpid()
        _OPEN.add(self)
        self._lock: contextlib.AbstractContextManager[Any] = (
            contextlib.nullcontext() if self._device.shared else threading.Lock()
        )
        self.metadata: dict[str, str] = _metadata(self._session, path)

    @property
    def session(self) -> Any:
        """The runtime's session; that of another process is replaced by a new one."""
        if self._process != os.getpid():
            vars(self).update(vars(_again(self.path, self.sha256, self._asked)))
        return self._session

    @property
    def device(self) -> str:
        """Name of the device that computes."""
        return self._device.name

    def run(self, feeds: dict[str, NDArray[Any]], outputs: Sequence[str] | None = None) -> list[NDArray[Any]]:
        """Run the graph.

        Raises:
            ModelError: the runtime refuses the input, or a computation fails.

        """
        session = self.session
        try:
            with self._lock:
                results: list[NDArray[Any]] = session.run(outputs, feeds)
        except _RUNTIME_ERRORS as error:
            raise ModelError(
                f"{self.path}: the model failed on its input ({_first_line(error)}); fetch or export it again."
            ) from error
        return results

    def __reduce__(self) -> tuple[Any, ...]:
        """By its path, since a session cannot travel."""
        return _again, (self.path.absolute(), self.sha256, self._asked)


def _again(path: Path, sha256: str, asked: tuple[int, str, Edit | None]) -> OnnxFile:
    """The same file, opened in this process.

    Raises:
        ModelError: it is missing, or has changed since.

    """
    file = OnnxFile(read_model(path), path, *asked)
    if file.sha256 != sha256:
        raise ModelError(f"{path} has changed since it was opened; open it anew.")
    return file


def open_onnx(path: Path | str, threads: int = 1, device: str = CPU, edit: Edit | None = None) -> OnnxFile:
    """Read and open an ONNX file.

    Args:
        path: the file.
        threads: threads for one call; small nets are fastest on one, scale with processes instead.
        device: name of `mien.infer.devices`, or "auto".
        edit: changes the bytes before they are opened; a function of a module.

    Raises:
        ModelError: no such file, empty, or not a model that ONNX Runtime can load.
        OptionError: `threads` is not in 1..MOST_THREADS, or the device is not there.

    """
    path = Path(path)
    return OnnxFile(read_model(path), path, threads, device, edit)


def _session(data: bytes, path: Path, threads: int, device: str) -> tuple[Any, Device]:
    """A session on the first device that can be started, and which one that is."""
    if not is_whole(threads, 1, MOST_THREADS):
        raise OptionError(f"The number of threads must be a whole number from 1 to {MOST_THREADS}, got {threads!r}.")
    tried = candidates(device)
    for row, provider in tried:
        try:
            return _start(data, row, provider, threads), row
        except _LOAD_ERRORS as error:
            if row.name == CPU:
                raise _not_loadable(path, error) from error
            if device != AUTO_DEVICE:
                raise OptionError(
                    f"The device {row.name} could not be started ({_first_line(error)}); install its driver and "
                    f"libraries, or take the device {CPU}."
                ) from error
    raise OptionError("The installed ONNX Runtime has no device, not even the processor; install it again.")


def _start(data: bytes, row: Device, provider: str, threads: int) -> Any:
    options = ort.SessionOptions()
    options.intra_op_num_threads = int(threads)
    options.inter_op_num_threads = 1
    options.log_severity_level = 4  # errors come as exceptions; nothing is printed besides
    options.enable_mem_pattern = row.shared  # DirectML works without only
    providers = [provider] if row.name == CPU else [(provider, row.options), *DEVICES[CPU].providers]
    # From bytes: a file cannot make the runtime read other files ("external data").
    session = ort.InferenceSession(data, options, providers=providers, enable_fallback=0)
    if session.get_providers()[0] != provider:  # the runtime went back to the processor
        raise RuntimeError("the runtime fell back to the processor")
    return session


def _metadata(session: Any, path: Path) -> dict[str, str]:
    try:
        return dict(session.get_modelmeta().custom_metadata_map)
    except _LOAD_ERRORS as error:
        raise _not_loadable(path, error) from error


def _not_loadable(path: Path, error: BaseException) -> ModelError:
    reason = _first_line(error)
    return ModelError(f"{path} is not a model that ONNX Runtime can load ({reason}); fetch or export it again.")


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
