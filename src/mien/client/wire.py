"""What travels between a client and `mien serve`: the bytes of a picture, readings, refusals."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mien.core.errors import ImageError, ServiceError
from mien.core.types import Face, Image, Reading
from mien.pictures.decode import load_image

if TYPE_CHECKING:
    from mien.pictures.decode import ImageSource

__all__ = ["bytes_of", "reading", "refuse", "told"]

_PICTURE_CODES = frozenset({"damaged", "unsupported", "too_large", "empty", "unusable"})


def bytes_of(image: ImageSource) -> tuple[str, bytes]:
    """What to call a picture, and the bytes of its file."""
    if isinstance(image, bytes | bytearray | memoryview):
        return "picture", bytes(image)
    if isinstance(image, str | os.PathLike):
        path = Path(image)
        try:
            return path.name, path.read_bytes()
        except OSError:
            load_image(path)  # says what is wrong with it
            raise
    return "picture", _png(load_image(image))


def _png(image: Image) -> bytes:
    from PIL import Image as PilImage

    file = io.BytesIO()
    PilImage.fromarray(image[..., ::-1]).save(file, "png", compress_level=1)
    return file.getvalue()


def reading(body: Mapping[str, Any], below: float) -> Reading:
    """A face of the service's JSON; `below` is the confidence below which it is uncertain."""
    labels = tuple(body["probabilities"])
    landmarks = None if body["landmarks"] is None else tuple((float(x), float(y)) for x, y in body["landmarks"])
    x1, y1, x2, y2 = body["box"]
    smooth = body.get("smooth")
    return Reading(
        Face((x1, y1, x2, y2), body["score"], landmarks),
        labels,
        tuple(body["probabilities"].values()),
        track=body.get("track"),
        smooth_values=None if smooth is None else tuple(smooth[label] for label in labels),
        steady_label=None if smooth is None else body["emotion"],
        uncertain_below=below,
    )


def refuse(answer: Any) -> None:
    """Raise what a local call would raise, or what the service says."""
    said = told(answer.content)
    if said is None:
        raise ServiceError(f"The service answered {answer.status_code}, not as `mien serve` does.")
    code, message = said
    if code in _PICTURE_CODES and message.startswith("The picture"):
        raise ImageError("", message, code=code)  # type: ignore[arg-type]
    raise ServiceError(message)


def told(body: bytes | None) -> tuple[str, str] | None:
    """Code and message of an error of the service; None where the body is something else."""
    try:
        error = json.loads(body or b"")["error"]
        return str(error["code"]), str(error["message"])
    except (ValueError, KeyError, TypeError):
        return None
