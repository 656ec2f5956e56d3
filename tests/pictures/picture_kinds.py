"""Picture files of every format and kind that is read: a small coloured picture under every suffix."""

from __future__ import annotations

import importlib.util
import io
import struct
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image as PilImage

from mien.pictures.formats import FORMATS

WIDTH, HEIGHT = 48, 32


@dataclass(frozen=True)
class Kind:
    """One kind of file: its suffix, what is special about it, and what makes its bytes."""

    suffix: str
    what: str
    make: Callable[[], bytes]
    package: str = ""

    def __str__(self) -> str:
        return f"{self.suffix[1:]}-{self.what}" if self.what else self.suffix[1:]

    @property
    def name(self) -> str:
        return f"{str(self).replace(' ', '_')}{self.suffix}"


def coloured() -> PilImage.Image:
    """(HEIGHT, WIDTH) RGB: blue rises to the right, green falls downwards, one corner is red."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    pixels = np.stack([x * 0 + 60, 200 - y * 5, x * 5], axis=-1).astype(np.uint8)
    pixels[:8, :8] = (230, 20, 20)
    return PilImage.fromarray(pixels)


def encoded(picture: PilImage.Image, kind: str, **options: object) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, kind, **options)
    return stream.getvalue()


def turned(orientation: int) -> PilImage.Exif:
    exif = PilImage.Exif()
    exif[0x0112] = orientation
    return exif


def sun_raster() -> bytes:
    """Sun's raster file, 24 bits, blue first."""
    pixels = np.asarray(coloured())[..., ::-1].tobytes()
    return struct.pack(">8I", 0x59A66A95, WIDTH, HEIGHT, 24, len(pixels), 1, 0, 0) + pixels


def photoshop() -> bytes:
    """A Photoshop file without layers: its head, three empty sections, and the planes of the flat picture."""
    head = struct.pack(">4sH6xHIIHH", b"8BPS", 1, 3, HEIGHT, WIDTH, 8, 3)
    planes = np.asarray(coloured()).transpose(2, 0, 1).tobytes()
    return head + struct.pack(">IIIH", 0, 0, 0, 0) + planes


def dib() -> bytes:
    """A bitmap without the file header of BMP."""
    return encoded(coloured(), "DIB")


def several_photographs() -> bytes:
    return encoded(coloured(), "MPO", save_all=True, append_images=[coloured().rotate(180)])


def heif() -> bytes:
    import pillow_heif.HeifImagePlugin  # noqa: F401

    return encoded(coloured(), "HEIF", quality=95)


def _alike(suffixes: str, kind: str, **options: object) -> list[Kind]:
    return [Kind(f".{suffix}", "", lambda: encoded(coloured(), kind, **options)) for suffix in suffixes.split()]


def _special(suffix: str, what: str, mode: str, kind: str, **options: object) -> Kind:
    return Kind(f".{suffix}", what, lambda: encoded(coloured().convert(mode), kind, **options))


def _deep() -> PilImage.Image:
    return PilImage.fromarray(np.asarray(coloured().convert("L")).astype(np.uint16) * 257)


def _clear() -> PilImage.Image:
    picture = coloured().convert("RGBA")
    picture.putalpha(0)
    return picture


def _moving() -> dict[str, object]:
    return {"save_all": True, "append_images": [coloured().rotate(180)], "duration": 100}


KINDS: tuple[Kind, ...] = (
    *_alike("jpg jpeg jpe jfif", "JPEG"), Kind(".mpo", "", several_photographs),
    _special("jpg", "grey", "L", "JPEG"), _special("jpg", "cmyk", "CMYK", "JPEG"),
    _special("jpg", "progressive", "RGB", "JPEG", progressive=True),
    *(_special("jpg", f"turned {n}", "RGB", "JPEG", exif=turned(n)) for n in (3, 6, 8)),
    *_alike("png apng", "PNG"), _special("png", "palette", "P", "PNG"), _special("png", "bilevel", "1", "PNG"),
    Kind(".png", "16 bits", lambda: encoded(_deep(), "PNG")), Kind(".png", "clear", lambda: encoded(_clear(), "PNG")),
    Kind(".apng", "moving", lambda: encoded(coloured(), "PNG", **_moving())),
    *_alike("webp", "WEBP"), _special("webp", "lossless", "RGB", "WEBP", lossless=True),
    Kind(".webp", "clear", lambda: encoded(_clear(), "WEBP", lossless=True)),
    Kind(".webp", "moving", lambda: encoded(coloured(), "WEBP", **_moving())),
    *_alike("gif", "GIF"), Kind(".gif", "moving", lambda: encoded(coloured(), "GIF", **_moving())),
    *_alike("bmp", "BMP"), _special("bmp", "grey", "L", "BMP"), Kind(".dib", "", dib),
    *_alike("tif tiff", "TIFF"), Kind(".tif", "16 bits", lambda: encoded(_deep(), "TIFF")),
    *(_special("tif", c.rpartition("_")[2], "RGB", "TIFF", compression=c)
      for c in ("tiff_lzw", "tiff_deflate", "packbits", "jpeg")),
    _special("tif", "cmyk", "CMYK", "TIFF"), Kind(".tif", "pages", lambda: encoded(coloured(), "TIFF", **_moving())),
    *_alike("ppm pnm", "PPM"), _special("pgm", "", "L", "PPM"), _special("pbm", "", "1", "PPM"),
    Kind(".pfm", "", lambda: encoded(coloured().convert("L").convert("F").point(lambda v: v / 255 + 0), "PPM")),
    *_alike("avif avifs", "AVIF"),
    *(Kind(f".{suffix}", "", heif, "pillow_heif") for suffix in ("heic", "heif", "hif")),
    *_alike("jp2 jpf jpx", "JPEG2000"), *_alike("j2k j2c jpc", "JPEG2000", no_jp2=True),
    *_alike("tga icb vda vst", "TGA"), _special("tga", "packed", "RGB", "TGA", compression="tga_rle"),
    *_alike("qoi", "QOI"), *_alike("pcx", "PCX"), *_alike("sgi rgb", "SGI"), _special("rgba", "", "RGBA", "SGI"),
    _special("bw", "", "L", "SGI"), Kind(".ras", "", sun_raster), Kind(".psd", "", photoshop),
    Kind(".jpg", "png inside", lambda: encoded(coloured(), "PNG")),
)  # fmt: skip
"""Every suffix of the table, and the kinds of content that need a way of their own."""


def _there(kind: Kind) -> bool:
    module = next(one.module for one in FORMATS if kind.suffix in one.suffixes)
    return all(importlib.util.find_spec(name) for name in (kind.package or "PIL", module))


AVAILABLE: tuple[Kind, ...] = tuple(kind for kind in KINDS if _there(kind))
"""Those that the installed packages can write and read."""
