"""What cannot be read says why, in the words of the picture; no library speaks for itself."""

from __future__ import annotations

import io
import json
import struct
import threading
import warnings
from pathlib import Path

import numpy as np
import pytest
from picture_kinds import coloured, encoded
from PIL import Image as PilImage

from mien.core.errors import ImageError, ImageFormatError
from mien.pictures.decode import load_image
from mien.pictures.quiet import Quiet


def tiff(samples: int, bits: int, kind: int) -> bytes:
    """A TIFF of 4 x 4 pixels whose samples have so many bits, and a kind (1 unsigned, 3 float)."""
    body = np.zeros(16 * samples * bits // 8, np.uint8).tobytes()
    tags = [(256, 4, 4), (257, 4, 4), (258, 3, bits), (259, 3, 1), (262, 3, 2 if samples > 2 else 1), (273, 4, 8),
            (277, 3, samples), (278, 4, 4), (279, 4, len(body)), (339, 3, kind)]  # fmt: skip
    entries = b"".join(
        struct.pack("<HHI", tag, form, 1) + (struct.pack("<I", v) if form == 4 else struct.pack("<HH", v, 0))
        for tag, form, v in tags
    )
    return b"II*\0" + struct.pack("<I", 8 + len(body)) + body + struct.pack("<H", len(tags)) + entries + bytes(4)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (tiff(3, 32, 3), r"a kind that is not read: 3 samples per pixel of 32 bits, floating-point; convert it"),
        (tiff(3, 64, 3), r"3 samples per pixel of 64 bits, floating-point"),
        (tiff(5, 8, 1), r"5 samples per pixel of 8 bits, unsigned"),
        (tiff(1, 64, 3), r"1 sample per pixel of 64 bits, floating-point"),
    ],
)
def test_a_tiff_of_a_rare_kind(data, words):
    """A TIFF that is whole but of a kind that is not read says which, not that TIFF is unknown."""
    with pytest.raises(ImageFormatError, match=words):
        load_image(data)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"\x89PNG\r\n\x1a\n" + bytes(4), "begins as PNG does, but its header is damaged or cut off"),
        (b"\xff\xd8\xff\xe0", "begins as JPEG does, but"),
        (b"PK\3\4" + bytes(40), "is a zip archive and no picture; read what it holds with mien batch"),
        (b"\0\0\0\x18ftypisom\0\0\2\0isomiso2", "is a video and no picture; read it with mien video"),
        (b"\x1aE\xdf\xa3" + bytes(40), "is a video and no picture"),
        (b"RIFF\0\0\0\0AVI " + bytes(40), "is a video and no picture"),
        (b"hello, world", r"is not a picture in a known format \(JPEG, PNG, WebP, GIF, TIFF, .*HEIC/HEIF"),
    ],
)
def test_other_files(data, words):
    """Damaged headers, archives, videos and anything else are told apart."""
    with pytest.raises(ImageFormatError, match=words):
        load_image(data)


def damaged_exif() -> bytes:
    """A photograph whose EXIF block is cut off in the middle of its directory."""
    data = encoded(coloured(), "JPEG")
    block = b"Exif\0\0II*\0\x08\0\0\0" + struct.pack("<HHHI", 40, 0x010F, 2, 5000)
    return data[:2] + b"\xff\xe1" + struct.pack(">H", len(block) + 2) + block + data[2:]


def test_a_damaged_exif_block(tmp_path: Path, capfd: pytest.CaptureFixture[str]):
    """The picture is read as it lies, and no warning of Pillow's reaches anybody (warnings are errors here)."""
    plain = load_image(encoded(coloured(), "JPEG"))
    np.testing.assert_array_equal(load_image(damaged_exif()), plain)
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        load_image(damaged_exif())
    assert seen == []
    assert capfd.readouterr() == ("", "")
    with pytest.warns(UserWarning, match="Corrupt EXIF data"), PilImage.open(io.BytesIO(damaged_exif())) as picture:
        picture.getexif()


def test_a_tiff_that_libtiff_complains_of(capfd: pytest.CaptureFixture[str]):
    """What libtiff writes by itself about a corrupted strip stays off the terminal."""
    data = bytearray(encoded(coloured(), "TIFF", compression="tiff_lzw"))
    data[60:300] = bytes(240)
    with pytest.raises(ImageError):
        load_image(bytes(data))
    assert capfd.readouterr().err == ""


def test_quiet_in_threads():
    """Whoever leaves last puts the filters back, in whatever order threads come and go."""
    before = list(warnings.filters)
    quiet, inside, leave = Quiet(), threading.Barrier(3), [threading.Event() for _ in range(2)]

    def work(number: int) -> None:
        with quiet:
            inside.wait()
            leave[number].wait()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    inside.wait()
    assert list(warnings.filters) != before
    for number in range(2):
        leave[number].set()
        threads[number].join()
    assert list(warnings.filters) == before


@pytest.mark.parametrize("name", ["analyze", "detect"])
def test_a_video_points_to_its_command(command, tiny_model, tmp_path: Path, name: str):
    """A video that is given to a command for photographs is answered with the command that reads it."""
    (tmp_path / "clip.mp4").write_bytes(b"\0\0\0\x18ftypisom\0\0\2\0isomiso2" + bytes(100))
    model = ("--model", tiny_model) if name == "analyze" else ()
    ended = command(name, *model, "--detector", "none", tmp_path / "clip.mp4")
    assert ended.code == 1
    told = " ".join((ended.out + ended.err).split())
    assert "clip.mp4 is a video and no picture; read it with mien video" in told


@pytest.mark.parametrize("name", ["analyze", "detect"])
def test_what_is_passed_over(command, tiny_model, tmp_path: Path, name: str):
    """The last line counts what a folder holds and is not read, and files of which only the first picture is."""
    (tmp_path / "more").mkdir()
    coloured().save(tmp_path / "a.png")
    coloured().save(tmp_path / "b.gif", save_all=True, append_images=[coloured().rotate(180)])
    for other in ("more/c.txt", "d.TXT", "e.mp4", "README", ".hidden.txt"):
        (tmp_path / other).write_bytes(b"x")
    model = ("--model", tiny_model) if name == "analyze" else ()
    ended = command(name, *model, "--detector", "none", "--format", "json", tmp_path)
    assert ended.code == 0
    assert ended.err.splitlines()[-1] == (
        "2 pictures, 2 faces. Passed over: 2 .txt, 1 without a suffix and 1 .mp4; mien video reads videos. "
        "1 file holds several pictures, of which the first was read; mien video reads animations."
    )


def test_a_folder_without_pictures(command, tiny_model, tmp_path: Path):
    """A folder that holds other files only says which."""
    (tmp_path / "clip.mp4").write_bytes(b"x")
    ended = command("analyze", "--model", tiny_model, "--detector", "none", "--format", "json", tmp_path)
    (record,) = json.loads(ended.out)
    assert record["error"] == f"The folder {tmp_path} holds no pictures (passed over: 1 .mp4)."
