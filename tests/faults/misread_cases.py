"""What was once misread, or missing, without a word: what happened, what happens now, and the test that holds it.

`benchmarks/faults.py` runs every case and writes the table of docs/reliability.md. A case is right when its output
matches `says`; the test that is named proves the kind, of which the case is one example.
"""

from __future__ import annotations

import io
import struct
import sys
import tarfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

_TESTS = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(_TESTS / "pictures"))

from picture_kinds import coloured, encoded, several_photographs  # noqa: E402

__all__ = ["MISREAD", "Misread"]

_QUICK = ("--model", str(_TESTS / "golden" / "tiny.onnx"), "--detector", "none")
_CODE = f"import mien, numpy as np; a = mien.Analyzer({_QUICK[1]!r}, 'none'); "


@dataclass(frozen=True)
class Misread:
    """One case.

    Args:
        what: the input.
        before: what happened.
        make: makes the input in a folder.
        arguments: of `mien`, or Python code after "-c"; "{in}" is the folder.
        says: pattern of what is said now.
        test: file and function.
        status: of the command.

    """

    what: str
    before: str
    make: Callable[[Path], object]
    arguments: tuple[str, ...]
    says: str
    test: str
    status: int = 0

    def line(self, folder: Path) -> list[str]:
        """The command."""
        code = self.arguments[0] == "-c"
        start = [sys.executable] if code else [sys.executable, "-m", "mien"]
        return start + [argument.replace("{in}", str(folder)) for argument in self.arguments]


def _files(**contents: bytes) -> Callable[[Path], object]:
    """Files whose names have "__" for the dot."""

    def make(folder: Path) -> None:
        for name, data in contents.items():
            (folder / name.replace("__", ".")).write_bytes(data)

    return make


def _jpeg() -> bytes:
    return encoded(coloured(), "JPEG")


def _data_set(folder: Path) -> None:
    for kind in ("happy", "sad"):
        (folder / kind).mkdir()
        for number, suffix in enumerate(("jpg", "jfif", "xyz")):
            picture = coloured().rotate(number + (kind == "sad") * 7)
            (folder / kind / f"{number}.{suffix}").write_bytes(encoded(picture, "JPEG"))


def _moving() -> bytes:
    return encoded(coloured(), "GIF", save_all=True, append_images=[coloured().rotate(180)], duration=100)


def _float_tiff() -> bytes:
    tags = [(256, 4, 4), (257, 4, 4), (258, 3, 32), (259, 3, 1), (262, 3, 2), (273, 4, 8), (277, 3, 3), (278, 4, 4),
            (279, 4, 192), (339, 3, 3)]  # fmt: skip
    body = b"".join(
        struct.pack("<HHI", tag, form, 1) + (struct.pack("<I", v) if form == 4 else struct.pack("<HH", v, 0))
        for tag, form, v in tags
    )
    return b"II*\0" + struct.pack("<I", 200) + bytes(192) + struct.pack("<H", len(tags)) + body + bytes(4)


def _damaged_exif() -> bytes:
    data, block = _jpeg(), b"Exif\0\0II*\0\x08\0\0\0" + struct.pack("<HHHI", 40, 0x010F, 2, 5000)
    return data[:2] + b"\xff\xe1" + struct.pack(">H", len(block) + 2) + block + data[2:]


def _damaged_lzw() -> bytes:
    data = bytearray(encoded(coloured(), "TIFF", compression="tiff_lzw"))
    data[60:300] = bytes(240)
    return bytes(data)


def _clear_png() -> bytes:
    picture = coloured().convert("RGBA")
    picture.putalpha(0)
    return encoded(picture, "PNG")


def _shard(folder: Path) -> None:
    with tarfile.open(folder / "a.tar", "w") as archive:
        for name, data in (("0.jpg", _jpeg()), ("0.json", b"{}"), ("0.cls", b"1")):
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))


def _zip_of_tables(folder: Path) -> None:
    with zipfile.ZipFile(folder / "a.zip", "w") as archive:
        archive.writestr("a.jpg", _jpeg())


_VIDEO = b"\0\0\0\x18ftypisom\0\0\2\0isomiso2" + bytes(100)
_READ_ALIKE = "tests/pictures/test_formats_alike.py::test_read_alike"
_OTHER = "tests/pictures/test_unread.py::test_other_files"
_BATCH = (
    "import sys; from mien.batch import read_inputs, run_batch, Settings; "
    f"run_batch('{{in}}', '{{in}}-out', Settings(model={_QUICK[1]!r}, detector='none'), workers=0); "
    "[print(r['source'].rsplit('/', 1)[1], r['member'], r['status'], r['code'], r['files'], r['note'] or '', sep=', ')"
    " for r in read_inputs('{in}-out').to_pylist() if r['status'] != 'ok' or r['note']]"
)

