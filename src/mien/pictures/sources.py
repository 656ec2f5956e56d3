"""The bytes of a picture from a path or an open file, and what to do with texts that are no paths."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from mien.core.errors import ImageError, ImageSizeError, code_of
from mien.core.files import is_folder, read_at_most
from mien.core.text import brief

__all__ = ["read_file", "read_stream"]

_MAX_BYTES = 1 << 30  # 1 GiB: above any picture within the limit of pixels; a device such as /dev/zero never ends
_DATA_URI = 'is a data: URI and no path; decode what follows its comma (base64.b64decode(text.partition(",")[2])).'
_BASE64 = "Expected a path, got what seems to be a picture in base64; decode it first (base64.b64decode(text))."
_STARTS = ("/9j/", "iVBORw0KGgo", "R0lGOD", "UklGR", "SUkq", "TU0AK", "Qk")  # of JPEG, PNG, GIF, WebP, TIFF, BMP
_LONGEST = 1000  # characters of a path that a traceback may repeat
_VARIED = 30  # different characters; of the 64 that base64 has, a picture uses nearly all
_LONG_TEXT = re.compile(r"[A-Za-z0-9+/_=\s-]{200,}")


def read_file(path: str) -> bytes:
    """The bytes of a picture's file.

    Raises:
        ImageError: it cannot be read, or has more bytes than any picture.

    """
    _check_text(path)
    try:
        with open(path, "rb") as stream:  # noqa: PTH123 (called for every picture: a Path takes as long as the file)
            data = read_at_most(stream, _MAX_BYTES)
    except (OSError, ValueError) as error:
        cause = None if len(path) > _LONGEST else error  # its text repeats the whole path in a traceback
        if is_folder(Path(path)):
            raise ImageError(path, "is a folder; expected a picture.", code="unusable") from cause
        raise _unread(path, error) from cause
    if len(data) > _MAX_BYTES:
        raise ImageSizeError(path, _too_long())
    return data


def read_stream(stream: Any) -> bytes:
    """The bytes that an object with `read` gives, from where it stands to its end.

    Raises:
        ImageError: it gives no bytes, cannot be read, or has more bytes than any picture.

    """
    try:
        data = stream.read(_MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        text = f"The {type(stream).__name__} cannot be read: {_reason(error)}."
        raise ImageError("", text, code=code_of(error)) from error
    if not isinstance(data, bytes | bytearray | memoryview):
        text = f"The {type(stream).__name__} gives {type(data).__name__}, not bytes; open the file with mode 'rb'."
        raise ImageError("", text, code="unusable")
    if len(data) > _MAX_BYTES:
        raise ImageSizeError("the data", _too_long())
    return bytes(data)


def _too_long() -> str:
    return f"has more than {_MAX_BYTES:,} bytes, which no picture needs; convert it to JPEG."


def _check_text(path: str) -> None:
    if not path:
        raise ImageError("", "Expected the path of a picture, got an empty text.", code="unusable")
    if path[:5].lower() == "data:":
        raise ImageError(brief(path, 30), _DATA_URI, code="unsupported")
    if path.startswith(("http://", "https://")):
        fetch = "from urllib.request import urlopen"
        text = f"is an address, which mien does not fetch; two lines do: `{fetch}` and `urlopen(address).read()`."
        raise ImageError(brief(path), text, code="unsupported")


def _unread(path: str, error: OSError | ValueError) -> ImageError:
    if not isinstance(error, PermissionError) and _is_base64(path):
        return ImageError("", _BASE64, code="unsupported")
    if isinstance(error, FileNotFoundError):
        return ImageError(brief(path), "does not exist.", code="missing")
    return ImageError(brief(path), f"cannot be read: {_reason(error)}.", code=code_of(error))


def _is_base64(text: str) -> bool:
    if len(text) > 64 and text.startswith(_STARTS):
        return True
    return _LONG_TEXT.fullmatch(text) is not None and len(set(text)) > _VARIED


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or brief(str(error))
