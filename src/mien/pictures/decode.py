"""Any picture in, (H, W, 3) uint8 BGR out, or one clear sentence why not.

Pillow decodes, because it refuses truncated files and tells the size before it decodes. Knows no faces.
"""

from __future__ import annotations

import contextlib
import io
import os
import struct
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, cast

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, ImageOps, UnidentifiedImageError
from PIL import Image as PilImage

from mien.core.errors import ImageError, ImageFormatError, ImageSizeError, OptionError
from mien.core.types import Image
from mien.pictures import formats
from mien.pictures.limits import MAX_PIXELS
from mien.pictures.quiet import Quiet
from mien.pictures.unread import heif_missing, is_heif, why_not

__all__ = ["DAMAGED", "ColorOrder", "ImageSource", "from_pillow", "load_image", "opened", "read_file"]

_MAX_BYTES = 1 << 30  # 1 GiB: above any picture within the limit of pixels; a device such as /dev/zero never ends

ImageSource = str | os.PathLike[str] | bytes | NDArray[Any] | PilImage.Image
ColorOrder = Literal["bgr", "rgb"]

DAMAGED = (
    *(OSError, ValueError, SyntaxError, EOFError, IndexError, KeyError, TypeError, RuntimeError),
    *(ArithmeticError, AttributeError, AssertionError, struct.error, MemoryError),
)
"""What Pillow's decoders raise on damaged files."""
_WHITE = (255, 255, 255, 255)
_quiet = Quiet()
_opening = threading.Lock()


def load_image(source: ImageSource, *, color: ColorOrder = "bgr", max_pixels: int = MAX_PIXELS) -> Image:
    """Read a picture of any ordinary kind.

    EXIF orientation is applied, transparency is laid on white, grey, palette, CMYK and 16-bit pictures become 8-bit
    colour, and the first frame of an animation is taken.

    Args:
        source: a path, the bytes of an image file, a NumPy array or a Pillow image. Arrays are (H, W) grey,
            (H, W, 1), (H, W, 3) or (H, W, 4) of uint8, uint16 (0..65535) or float (0..1).
        color: order of the channels of an array: "bgr" (as OpenCV reads) or "rgb"; alpha comes last in both.
        max_pixels: largest picture to decode; checked from the file's header before anything is decoded.

    Returns:
        (H, W, 3) uint8 BGR; never a view of the caller's array that is written to.

    Raises:
        ImageError: not a picture, damaged, too large, or an array of another shape, type or range.
        OptionError: unknown colour order.

    """
    if isinstance(source, np.ndarray):
        return _from_array(source, color, max_pixels)
    if isinstance(source, PilImage.Image):
        _check_size(source.size, max_pixels, "the picture")
        return _from_opened(source)
    if isinstance(source, bytes | bytearray | memoryview):
        return _decode(bytes(source), "the data", max_pixels)
    if isinstance(source, str | os.PathLike):
        return _decode(read_file(os.fspath(source)), os.fspath(source), max_pixels)
    raise ImageError(
        f"Expected a path, bytes, a NumPy array or a Pillow image, got {type(source).__name__}; "
        "convert it to one of these."
    )


def _from_opened(picture: PilImage.Image) -> Image:
    """A Pillow image of the caller, whose file may not have been decoded yet."""
    try:
        return from_pillow(picture, "the picture")
    except DAMAGED as error:
        raise ImageError(
            f"the picture was closed, or its file is damaged or cut off, so that it cannot be decoded "
            f"({_reason(error)})."
        ) from error


def read_file(path: str) -> bytes:
    """The bytes of a picture's file.

    Raises:
        ImageError: it cannot be read, or has more bytes than any picture.

    """
    if not path:
        raise ImageError("Expected the path of a picture, got an empty text.")
    if path.startswith(("http://", "https://")):
        raise ImageError(f"{path} is an address on the network, which mien does not fetch; save the picture first.")
    file = Path(path)
    try:
        if file.is_dir():
            raise ImageError(f"Expected a picture, but {path} is a folder.")
        with file.open("rb") as stream:
            data = stream.read(_MAX_BYTES + 1)
    except FileNotFoundError as error:
        raise ImageError(f"There is no file {path}.") from error
    except (OSError, ValueError) as error:
        raise ImageError(f"Cannot read {path}: {getattr(error, 'strerror', None) or error}.") from error
    if len(data) > _MAX_BYTES:
        raise ImageSizeError(f"{path} has more than {_MAX_BYTES:,} bytes, which no picture needs; convert it to JPEG.")
    return data


def _decode(data: bytes, where: str, max_pixels: int) -> Image:
    with opened(data, where, max_pixels) as picture:
        return from_pillow(picture, where)


@contextlib.contextmanager
def opened(data: bytes, where: str, max_pixels: int) -> Iterator[PilImage.Image]:
    """The picture of an image file whose header has been read, and whose size has been checked, but not its pixels.

    Whatever a damaged file makes Pillow raise inside the block becomes an `ImageError`.

    Args:
        data: the file.
        where: what messages call it.
        max_pixels: largest picture that is opened.

    Raises:
        ImageError: see `load_image`.

    """
    if not data:
        raise ImageError(f"{where} is empty (0 bytes); expected a picture.", where)
    try:
        with _quiet, _open(data, where) as picture:
            _check_size(picture.size, max_pixels, where)
            yield picture
    except UnidentifiedImageError as error:
        with _quiet:
            text = f"{where} {why_not(data)}"
        raise ImageFormatError(text, where) from error
    except PilImage.DecompressionBombError as error:
        raise ImageError(f"{where} is refused: {error}.", where) from error
    except DAMAGED as error:
        raise ImageError(f"{where} is damaged or cut off and cannot be decoded ({_reason(error)}).", where) from error