MISREAD: tuple[Misread, ...] = (
    Misread("a folder of a.jpg, c.jfif, i.mpo", "1 of 3 pictures was read, status 0",
            _files(a__jpg=_jpeg(), c__jfif=_jpeg(), i__mpo=several_photographs()),
            ("analyze", "{in}", *_QUICK), r"3 pictures, 3 faces\.", _READ_ALIKE),
    Misread("the same folder as frames", "1 of 3 frames was read, status 0",
            _files(a__jpg=_jpeg(), c__jfif=_jpeg(), i__mpo=several_photographs()),
            ("video", "{in}", *_QUICK), r"3 frames", _READ_ALIKE),
    Misread("a data set of .jpg, .jfif and an unknown .xyz", "two thirds of the pictures vanished, status 0", _data_set,
            ("data", "audit", "{in}", "--no-near"), r"no part of the data set, passed over: 2 \.xyz\.",
            "tests/data/test_data_formats.py::test_what_is_passed_over"),
    Misread("a folder with notes and a video beside a picture", "not a word of them",
            _files(a__jpg=_jpeg(), b__txt=b"x", c__mp4=_VIDEO), ("analyze", "{in}", *_QUICK),
            r"Passed over: 1 \.mp4 and 1 \.txt; mien video reads videos\.",
            "tests/pictures/test_unread.py::test_what_is_passed_over"),
    Misread("a shard with .json and .cls beside each picture, in a batch", "no row", _shard, ("-c", _BATCH),
            r"a\.tar, \*\.json, passed_over, passed_over, 1",
            "tests/batch/test_batch_sources.py::test_what_is_passed_over"),
    Misread("a .vob that is no video, in a batch", "no row", _files(a__jpg=_jpeg(), b__vob=b"x" * 99), ("-c", _BATCH),
            r"b\.vob, None, error, damaged, 1", "tests/batch/test_batch_sources.py::test_codes"),
    Misread("an animated GIF in a batch", "read as one picture, not a word", _files(a__gif=_moving()), ("-c", _BATCH),
            r"holds 2 pictures, of which the first was read",
            "tests/batch/test_batch_sources.py::test_an_animation_has_a_note"),
    Misread("an animated GIF as a video", "read with other times than it states", _files(a__gif=_moving()),
            ("video", "{in}/a.gif", *_QUICK), r"2 frames", "tests/media/test_source.py::test_an_animation_is_a_video"),
    Misread("a PNG that is wholly transparent, as a frame", "another picture than analyze saw",
            _files(a__png=_clear_png()), ("-c", "import mien; from mien.pictures.decode import load_image; "
            "f = next(iter(mien.open_source('{in}'))).image; "
            "print('as in a photograph:', bool((f == load_image('{in}/a.png')).all()), '; darkest value:', f.min())"),
            r"True ; darkest value: 255", _READ_ALIKE),
    Misread("a TIFF of three floats per pixel", "not a known format (... TIFF ...)", _files(a__tif=_float_tiff()),
            ("analyze", "{in}/a.tif", *_QUICK), r"3 samples per pixel of 32 bits, floating-point",
            "tests/pictures/test_unread.py::test_a_tiff_of_a_rare_kind", 1),
    Misread("a JPEG with a damaged EXIF block", "Pillow's warning, without the picture's name",
            _files(a__jpg=_damaged_exif()), ("analyze", "{in}/a.jpg", *_QUICK), r"\A(?!.*Warning).*1 picture, 1 face\.",
            "tests/pictures/test_unread.py::test_a_damaged_exif_block"),
    Misread("a TIFF with a damaged strip", "libtiff's own line beside the sentence", _files(a__tif=_damaged_lzw()),
            ("analyze", "{in}/a.tif", *_QUICK), r"\A(?!.*LZWDecode:).*a\.tif is damaged or cut off",
            "tests/pictures/test_unread.py::test_a_tiff_that_libtiff_complains_of", 1),
    Misread("a video for mien analyze", "not a picture in a known format", _files(clip__mp4=_VIDEO),
            ("analyze", "{in}/clip.mp4", *_QUICK), r"is a video and no picture; read it with mien video",
            "tests/pictures/test_unread.py::test_a_video_points_to_its_command", 1),
    Misread("a zip for mien analyze", "not a picture in a known format", _zip_of_tables,
            ("analyze", "{in}/a.zip", *_QUICK), r"is a zip archive and no picture; read what it holds with mien batch",
            _OTHER, 1),
    Misread("a PNG cut within its header", "not a known format (... PNG ...)",
            _files(a__png=b"\x89PNG\r\n\x1a\n" + bytes(4)), ("analyze", "{in}/a.png", *_QUICK),
            r"begins as PNG does, but its header is damaged or cut off", _OTHER, 1),
    Misread("uint16 with values of 0..255", "taken as nearly black, no face", lambda _: None,
            ("-c", _CODE + "a.analyze(np.full((9, 9, 3), 200, np.uint16))"), r"(?i)error.*255",
            "tests/pictures/test_sources.py::test_wide_numbers_that_hold_8_bits", 1),
    Misread("channels first, (3, H, W)", "refused with the shape alone", lambda _: None,
            ("-c", _CODE + "print(len(a.analyze(np.full((3, 20, 20), 200, np.uint8))), 'face')"), r"\A1 face\s*\Z",
            "tests/pictures/test_sources.py::test_arrays"),
    Misread("1,500 characters of base64 for a path", "they came back on the terminal", lambda _: None,
            ("-c", _CODE + "a.analyze('/9j/4AAQSkZJRg' + 'A' * 1500)"), r"\A(?!.*A{200}).*base64",
            "tests/pictures/test_sources.py::test_texts_that_are_no_paths", 1),
    Misread("a frame whose time is NaN", "tracks and the smoother went astray", lambda _: None,
            ("-c", "import mien, numpy as np; mien.Frame(np.zeros((9, 9, 3), np.uint8), 0, float('nan'))"), r"(?i)nan",
            "tests/pictures/test_sources.py::test_a_frame_without_a_time", 1),
    Misread("a detector of one's own", "Unknown detector '<D object at 0x...>'", lambda _: None,
            ("-c", "import mien, numpy as np\nclass D:\n  name = 'd'\n  def detect(self, image):\n"
             "    return [mien.Face((2, 2, 9, 9), 1.0)]\n"
             f"print(len(mien.Analyzer({_QUICK[1]!r}, D()).analyze(np.zeros((20, 20, 3), np.uint8))), 'face')"),
            r"\A1 face\s*\Z", "tests/infer/test_plug.py::test_both_in_a_picture"),
    Misread("stream([], smoothing=1)", "a bare TypeError", lambda _: None, ("-c", _CODE + "a.stream([], smoothing=1)"),
            r"Unknown option of a stream 'smoothing'", "tests/infer/test_plug.py::test_options_of_a_stream", 1),
    Misread("an analyzer sent to another process", "cannot pickle 'InferenceSession' object", lambda _: None,
            ("-c", _CODE + "import pickle; print(*pickle.loads(pickle.dumps(a)).labels)"), r"\Asad happy\s*\Z",
            "tests/infer/test_sharing.py::test_pickled_and_copied"),
    Misread("--device cuda without the package that has it", "no such option; elsewhere the processor, silently",
            _files(a__jpg=_jpeg()), ("analyze", "{in}/a.jpg", *_QUICK, "--device", "cuda"),
            r"cuda needs onnxruntime-gpu in place of onnxruntime",
            "tests/infer/test_devices.py::test_a_device_that_the_runtime_lacks", 2),
    Misread("analyze -o faces.xyz", "a text table under that name, and \"Wrote\"", _files(a__jpg=_jpeg()),
            ("analyze", "{in}/a.jpg", "-o", "{in}/faces.xyz", *_QUICK), r"faces\.xyz",
            "tests/app/test_analyze.py::test_an_unknown_suffix_is_refused", 2),
    Misread("a picture called =1+1.jpg in a CSV", "a formula for the spreadsheet",
            lambda folder: (folder / "=1+1.jpg").write_bytes(_jpeg()),
            ("-c", "import os, sys; os.chdir('{in}'); from mien.app.cli import main; "
             f"sys.argv = ['mien', 'analyze', '=1+1.jpg', '--format', 'csv', *{_QUICK!r}]; main()"),
            r"(?m)^'=1\+1\.jpg",
            "tests/app/test_analyze.py::test_no_cell_is_a_formula"),
)  # fmt: skip
"""The cases, in the order of the page."""
