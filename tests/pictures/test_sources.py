"""Pictures from where callers have them: arrays of other libraries, open files, buffers; texts that are no paths."""

import base64
import io
import mmap

import numpy as np
import pytest
from PIL import Image as PilImage

from mien.core.errors import ImageError, InputError
from mien.core.types import Frame
from mien.pictures.decode import load_image

RED = np.zeros((6, 9, 3), np.uint8)
RED[..., 2] = 255  # blue-green-red
RED[:, :4] = 40


def _png() -> bytes:
    out = io.BytesIO()
    PilImage.fromarray(RED[..., ::-1]).save(out, "PNG")
    return out.getvalue()


class Tensor:
    """What PyTorch, JAX and TensorFlow have in common: it gives itself as an array, or says why not."""

    def __init__(self, array, error=None) -> None:
        self._array, self._error = array, error

    def __array__(self, dtype=None, copy=None):
        if self._error is not None:
            raise self._error
        return self._array


@pytest.mark.parametrize(
    "source",
    [
        RED,
        Tensor(RED),
        Tensor(np.moveaxis(RED, 2, 0)),
        np.moveaxis(RED, 2, 0),
        np.moveaxis(RED, 2, 0)[None],
        RED[None],
        RED.astype(np.float32) / 255,
        RED.astype(np.uint16) * 257,
        RED.astype(np.int32) * 257,
        RED.astype(np.uint32) * 257,
        RED.astype(np.int64) * 257,
    ],
    ids=["array", "tensor", "CHW tensor", "CHW", "NCHW", "NHWC", "float", "uint16", "int32", "uint32", "int64"],
)
def test_arrays(source):
    """Channels first or last, one picture in a batch, and whole numbers of any width give the same picture."""
    assert np.array_equal(load_image(source), RED)


def test_tensors_of_torch():
    """Tensors as torchvision makes them: RGB, channels first, floats in 0..1; one with gradients says what to do."""
    torch = pytest.importorskip("torch")
    tensor = torch.from_numpy(np.ascontiguousarray(RED[..., ::-1])).permute(2, 0, 1).float() / 255

    assert np.array_equal(load_image(tensor, color="rgb"), RED)
    assert np.array_equal(load_image(tensor[None], color="rgb"), RED)
    with pytest.raises(ImageError, match=r"This Tensor cannot be read as an array; .*detach\(\)\.cpu\(\)\.numpy\(\)"):
        load_image(tensor.requires_grad_())


def test_tensors_on_another_device():
    """What a library raises for memory that the processor cannot read becomes a sentence with the remedy."""
    with pytest.raises(ImageError, match="bring it to the processor's memory"):
        load_image(Tensor(RED, TypeError("can't convert cuda:0 device type tensor to numpy")))


def test_shapes_that_may_be_read_in_two_ways():
    """A tensor with a 3 at both ends is refused; NumPy's arrays have their channels last."""
    both = np.zeros((3, 50, 3), np.uint8)

    assert load_image(both).shape == (3, 50, 3)
    with pytest.raises(ImageError, match="channels first or last"):
        load_image(Tensor(both))


@pytest.mark.parametrize("kind", [np.uint16, np.int32, np.uint32, np.int64, np.int8])
def test_wide_numbers_that_hold_8_bits(kind):
    """0..255 in wider numbers would be read as nearly black, so they are refused with the remedy; black is black."""
    with pytest.raises(ImageError, match=r"values of at most 100, which would be nearly black.*astype\('uint8'\)"):
        load_image(np.full((4, 4), 100, kind))
    assert load_image(np.zeros((4, 4), kind)).max() == 0


def test_deep_pictures_that_hold_8_bits():
    """The same for Pillow's mode I and for TIFF files of 32 and 16 bits; 12 and 16 bits go on working."""
    grey = np.tile(np.arange(200, dtype=np.int32), (4, 1))
    for picture in (PilImage.fromarray(grey), PilImage.fromarray(grey.astype(np.uint16))):
        out = io.BytesIO()
        picture.save(out, "TIFF")
        for source in (picture, out.getvalue()):
            with pytest.raises(ImageError, match="nearly black") as raised:
                load_image(source)
            assert raised.value.code == "unusable"
    assert load_image(PilImage.fromarray(grey * 20)).max() == round(199 * 20 / 257)
    assert load_image(PilImage.fromarray((grey * 300).astype(np.uint16))).max() == round(199 * 300 / 257)


def test_whole_numbers_out_of_range():
    """Negative numbers and those above 16 bits are named."""
    with pytest.raises(ImageError, match="the array has values from -1 to 300; expected 0 to 65535"):
        load_image(np.array([[-1, 300]], np.int32))
    with pytest.raises(ImageError, match="from 0 to 70000"):
        load_image(np.array([[0, 70000]], np.uint32))


def test_buffers_and_open_files(tmp_path):
    """Bytes in any wrapping: a memoryview, a bytearray, a mapped file, an open file, a stream."""
    file = tmp_path / "a.png"
    file.write_bytes(_png())

    for source in (memoryview(_png()), bytearray(_png()), io.BytesIO(_png())):
        assert np.array_equal(load_image(source), RED)
    with file.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        assert np.array_equal(load_image(mapped), RED)
        assert np.array_equal(load_image(stream), RED)


def test_files_opened_wrongly(tmp_path):
    """A file in text mode, a closed one and one that is at its end are told."""
    file = tmp_path / "a.png"
    file.write_bytes(_png())

    with file.open(encoding="latin-1") as text, pytest.raises(ImageError, match="gives str, not bytes; open .* 'rb'"):
        load_image(text)
    with pytest.raises(ImageError, match="cannot be read: I/O operation on closed file"):
        load_image(text)
    with file.open("rb") as stream:
        stream.read()
        with pytest.raises(ImageError, match="the data is empty"):
            load_image(stream)


PICTURE64 = base64.b64encode(np.random.default_rng(0).bytes(3000)).decode()


@pytest.mark.parametrize(
    ("text", "expected", "code"),
    [
        (f"data:image/png;base64,{PICTURE64}", "is a data: URI and no path", "unsupported"),
        (PICTURE64, "picture in base64; decode it first", "unsupported"),
        (base64.b64encode(_png()).decode(), "picture in base64; decode it first", "unsupported"),
        (f"https://example.org/{PICTURE64}.jpg", "from urllib.request import urlopen", "unsupported"),
        ("x/" * 400 + "a.png", "does not exist|File name too long", None),
        ("a" * 5000, "File name too long", "unreadable"),
        ("a\0b", "cannot be read: embedded null", "unreadable"),
    ],
    ids=["data URI", "base64", "base64 of a PNG", "address", "long path", "long name", "null"],
)
def test_texts_that_are_no_paths(text, expected, code):
    """Each gets one short sentence with the remedy, and no more than 80 characters of the text come back."""
    with pytest.raises(ImageError, match=expected) as raised:
        load_image(text)

    assert code is None or raised.value.code == code
    assert len(str(raised.value)) < 300
    assert not any(text[i : i + 81] in str(raised.value) for i in range(max(len(text) - 80, 0)))


@pytest.mark.parametrize("time_s", [float("nan"), float("inf"), None, "1"])
def test_a_frame_without_a_time(time_s):
    """A frame's time is a finite number of seconds."""
    with pytest.raises(InputError, match="time of a frame"):
        Frame(RED, 0, time_s)
