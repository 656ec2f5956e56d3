"""Why a file is no picture that can be read: the rest of a sentence that begins with its name."""

from __future__ import annotations

import io
import struct
from typing import Any

from mien.pictures import formats

__all__ = ["heif_missing", "is_heif", "is_tiff", "why_not"]

_HEIF_BRANDS = frozenset({b"heic", b"heix", b"hevc", b"heim", b"heis", b"hevm", b"hevs", b"mif1", b"msf1", b"heif"})
_AVIF_BRANDS = frozenset({b"avif", b"avis"})
_PREFIX = 16
_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_SAMPLE = {1: "unsigned", 2: "signed", 3: "floating-point", 5: "complex", 6: "complex floating-point"}


def is_heif(data: bytes) -> bool:
    """Whether a file says that it is HEIC or HEIF, and not AVIF, which shares its container."""
    brands = _brands(data)
    return bool(brands and brands[0] in _HEIF_BRANDS and not _AVIF_BRANDS & set(brands))


def _brands(data: bytes) -> list[bytes]:
    """The major brand of an ISO container (ISO/IEC 14496-12, section 4.3), and those that it is compatible with."""
    if data[4:8] != b"ftyp":
        return []
    end = min(int.from_bytes(data[:4], "big"), 256)
    return [data[8:12], *(data[at : at + 4] for at in range(16, end, 4))]


def is_tiff(data: bytes) -> bool:
    """Whether a file begins as TIFF does."""
    return data[:4] in _TIFF


def heif_missing() -> str:
    """What to do where the package that reads HEIC is not installed."""
    return (
        "is an HEIC/HEIF picture, which needs the package pillow-heif: "
        'run pip install "mien[heic]", or convert it to JPEG or PNG.'
    )


def why_not(data: bytes) -> str:
    """What is wrong with the bytes of a file that no format recognises."""
    if is_tiff(data) and (kind := _tiff_kind(data)):
        return f"is a TIFF picture of a kind that is not read: {kind}; convert it to 8 or 16 bits, grey or RGB."
    if _is_video(data):
        return "is a video and no picture; read it with mien video (in Python: mien.stream)."
    if data[:4] == b"PK\3\4":
        return "is a zip archive and no picture; read what it holds with mien batch."
    name = _begins_as(data)
    if name:
        return f"begins as {name} does, but its header is damaged or cut off."
    return f"is not a picture in a known format ({formats.names()})."


def _begins_as(data: bytes) -> str:
    from PIL import Image

    for extra in (False, True):
        formats.openable(extra)
    for one in formats.FORMATS:
        _, accept = Image.OPEN.get(one.name, (None, None))
        if accept is not None and not one.vague and accept(data[:_PREFIX].ljust(_PREFIX, b"\0")) is True:
            return one.shown
    return ""


def _is_video(data: bytes) -> bool:
    brands = _brands(data)
    if brands:
        return not set(brands) & (_HEIF_BRANDS | _AVIF_BRANDS)
    return data[:4] in (b"\x1aE\xdf\xa3", b"\0\0\x01\xba", b"\0\0\x01\xb3") or (data[:4] + data[8:12]) == b"RIFFAVI "


def _tiff_kind(data: bytes) -> str:
    """Samples, bits and compression of a TIFF picture, in words; "" where its directory cannot be read."""
    from PIL import TiffImagePlugin

    try:
        stream = io.BytesIO(data)
        head: Any = TiffImagePlugin.ImageFileDirectory_v2(stream.read(8))
        stream.seek(head.next)
        head.load(stream)
        bits, samples = head.get(258, (1,)), int(head.get(277, 1))
        kind = _SAMPLE.get(int(head.get(339, (1,))[0]), "unknown")
        width = "/".join(sorted({str(int(b)) for b in (bits if isinstance(bits, tuple) else (bits,))}))
    except (OSError, ValueError, SyntaxError, TypeError, IndexError, KeyError, struct.error, OverflowError):
        return ""
    many = f"{samples} samples" if samples != 1 else "1 sample"
    return f"{many} per pixel of {width} bits, {kind}"
