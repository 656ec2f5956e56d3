"""Any picture in: every ordinary kind gives the same pixels, and every broken one a sentence."""

import io
import pickle
import struct
import sys
import warnings
import zlib

import numpy as np
import pytest
from PIL import Image as PilImage
from PIL import ImageOps

from mien.core.errors import ImageError, OptionError
from mien.pictures import formats
from mien.pictures.decode import load_image

RED_BGR = (0, 0, 255)


def _encoded(picture: PilImage.Image, kind: str, **options) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def _halves() -> PilImage.Image:
    """40 x 20: left half red, right half blue."""
    picture = PilImage.new("RGB", (40, 20), (255, 0, 0))
    picture.paste((0, 0, 255), (20, 0, 40, 20))
    return picture


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "BMP", "TIFF", "PPM", "JPEG", "JPEG2000"])
def test_formats(kind):
    """The common formats give (H, W, 3) uint8 in blue-green-red order."""
    options = {"lossless": True} if kind == "WEBP" else {}
    image = load_image(_encoded(_halves(), kind, **options))

    assert image.shape == (20, 40, 3)
    assert image.dtype == np.uint8
    np.testing.assert_allclose(image[10, 5], RED_BGR, atol=2)
    np.testing.assert_allclose(image[10, 35], (255, 0, 0), atol=2)


def test_a_path_may_be_text_or_path(tmp_path):
    """str, Path, bytes and a Pillow image of one picture are the same."""
    file = tmp_path / "gesicht ü.png"
    _halves().save(file)

    expected = load_image(_halves())
    for source in (file, str(file), file.read_bytes()):
        np.testing.assert_array_equal(load_image(source), expected)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation(orientation):
    """Whatever way a telephone was held, the picture comes out upright."""
    exif = PilImage.Exif()
    exif[0x0112] = orientation
    sideways = PilImage.open(io.BytesIO(_encoded(_halves(), "PNG", exif=exif)))
    expected = np.asarray(ImageOps.exif_transpose(sideways))[..., ::-1]

    image = load_image(_encoded(_halves(), "PNG", exif=exif))

    np.testing.assert_array_equal(image, expected)
    assert image.shape[:2] == ((20, 40) if orientation <= 4 else (40, 20))


def test_grey_palette_cmyk_and_bilevel():
    """Modes that are not RGB become BGR of the right colours."""
    red = PilImage.new("RGB", (20, 20), (255, 0, 0))
    for picture, kind in ((red.convert("P"), "PNG"), (red.convert("P"), "GIF"), (red.convert("CMYK"), "TIFF")):
        np.testing.assert_allclose(load_image(_encoded(picture, kind))[0, 0], RED_BGR, atol=2)
    assert load_image(_encoded(PilImage.new("L", (20, 20), 77), "PNG"))[0, 0].tolist() == [77] * 3
    assert load_image(_encoded(PilImage.new("1", (20, 20), 1), "PNG"))[0, 0].tolist() == [255] * 3
    assert load_image(_encoded(red.convert("CMYK"), "JPEG"))[0, 0] == pytest.approx(RED_BGR, abs=3)


def test_transparency_is_laid_on_white():
    """A transparent pixel is white whatever colour hides in it; a half transparent red one is pink."""
    picture = PilImage.new("RGBA", (2, 1), (255, 0, 0, 0))
    picture.putpixel((1, 0), (255, 0, 0, 128))

    image = load_image(_encoded(picture, "PNG"))

    assert image[0].tolist() == [[255, 255, 255], [127, 127, 255]]
    np.testing.assert_array_equal(load_image(np.asarray(picture), color="rgb"), image)


def test_sixteen_bit_grey():
    """16-bit grey is scaled, not cut: 65535 is white, 32896 the middle."""
    values = np.array([[0, 32896, 65535]], np.uint16)

    assert load_image(_encoded(PilImage.fromarray(values), "PNG"))[0, :, 0].tolist() == [0, 128, 255]
    assert load_image(values)[0, :, 0].tolist() == [0, 128, 255]


