"""Face detectors by name.

`auto` takes the project's own detector, which comes with the package; nothing is fetched. Knows no expressions.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from mien.core.errors import ModelError, OptionError, unknown_name
from mien.core.types import Detector
from mien.infer.detectors.scaling import DetectOptions
from mien.infer.registry import DEFAULT_DETECTOR, ENTRIES
from mien.infer.store import find

__all__ = ["DETECTORS", "DetectOptions", "open_detector"]

DETECTORS = ("auto", "mien", "mien-int8", "yunet", "none")
"""Names that `open_detector` knows."""


def open_detector(name: str | Path = "auto", options: DetectOptions | None = None) -> Detector:
    """Open a face detector.

    Args:
        name: "mien" (the project's own), "mien-int8" (the same with 8-bit arithmetic), "auto" (which takes
            `mien.infer.registry.DEFAULT_DETECTOR`), "yunet", "none" (the whole picture is one face), or the
            path of a detector's file (one of the project's own, or the known YuNet file).
        options: size at which to look, smallest face, number of faces.

    Raises:
        OptionError: unknown name.
        StoreError: YuNet is named and its file is not in the store.
        ModelError: the file is missing, or neither a detector of the project nor the YuNet file that it knows.

    """
    options = options or DetectOptions()
    text = str(name)
    if text in {"auto", "mien", "mien-int8"}:
        from mien.infer.detectors.own import OwnDetector

        return OwnDetector(find(DEFAULT_DETECTOR if text == "auto" else text), options)
    if text == "none":
        from mien.infer.detectors.whole import WholePicture

        return WholePicture()
    if text == "yunet":
        from mien.infer.detectors.yunet import YuNet

        return YuNet(find("yunet"), options)
    if text.endswith(".onnx"):
        return _open_file(Path(text), options)
    raise OptionError(unknown_name("detector", text, DETECTORS) + " The path of a detector's file will do as well.")


def _open_file(path: Path, options: DetectOptions) -> Detector:
    """YuNet for the one file that the registry knows, else a detector that carries metadata of its own."""
    try:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise ModelError(f"Cannot read the detector file {path}: {error.strerror or error}.") from error
    if digest == ENTRIES["yunet"].sha256:
        from mien.infer.detectors.yunet import YuNet

        return YuNet(path, options)
    from mien.infer.detectors.own import OwnDetector

    return OwnDetector(path, options)
