"""The one table of picture formats, and the suffixes of pictures and videos; every command asks it.

Formats that run programs (EPS, WMF), read other files, or hold no photographs (icons, textures, measurements) stay out.
"""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import PurePath
from posixpath import splitext

__all__ = [
    "FORMATS",
    "VIDEO_SUFFIXES",
    "Format",
    "by_suffix",
    "is_picture",
    "is_video",
    "names",
    "openable",
    "suffix_of",
    "suffixes",
]


@dataclass(frozen=True, eq=False)
class Format:
    """A row of the table.

    Args:
        name: what Pillow calls the format.
        shown: what people call it.
        module: the module that gives Pillow the format.
        suffixes: endings of its files, in lower case, with the dot.
        what: where such files come from.
        moving: whether a file may be an animation.
        vague: whether the first bytes of other files may look the same.
        extra: the extra of this project that installs the module; "" where Pillow has it.

    """

    name: str
    shown: str
    module: str
    suffixes: tuple[str, ...]
    what: str
    moving: bool = False
    vague: bool = False
    extra: str = ""


FORMATS: tuple[Format, ...] = (
    Format("JPEG", "JPEG", "PIL.JpegImagePlugin", (".jpg", ".jpeg", ".jpe", ".jfif", ".mpo"),
           "photographs; of the several pictures that telephones and stereo cameras put into one file, the first"),
    Format("PNG", "PNG", "PIL.PngImagePlugin", (".png", ".apng"), "pictures without loss, animations", moving=True),
    Format("WEBP", "WebP", "PIL.WebPImagePlugin", (".webp",), "web pages, animations", moving=True),
    Format("GIF", "GIF", "PIL.GifImagePlugin", (".gif",), "animations", moving=True),
    Format("TIFF", "TIFF", "PIL.TiffImagePlugin", (".tif", ".tiff"), "scans and print; the first page"),
    Format("BMP", "BMP", "PIL.BmpImagePlugin", (".bmp",), "Windows"),
    Format("AVIF", "AVIF", "PIL.AvifImagePlugin", (".avif", ".avifs"), "web pages; Pillow 11.3 or newer", moving=True),
    Format("HEIF", "HEIC/HEIF", "pillow_heif.HeifImagePlugin", (".heic", ".heif", ".hif"),
           "photographs of telephones and cameras; needs `mien[heic]`", extra="heic"),
    Format("JPEG2000", "JPEG 2000", "PIL.Jpeg2KImagePlugin", (".jp2", ".j2k", ".j2c", ".jpc", ".jpf", ".jpx"),
           "archives, medicine, cinema"),
    Format("PPM", "Netpbm", "PIL.PpmImagePlugin", (".ppm", ".pgm", ".pbm", ".pnm", ".pfm"),
           "research data sets; PFM with grey values of 0..1", vague=True),
    Format("QOI", "QOI", "PIL.QoiImagePlugin", (".qoi",), "quick lossless pictures"),
    Format("PSD", "PSD", "PIL.PsdImagePlugin", (".psd",), "Photoshop; the flat picture that is kept beside the layers"),
    Format("SGI", "SGI", "PIL.SgiImagePlugin", (".sgi", ".rgb", ".rgba", ".bw"), "workstations, rendering", vague=True),
    Format("SUN", "Sun raster", "PIL.SunImagePlugin", (".ras",), "old research data sets"),
    Format("PCX", "PCX", "PIL.PcxImagePlugin", (".pcx",), "old programs, fax", vague=True),
    Format("DIB", "DIB", "PIL.BmpImagePlugin", (".dib",), "Windows, without the file header of BMP", vague=True),
    Format("TGA", "TGA", "PIL.TgaImagePlugin", (".tga", ".icb", ".vda", ".vst"), "rendering and games", vague=True),
)  # fmt: skip
"""Every format that is read, in the order in which they are tried; the first bytes of the last three say little."""

VIDEO_SUFFIXES = frozenset(
    (
        *(".mp4", ".m4v", ".mov", ".qt", ".3gp", ".3g2", ".f4v", ".mkv", ".webm", ".ogv", ".ogm", ".avi", ".divx"),
        *(".mpg", ".mpeg", ".mpe", ".m1v", ".m2v", ".mpv", ".vob", ".ts", ".mts", ".m2ts", ".m2t", ".trp", ".tod"),
        *(".wmv", ".asf", ".flv", ".mxf", ".dv", ".y4m", ".mjpg", ".mjpeg", ".rm", ".rmvb", ".nut", ".amv"),
    )
)
"""Files that are taken for videos."""


def by_suffix() -> Mapping[str, Format]:
    """The format of every suffix of a picture."""
    return _by_suffix(FORMATS)


@lru_cache(maxsize=2)
def _by_suffix(formats: tuple[Format, ...]) -> dict[str, Format]:
    return {suffix: one for one in formats for suffix in one.suffixes}


def suffixes() -> tuple[str, ...]:
    """Suffixes of pictures, in the order of the table."""
    return tuple(by_suffix())


def suffix_of(name: str | PurePath) -> str:
    """Suffix of a name in lower case, with the dot; "" where there is none."""
    if isinstance(name, PurePath):
        return name.suffix.lower()
    suffix = splitext(name)[1].lower()  # as PurePath, which takes ten times as long
    return "" if suffix == "." else suffix


def is_picture(name: str | PurePath) -> bool:
    """Whether a name is that of a picture."""
    return suffix_of(name) in by_suffix()


def is_video(name: str | PurePath) -> bool:
    """Whether a name is that of a video."""
    return suffix_of(name) in VIDEO_SUFFIXES


def names() -> str:
    """The formats in one line, for people."""
    return ", ".join(one.shown for one in FORMATS)


@lru_cache(maxsize=2)
def openable(extra: bool) -> tuple[str, ...]:
    """Pillow's names of the formats (of those that need an extra, or of the others) that are installed; loads them."""
    from PIL import Image

    found = [one for one in FORMATS if bool(one.extra) == extra]
    for one in found:
        with contextlib.suppress(ImportError):
            importlib.import_module(one.module)
    return tuple(one.name for one in found if one.name in Image.OPEN)
