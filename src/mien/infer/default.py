"""One call for one picture, with the default model and detector."""

from __future__ import annotations

from functools import lru_cache

from mien.core.types import Reading
from mien.infer.analyzer import Analyzer
from mien.pictures.decode import ColorOrder, ImageSource

__all__ = ["analyze"]


@lru_cache(maxsize=1)
def _analyzer() -> Analyzer:
    """Made at the first call; threads may share it."""
    return Analyzer()


def analyze(image: ImageSource, *, color: ColorOrder = "bgr") -> list[Reading]:
    """Readings of all faces of a picture, with the default model and detector.

    Args:
        image: path, bytes, NumPy array, tensor, Pillow image or open file, as `mien.pictures.decode.load_image` takes
            them.
        color: channel order of an array, "bgr" or "rgb".

    Returns:
        One `Reading` per face, best face first; an empty list when there is no face.

    Raises:
        ImageError: the picture cannot be read; the text says why.

    """
    return _analyzer().analyze(image, color=color)
