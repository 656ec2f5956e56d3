"""Write one picture to a file whose suffix says the format."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from PIL import Image as PilImage

from mien.core.errors import OutputError
from mien.core.files import atomic_path
from mien.core.types import Image

__all__ = ["check_name", "write_picture"]

_JPEG = {".jpg", ".jpeg"}
_KNOWN = {*_JPEG, ".png", ".webp"}


def check_name(path: Path) -> None:
    """Refuse a file name whose suffix names no format that can be written.

    Raises:
        OutputError: another suffix than .jpg, .jpeg, .png or .webp.

    """
    if path.suffix.lower() not in _KNOWN:
        raise OutputError(f"Cannot write {path}: expected a name that ends in .jpg, .png or .webp.")


def write_picture(path: Path | str, image: Image) -> None:
    """Write an (H, W, 3) uint8 BGR picture as JPEG, PNG or WebP, whole or not at all.

    Raises:
        OutputError: another suffix, or the place cannot be written.

    """
    path = Path(path)
    check_name(path)
    suffix = path.suffix.lower()
    options: dict[str, Any] = {"quality": 92, "subsampling": 0} if suffix in _JPEG else {}
    picture = PilImage.fromarray(image[..., ::-1])
    with atomic_path(path) as temporary:
        data = io.BytesIO()  # Pillow writes JPEG files past Python, and does not tell of a full disk
        picture.save(data, PilImage.registered_extensions()[suffix], **options)
        temporary.write_bytes(data.getvalue())
