"""One call for one picture, with the default detector, and the default model or another one."""

from __future__ import annotations

from functools import lru_cache
from os import PathLike, fspath
from pathlib import Path

from mien.core.types import Classifier, Reading
from mien.infer.analyzer import Analyzer
from mien.infer.registry import DEFAULT_MODEL
from mien.pictures.decode import ColorOrder, ImageSource

__all__ = ["analyze"]

_KEPT = 4  # models that stay open


@lru_cache(maxsize=_KEPT)
def _analyzer(model: str, _state: tuple[int, int]) -> Analyzer:
    """Made at the first call for a model, and anew when its file changes; threads may share it."""
    return Analyzer(model)


def analyze(
    image: ImageSource, *, color: ColorOrder = "bgr", model: str | PathLike[str] | Classifier = DEFAULT_MODEL
) -> list[Reading]:
    """Readings of all faces of a picture, with the default detector.

    Args:
        image: path, bytes, NumPy array, tensor, Pillow image or open file, as `mien.pictures.decode.load_image` takes
            them.
        color: channel order of an array, "bgr" or "rgb".
        model: shipped name, `.onnx` file, folder of a training run, or a classifier of one's own. Named ones and files
            stay open between calls.

    Returns:
        One `Reading` per face, best face first; an empty list when there is no face.

    Raises:
        ImageError: the picture cannot be read; the text says why.
        ModelError, StoreError: the model is missing or damaged.

    """
    if not isinstance(model, str | PathLike):
        return Analyzer(model).analyze(image, color=color)
    name = fspath(model)
    return _analyzer(name, _state(Path(name))).analyze(image, color=color)


def _state(path: Path) -> tuple[int, int]:
    """When a model's file was written and how large it is; zeros for a name."""
    for file in (path, path / "model.onnx"):
        if file.is_file():
            facts = file.stat()
            return facts.st_mtime_ns, facts.st_size
    return 0, 0