def test_an_animation_gives_its_first_frame():
    """Of an animated GIF or WebP the first frame is read."""
    first, second = PilImage.new("RGB", (9, 9), (255, 0, 0)), PilImage.new("RGB", (9, 9), (0, 255, 0))
    for kind in ("GIF", "WEBP"):
        data = _encoded(first, kind, save_all=True, append_images=[second])
        np.testing.assert_allclose(load_image(data)[4, 4], RED_BGR, atol=6)


def test_arrays():
    """Grey, BGR, RGB with its order named, BGRA; uint8, uint16 and floats of 0..1 give the same picture."""
    bgr = load_image(_halves())
    grey = bgr[..., 0]
    assert load_image(bgr) is not None
    np.testing.assert_array_equal(load_image(bgr[..., ::-1], color="rgb"), bgr)
    np.testing.assert_array_equal(load_image(bgr.astype(np.float32) / 255), bgr)
    np.testing.assert_array_equal(load_image(bgr.astype(np.uint16) * 257), bgr)
    opaque = np.dstack([bgr, np.full(grey.shape, 255, np.uint8)])
    np.testing.assert_array_equal(load_image(opaque), bgr)
    for array in (grey, grey[..., None]):
        np.testing.assert_array_equal(load_image(array), np.dstack([grey] * 3))


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.full((4, 4, 3), np.nan), "NaN or infinite"),
        (np.full((4, 4), np.inf), "NaN or infinite"),
        (np.full((4, 4, 3), 200.0), "has values from 200 to 200; expected floats in 0..1"),
        (np.zeros((4, 4), bool), "uint8, uint16 or float in 0..1, got bool"),
        (np.zeros(4, np.uint8), r"got \(4,\)"),
        (np.zeros((2, 4, 4, 3), np.uint8), r"got 2 in an array of shape \(2, 4, 4, 3\)"),
        (np.zeros((5, 4, 2), np.uint8), r"got \(5, 4, 2\)"),
        (np.zeros((0, 4, 3), np.uint8), "has no pixels"),
    ],
)
def test_unusable_arrays(array, message):
    """A wrong type, range or rank is said; nothing is guessed."""
    with pytest.raises(ImageError, match=message):
        load_image(array)


def test_other_things_are_not_pictures():
    """None and lists are named for what they are; so is a wrong colour order."""
    for thing in (None, [], 3):
        with pytest.raises(ImageError, match=f"got {type(thing).__name__}"):
            load_image(thing)  # type: ignore[arg-type]
    with pytest.raises(OptionError, match="Unknown colour order 'gbr'"):
        load_image(np.zeros((4, 4, 3), np.uint8), color="gbr")  # type: ignore[arg-type]


def test_files_that_are_no_pictures(tmp_path):
    """Missing, empty, a folder, text under a picture's name, an address: one sentence each, naming the file."""
    (tmp_path / "empty.png").write_bytes(b"")
    (tmp_path / "text.jpg").write_text("not a picture")
    for name, message in (
        ("missing.png", "missing.png does not exist"),
        ("empty.png", "empty.png is empty"),
        ("text.jpg", "text.jpg is not a picture in a known format"),
        (".", "is a folder"),
    ):
        with pytest.raises(ImageError, match=message):
            load_image(tmp_path / name)
    with pytest.raises(ImageError, match="does not fetch"):
        load_image("https://example.org/a.jpg")


def test_what_is_wrong_without_the_name(tmp_path):
    """Who calls a picture otherwise must get what is wrong with it alone: for bytes, paths with odd characters,
    and also after the error came from another process; an error that speaks of no picture has none.
    """
    odd = tmp_path / "a\x1b b.png"
    odd.write_bytes(b"")
    for source, wanted in ((b"", "is empty (0 bytes); expected a picture."), (odd, "is empty (0 bytes); expected"),
                           (b"text", "is not a picture in a known format")):  # fmt: skip
        with pytest.raises(ImageError) as raised:
            load_image(source)
        for error in (raised.value, pickle.loads(pickle.dumps(raised.value))):
            assert error.reason.startswith(wanted)
            assert str(error) == f"{error.subject} {error.reason}"
            assert error.about("It") == f"It {error.reason}"
    with pytest.raises(ImageError) as raised:
        load_image("")
    assert (raised.value.subject, raised.value.about("It")) == ("", str(raised.value))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF"])
