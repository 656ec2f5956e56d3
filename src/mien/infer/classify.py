"""Crops in, calibrated probabilities out, from a model file that says itself what it needs.

What a file needs is stated in its metadata (`mien.core.contract`).
"""

from __future__ import annotations

from pathlib import Path
from typing import final

import numpy as np
from numpy.typing import NDArray

from mien.core.contract import INPUT_NAME, METADATA_KEY, OUTPUT_NAME, CropSpec, ModelInfo
from mien.core.errors import InputError, ModelError
from mien.infer.devices import CPU
from mien.infer.registry import DEFAULT_MODEL
from mien.infer.session import OnnxFile, input_shape, open_onnx
from mien.infer.store import resolve_model

__all__ = ["OnnxClassifier", "load_classifier"]

_BATCH = 16
"""Crops per call of the runtime: larger batches leave the cache and are slower per face (dev/log.md)."""


@final
class OnnxClassifier:
    """A classifier read from one `.onnx` file; `load_classifier` makes it. Threads may share it."""

    thread_safe = True

    def __init__(self, file: OnnxFile, info: ModelInfo) -> None:
        self._file = file
        self.info = info

    @property
    def path(self) -> Path:
        """The model file."""
        return self._file.path

    @property
    def sha256(self) -> str:
        """SHA-256 of the model file, in hex."""
        return self._file.sha256

    @property
    def bytes(self) -> int:
        """Size of the model file."""
        return self._file.bytes

    @property
    def name(self) -> str:
        """Name of the model, from its file."""
        return self.info.name

    @property
    def uncertain_below(self) -> float:
        """Readings with a smaller confidence are uncertain, in 0..1."""
        return self.info.uncertain_below

    @property
    def device(self) -> str:
        """Name of the device that computes."""
        return self._file.device

    @property
    def labels(self) -> tuple[str, ...]:
        """The K labels, in the order of the columns."""
        return self.info.labels

    @property
    def crop(self) -> CropSpec:
        """What the crops must look like."""
        return self.info.crop

    def classify(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Calibrated probabilities of crops.

        Args:
            crops: (N, S, S) grey or (N, S, S, 3) RGB uint8, as `crop` says; N may be 0.

        Returns:
            (N, K) float32, rows sum to 1.

        Raises:
            InputError: another shape or type.

        """
        expected = _crop_shape(self.crop)
        if crops.dtype != np.uint8 or crops.shape[1:] != expected:
            got = f"{crops.dtype} {crops.shape}"
            want = ", ".join(str(side) for side in expected)
            raise InputError(f"The model {self.info.name} expects uint8 crops of shape (N, {want}), got {got}.")
        out = np.empty((len(crops), len(self.labels)), np.float32)
        for start in range(0, len(crops), _BATCH):
            part = np.ascontiguousarray(crops[start : start + _BATCH])
            out[start : start + _BATCH] = self._file.run({INPUT_NAME: part}, [OUTPUT_NAME])[0]
        return out


def load_classifier(model: str | Path = DEFAULT_MODEL, threads: int = 1, device: str = CPU) -> OnnxClassifier:
    """Open a classifier.

    Args:
        model: a shipped name, an `.onnx` file, or the folder of a training run.
        threads: threads for one call.
        device: name of `mien.infer.devices`, or "auto".

    Raises:
        ModelError: no such model, a damaged file, or a file of another format.
        OptionError: an unknown name, or a device that is not there.

    """
    path = resolve_model(model)
    file = open_onnx(path, threads, device)
    text = file.metadata.get(METADATA_KEY)
    if text is None:
        raise ModelError(
            f"{path} is an ONNX file without the metadata {METADATA_KEY!r}, so its labels and crops are unknown; "
            "export it with `mien export`."
        )
    info = ModelInfo.from_json(text, str(path))
    _check_graph(file, info)
    return OnnxClassifier(file, info)


def _crop_shape(spec: CropSpec) -> tuple[int, ...]:
    return (spec.size, spec.size) if spec.color == "gray" else (spec.size, spec.size, 3)


def _check_graph(file: OnnxFile, info: ModelInfo) -> None:
    """The graph must do what the metadata says: one black crop in, K probabilities out."""
    kind, shape = input_shape(file, INPUT_NAME)
    expected = _crop_shape(info.crop)
    if kind != "tensor(uint8)" or tuple(shape[1:]) != expected:
        raise ModelError(
            f"{file.path}: expected an input {INPUT_NAME!r} of uint8 and shape (N, {', '.join(map(str, expected))}), "
            f"got {kind or 'none'} {shape}."
        )
    if OUTPUT_NAME not in [node.name for node in file.session.get_outputs()]:
        raise ModelError(f"{file.path}: the graph has no output {OUTPUT_NAME!r}.")
    row = file.run({INPUT_NAME: np.zeros((1, *expected), np.uint8)}, [OUTPUT_NAME])[0]
    if row.shape != (1, len(info.labels)) or row.dtype != np.float32 or not np.isclose(row.sum(), 1, atol=1e-3):
        raise ModelError(
            f"{file.path}: expected {len(info.labels)} float32 probabilities that sum to 1 for one crop, "
            f"got {row.dtype} {row.shape} with sum {float(row.sum()):.4g}."
        )
