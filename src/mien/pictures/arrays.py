"""Arrays of any ordinary kind in, (H, W, 3) uint8 BGR out, or one clear sentence why not.

Nothing is guessed: values that fit two readings, such as 16-bit numbers that hold 0..255, are refused with the remedy.
"""

from __future__ import annotations

from typing import Any, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.core.errors import ImageError, ImageSizeError, OptionError
from mien.core.types import Image

__all__ = ["as_array", "check_size", "from_array", "from_deep_grey", "from_grey"]

_CHANNELS = (1, 3, 4)
_KNOWN = "(H, W), (H, W, 3), (H, W, 4), or with the channels first (3, H, W)"
_TYPES = "uint8, uint16 or float in 0..1"
_DEEPEST = 65535


def as_array(source: Any) -> NDArray[Any]:
    """The pixels of an object that can be read as an array, such as a tensor of PyTorch, JAX or TensorFlow.

    Raises:
        ImageError: it lies on another device, or its shape may be read in two ways.

    """
    kind = type(source).__name__
    try:
        array = np.asarray(source)
    except (TypeError, ValueError, RuntimeError) as error:
        remedy = "bring it to the processor's memory as NumPy first, as by .detach().cpu().numpy()"
        raise ImageError("", f"This {kind} cannot be read as an array; {remedy}.", code="unusable") from error
    if array.ndim == 3 and array.shape[0] in _CHANNELS and array.shape[2] in _CHANNELS:
        text = f"This {kind} of shape {array.shape} may have its channels first or last; give it as (H, W, C) in NumPy."
        raise ImageError("", text, code="unusable")
    return array


def from_array(array: NDArray[Any], color: str, max_pixels: int) -> Image:
    """A picture of an array; (H, W, C) where the last dimension can be channels, else (C, H, W).

    Raises:
        ImageError: another shape, type or range, or larger than the limit.
        OptionError: unknown colour order.

    """
    if color not in ("bgr", "rgb"):
        raise OptionError(f"Unknown colour order {color!r}; expected 'bgr' or 'rgb'.")
    array = _channels_last(array)
    check_size((array.shape[1], array.shape[0]), max_pixels, "the array")
    pixels = _to_8_bit(array, "the array")
    if pixels.ndim == 2 or pixels.shape[2] == 1:
        return from_grey(pixels.reshape(pixels.shape[:2]))
    if pixels.shape[2] == 4:
        pixels = _on_white(pixels)
    if color == "rgb":
        return cast(Image, cv2.cvtColor(np.ascontiguousarray(pixels), cv2.COLOR_RGB2BGR))
    return np.ascontiguousarray(pixels)


def from_deep_grey(values: NDArray[Any], where: str) -> Image:
    """A grey picture (H, W) of 16 or 32 bits, or of floats in 0..1, from the file that `where` names.

    Raises:
        ImageError: values out of range, or values that may be 8-bit ones.

    """
    return from_grey(_to_8_bit(values, where))


def check_size(size: tuple[int, int], max_pixels: int, where: str) -> None:
    """Refuse a picture of (width, height) without pixels, or with more than the limit.

    Raises:
        ImageError: as said.

    """
    width, height = size
    if width < 1 or height < 1:
        raise ImageError(where, f"has no pixels ({width} x {height}).", code="empty")
    if width * height > max_pixels:
        raise ImageSizeError(
            where,
            f"has {width} x {height} = {width * height / 1e6:.0f} megapixels, more than the limit of "
            f"{max_pixels / 1e6:g}; make it smaller or raise the limit (max_pixels, --max-megapixels).",
        )


def _channels_last(array: NDArray[Any]) -> NDArray[Any]:
    shape = array.shape
    if array.ndim == 4:
        if shape[0] != 1:
            text = f"Expected one picture, got {shape[0]} in an array of shape {shape}; give a list to analyze_batch."
            raise ImageError("", text, code="unusable")
        array = array[0]
    if array.ndim == 2 or (array.ndim == 3 and array.shape[2] in _CHANNELS):
        return array
    if array.ndim == 3 and array.shape[0] in _CHANNELS:
        return np.moveaxis(array, 0, 2)
    raise ImageError("", f"Expected an array of shape {_KNOWN}, got {shape}.", code="unusable")


def _to_8_bit(array: NDArray[Any], where: str) -> NDArray[np.uint8]:
    if array.dtype == np.uint8:
        return cast(NDArray[np.uint8], array)
    if array.dtype.kind in "iu":
        return _from_whole_numbers(array, where)
    if array.dtype.kind == "f":
        return _from_floats(array, where)
    raise ImageError("", f"Expected an array of {_TYPES}, got {array.dtype}; convert it to uint8.", code="unusable")


def _from_whole_numbers(array: NDArray[Any], where: str) -> NDArray[np.uint8]:
    """Pixels of 0..65535, scaled to 0..255; what may hold 0..255 already is refused, and not read as nearly black."""
    low, high = int(array.min()), int(array.max())
    if low < 0 or high > _DEEPEST:
        text = f"has values from {low} to {high}; expected 0 to {_DEEPEST}. Convert it to 8 bits (uint8)."
        raise ImageError(where, text, code="unusable")
    if 0 < high <= 255:
        text = (
            f"has {array.dtype} values of at most {high}, which would be nearly black; if they are meant as 0 to 255, "
            "convert it to 8 bits (array.astype('uint8')), else multiply them by 257."
        )
        raise ImageError(where, text, code="unusable")
    wide = array.astype(np.uint32)
    return cast(NDArray[np.uint8], ((wide + 128) // 257).astype(np.uint8))  # 65535 -> 255, rounded


def _from_floats(array: NDArray[Any], where: str) -> NDArray[np.uint8]:
    low, high = float(array.min()), float(array.max())
    if not np.isfinite([low, high]).all():
        raise ImageError(where, "holds NaN or infinite values; expected floats in 0..1.", code="unusable")
    if low < 0 or high > 1:
        text = f"has values from {low:g} to {high:g}; expected floats in 0..1: divide by 255 or convert it to uint8."
        raise ImageError(where, text, code="unusable")
    scaled: NDArray[np.uint8] = np.rint(array * 255).astype(np.uint8)
    return scaled


def _on_white(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    alpha = pixels[..., 3:].astype(np.uint16)  # (H, W, 1)
    blended = (pixels[..., :3] * alpha + 255 * (255 - alpha) + 127) // 255
    return blended.astype(np.uint8)


def from_grey(grey: NDArray[np.uint8]) -> Image:
    """Grey (H, W) as (H, W, 3) with three equal channels."""
    return cast(Image, cv2.cvtColor(np.ascontiguousarray(grey), cv2.COLOR_GRAY2BGR))