def test_truncated_files_are_errors(kind):
    """Half a file is never a half-grey face."""
    noise = PilImage.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8))
    data = _encoded(noise, kind)

    for part in (len(data) // 2, len(data) * 9 // 10):
        with pytest.raises(ImageError, match=r"damaged or cut off|not a picture"):
            load_image(data[:part])


def test_damaged_bytes_never_raise_anything_else():
    """Flipped bytes give a picture or an ImageError, nothing else (300 mutations, fixed seed)."""
    rng = np.random.default_rng(1)
    originals = [bytearray(_encoded(_halves(), kind)) for kind in ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF")]
    for _ in range(300):
        data = bytearray(originals[rng.integers(len(originals))])
        for position in rng.integers(0, len(data), 4):
            data[position] = rng.integers(256)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                assert load_image(bytes(data), max_pixels=10**6).ndim == 3
            except ImageError as error:
                assert str(error)


def _bomb(side: int) -> bytes:
    """A PNG of side x side bilevel pixels, all black: small as a file, huge once decoded."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    packer = zlib.compressobj(9)
    row = bytes(1 + (side + 7) // 8)
    body = b"".join(packer.compress(row) for _ in range(side)) + packer.flush()
    head = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def test_a_bomb_is_refused_before_decoding():
    """20,000 x 20,000 pixels in about 50 kB are refused from the header; the limit can be moved."""
    data = _bomb(20_000)

    assert len(data) < 60_000
    with pytest.raises(ImageError, match=r"20000 x 20000 = 400 megapixels, more than the limit of 100"):
        load_image(data)
    with pytest.raises(ImageError, match="more than the limit of 0.0001"):
        load_image(_encoded(_halves(), "PNG"), max_pixels=100)
    with pytest.raises(ImageError, match="more than the limit"):
        load_image(np.zeros((20, 20, 3), np.uint8), max_pixels=100)


def test_heic_without_its_package(monkeypatch):
    """Where pillow-heif is not installed, a sentence names the extra that brings it."""
    monkeypatch.setitem(sys.modules, "pillow_heif.HeifImagePlugin", None)
    monkeypatch.delitem(PilImage.OPEN, "HEIF", raising=False)
    formats.openable.cache_clear()
    try:
        with pytest.raises(ImageError, match=r'HEIC/HEIF picture, which needs .* pip install "mien\[heic\]"'):
            load_image(b"\x00\x00\x00\x18ftypheic" + bytes(20))
    finally:
        formats.openable.cache_clear()


def test_the_callers_array_is_not_changed():
    """Reading an array leaves it as it was."""
    array = np.random.default_rng(0).integers(0, 255, (5, 5, 4)).astype(np.uint8)
    before = array.copy()
    load_image(array)

    np.testing.assert_array_equal(array, before)


def test_a_pillow_image_that_cannot_be_decoded():
    """Pillow decodes late: a file that is cut off, and a picture that was closed, are errors about the picture."""
    data = _encoded(_halves(), "PNG")
    with (
        PilImage.open(io.BytesIO(data[: len(data) // 2])) as cut,
        pytest.raises(ImageError, match="closed, or its file is damaged"),
    ):
        load_image(cut)
    closed = PilImage.new("RGB", (4, 4))
    closed.close()
    with pytest.raises(ImageError, match="closed, or its file is damaged"):
        load_image(closed)


def test_a_file_without_end(tmp_path, monkeypatch):
    """Reading stops at a limit of bytes, so that a device that never ends does not fill the memory."""
    monkeypatch.setattr("mien.pictures.sources._MAX_BYTES", 100)
    (tmp_path / "long.jpg").write_bytes(bytes(101))
    with pytest.raises(ImageError, match="more than 100 bytes"):
        load_image(tmp_path / "long.jpg")


def test_an_empty_path():
    """An empty text is no folder."""
    with pytest.raises(ImageError, match="got an empty text"):
        load_image("")
