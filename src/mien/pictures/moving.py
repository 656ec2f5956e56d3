"""Files that hold more than one picture: how many, and the pictures of an animation one after the other.

One rule everywhere: who reads pictures takes the first; who reads videos takes them all, at their own times.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from PIL import Image as PilImage

from mien.core.errors import ImageError
from mien.core.types import Image
from mien.pictures.decode import from_pillow, opened, read_file
from mien.pictures.formats import by_suffix, suffix_of
from mien.pictures.limits import MAX_PIXELS

__all__ = ["HELD", "Animation", "Shown", "is_animation", "pictures_in", "pictures_in_file"]

HELD = "holds {count:,} pictures, of which the first was read"
"""What is said of such a file where pictures are read."""

_UNSTATED_S = 0.1  # browsers show a frame that states no time, or less than 0.02 s, for as long
_LEAST_S = 0.02
_HEAD = 4096


def pictures_in(data: bytes) -> int:
    """Number of pictures in an image file: frames of an animation, pages of a TIFF; 1 where it is damaged.

    JPEG counts as one: telephones put further pictures into it that nobody means.
    """
    if not _may_hold_more(data):
        return 1
    with suppress(ImageError), opened(data, "the data", MAX_PIXELS) as picture:
        return _count(picture)
    return 1


def _count(picture: PilImage.Image) -> int:
    return int(getattr(picture, "n_frames", 1))


def _may_hold_more(data: bytes) -> bool:
    """Told from the first bytes where they tell it, since most files hold one picture."""
    if data[:8] == b"\x89PNG\r\n\x1a\n":
        return b"acTL" in data[:_HEAD]
    if data[:4] == b"RIFF":
        return data[12:16] == b"VP8X" and bool(data[20] & 2) if len(data) > 20 else False
    return data[:6] in (b"GIF87a", b"GIF89a") or data[:2] in (b"II", b"MM") or data[4:12] == b"ftypavis"


def pictures_in_file(path: Path) -> int:
    """As `pictures_in`, of a file; 1 where it cannot be read. Mostly its first bytes are enough."""
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
        return pictures_in(read_file(str(path))) if _may_hold_more(head) else 1
    except (OSError, ValueError, ImageError):
        return 1


def is_animation(path: Path) -> bool:
    """Whether a file is an animation of several pictures, by its suffix and then by its contents."""
    row = by_suffix().get(suffix_of(path))
    return row is not None and row.moving and pictures_in_file(path) > 1


@dataclass(frozen=True)
class Shown:
    """One picture of an animation: (H, W, 3) uint8 BGR, and for how long it is shown, in seconds."""

    image: Image
    duration_s: float


class Animation:
    """The pictures of an animation, decoded as `load_image` decodes the first of them.

    Args:
        path: a GIF, PNG, WebP or AVIF file.
        max_pixels: largest picture to decode.

    Raises:
        ImageError: as `load_image`.

    """

    def __init__(self, path: Path, max_pixels: int) -> None:
        self.path = path
        self._data = read_file(str(path))
        self._max_pixels = max_pixels
        with opened(self._data, str(path), max_pixels) as picture:
            self.count = _count(picture)

    def __iter__(self) -> Iterator[Shown]:
        """From the first picture to the last one that can be decoded.

        Raises:
            ImageError: the file is damaged; what came before is good.

        """
        with opened(self._data, str(self.path), self._max_pixels) as picture:
            for number in range(self.count):
                picture.seek(number)
                picture.load()
                yield Shown(from_pillow(picture.copy(), str(self.path)), _duration_s(picture))


def _duration_s(picture: PilImage.Image) -> float:
    stated = float(picture.info.get("duration", 0) or 0) / 1000
    return stated if stated >= _LEAST_S else _UNSTATED_S
