"""Bytes become pixels as they do for live pictures, and one picture has one digest whatever it is packed in."""

import io

import cv2
import numpy as np
import pytest
from data_worlds import drawn, png
from PIL import Image

from mien.core.errors import DataError
from mien.data.pictures import decode, digest_of, to_png
from mien.pictures.decode import load_image


def _file(image: Image.Image, kind: str, **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


_COLOUR = np.stack([drawn(1), drawn(2), drawn(3)], axis=2)
_TRANSPARENT = np.dstack([_COLOUR, drawn(4)])
_EXIF = Image.Exif()
_EXIF[0x0112] = 6  # turned by a quarter

FILES = {
    "PNG": png(_COLOUR),
    "grey PNG": png(drawn(1)),
    "JPEG": _file(Image.fromarray(_COLOUR), "JPEG"),
    "JPEG with EXIF": _file(Image.fromarray(_COLOUR[:30]), "JPEG", exif=_EXIF),
    "WebP": _file(Image.fromarray(_COLOUR), "WEBP", quality=80),
    "lossless WebP": _file(Image.fromarray(_COLOUR), "WEBP", lossless=True),
    "grey WebP": _file(Image.fromarray(drawn(1)), "WEBP", lossless=True),
    "WebP of one colour": _file(Image.fromarray(np.zeros((48, 48), np.uint8)), "WEBP", lossless=True),
    "transparent WebP": _file(Image.fromarray(_TRANSPARENT), "WEBP", lossless=True),
    "WebP with EXIF": _file(Image.fromarray(_COLOUR[:30]), "WEBP", lossless=True, exif=_EXIF),
    "transparent PNG": _file(Image.fromarray(_TRANSPARENT), "PNG"),
    "palette GIF": _file(Image.fromarray(_COLOUR).quantize(16), "GIF"),
    "16-bit PNG": _file(Image.fromarray(drawn(1).astype(np.uint16) * 257), "PNG"),
    "BMP": _file(Image.fromarray(_COLOUR), "BMP"),
    "TIFF": _file(Image.fromarray(drawn(1)), "TIFF"),
}


@pytest.mark.parametrize("kind", FILES)
def test_training_decodes_as_live_pictures(kind):
    """Whatever the format, the pixels are those that `pictures.decode` gives."""
    mine, live = decode(FILES[kind]), load_image(FILES[kind])

    assert np.array_equal(mine if mine.ndim == 3 else cv2.cvtColor(mine, cv2.COLOR_GRAY2BGR), live)


@pytest.mark.parametrize("kind", ["grey PNG", "grey WebP", "16-bit PNG", "TIFF"])
def test_grey_is_grey_in_every_format(kind):
    """WebP has no grey, so equal channels count as grey; the digest is the same."""
    assert decode(FILES[kind]).shape == (48, 48)
    assert digest_of(decode(FILES[kind])) == digest_of(drawn(1))


@pytest.mark.parametrize("kind", [kind for kind in FILES if kind != "palette GIF"])  # may end in bytes without pixels
@pytest.mark.parametrize("part", [0.0, 0.05, 0.5, 0.97])
@pytest.mark.filterwarnings("ignore:.*EXIF:UserWarning")
def test_cut_files_are_refused(kind, part, capfd):
    """A file that was cut off is never half a picture, and no library complains on standard error."""
    data = FILES[kind][: int(len(FILES[kind]) * part)]

    with pytest.raises(DataError):
        decode(data)
    assert capfd.readouterr().err == ""


def test_the_digest_knows_the_shape():
    """The same bytes in another shape are another picture."""
    image = drawn(0)

    assert digest_of(image) != digest_of(image.reshape(24, 96))


def test_png_is_without_loss():
    """What is written comes back."""
    assert np.array_equal(decode(to_png(_COLOUR)), _COLOUR)
    assert np.array_equal(decode(to_png(drawn(5))), drawn(5))