def _reason(error: BaseException) -> str:
    return str(error) or type(error).__name__


def _open(data: bytes, where: str) -> PilImage.Image:
    """Read the header only. Pillow's own size limit is set aside meanwhile: ours is checked next, and names sizes."""
    heif = is_heif(data)
    known = formats.openable(tuple(one for one in formats.FORMATS if bool(one.extra) == heif))
    if heif and not known:
        raise ImageFormatError(f"{where} {heif_missing()}", where)
    with _opening:
        limit = PilImage.MAX_IMAGE_PIXELS
        PilImage.MAX_IMAGE_PIXELS = None
        try:
            return PilImage.open(io.BytesIO(data), formats=known)
        finally:
            PilImage.MAX_IMAGE_PIXELS = limit


def _check_size(size: tuple[int, int], max_pixels: int, where: str) -> None:
    width, height = size
    if width < 1 or height < 1:
        raise ImageError(f"{where} has no pixels ({width} x {height}).", where)
    if width * height > max_pixels:
        raise ImageSizeError(
            f"{where} has {width} x {height} = {width * height / 1e6:.0f} megapixels, more than the limit of "
            f"{max_pixels / 1e6:g}; make it smaller or raise the limit (max_pixels, --max-megapixels).",
            where,
        )


def from_pillow(picture: PilImage.Image, where: str) -> Image:
    """The pixels of a Pillow image, upright and on white, (H, W, 3) uint8 BGR."""
    picture.load()
    # Asked first, because exif_transpose copies pictures that are upright already.
    turned = picture.getexif().get(ExifTags.Base.Orientation, 1) != 1
    upright = ImageOps.exif_transpose(picture) if turned else picture
    if upright.mode.startswith("I") or upright.mode == "F":
        return _deep_grey(upright, where)
    if upright.has_transparency_data:
        rgba = upright.convert("RGBA")
        upright = PilImage.alpha_composite(PilImage.new("RGBA", rgba.size, _WHITE), rgba)
    rgb = np.asarray(upright if upright.mode == "RGB" else upright.convert("RGB"))  # (H, W, 3)
    return cast(Image, cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))


def _deep_grey(picture: PilImage.Image, where: str) -> Image:
    """Grey pictures of 16 and 32 bits and of floats in 0..1."""
    values = np.asarray(picture)
    if values.dtype.kind == "f":
        return _from_array(values, "bgr", values.size)
    low, high = int(values.min()), int(values.max())
    if low < 0 or high > 65535:
        text = f"{where} has grey values from {low} to {high}; expected 0 to 65535. Convert it to 8 bit."
        raise ImageError(text, where)
    return _stack(_to_8_bit(values.astype(np.uint16)))


def _from_array(array: NDArray[Any], color: str, max_pixels: int) -> Image:
    if color not in ("bgr", "rgb"):
        raise OptionError(f"Unknown colour order {color!r}; expected 'bgr' or 'rgb'.")
    shape_ok = array.ndim == 2 or (array.ndim == 3 and array.shape[2] in (1, 3, 4))
    if not shape_ok:
        raise ImageError(f"Expected an array of shape (H, W), (H, W, 3) or (H, W, 4), got {array.shape}.")
    _check_size((array.shape[1], array.shape[0]), max_pixels, "the array")
    pixels = _to_8_bit(array)
    if pixels.ndim == 2 or pixels.shape[2] == 1:
        return _stack(pixels.reshape(pixels.shape[:2]))
    if pixels.shape[2] == 4:
        pixels = _on_white(pixels)
    if color == "rgb":
        return cast(Image, cv2.cvtColor(np.ascontiguousarray(pixels), cv2.COLOR_RGB2BGR))
    return np.ascontiguousarray(pixels)


def _to_8_bit(array: NDArray[Any]) -> NDArray[np.uint8]:
    if array.dtype == np.uint8:
        return cast(NDArray[np.uint8], array)
    if array.dtype == np.uint16:
        wide = array.astype(np.uint32)
        return cast(NDArray[np.uint8], ((wide + 128) // 257).astype(np.uint8))  # 65535 -> 255, rounded
    if array.dtype.kind == "f":
        low, high = float(array.min()), float(array.max())
        if not np.isfinite([low, high]).all():
            raise ImageError("The array holds NaN or infinite values; expected floats in 0..1.")
        if low < 0 or high > 1:
            raise ImageError(
                f"Expected floats in 0..1, got values from {low:g} to {high:g}; divide by 255 or convert to uint8."
            )
        scaled: NDArray[np.uint8] = np.rint(array * 255).astype(np.uint8)
        return scaled
    raise ImageError(f"Expected an array of uint8, uint16 or float in 0..1, got {array.dtype}.")


def _on_white(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    alpha = pixels[..., 3:].astype(np.uint16)  # (H, W, 1)
    blended = (pixels[..., :3] * alpha + 255 * (255 - alpha) + 127) // 255
    return blended.astype(np.uint8)


def _stack(grey: NDArray[np.uint8]) -> Image:
    return cast(Image, cv2.cvtColor(np.ascontiguousarray(grey), cv2.COLOR_GRAY2BGR))
