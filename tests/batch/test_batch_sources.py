"""What `mien batch` makes of every kind of source, good and bad; in this process, with the golden model."""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import os
import random
import struct
import tarfile
import zipfile
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from batch_worlds import (
    faces,
    inputs,
    job,
    numbers,
    passed_over,
    pixels,
    png,
    whole,
    write_csv,
    write_folder,
    write_table,
    write_tar,
    write_zip,
)
from PIL import Image as PilImage

from mien.batch import Settings, read_faces, run_batch
from mien.core.errors import InputError, OptionError
from mien.infer.analyzer import Analyzer
from mien.media.source import open_source

LEVELS = tuple(range(20, 240, 20))  # 11 pictures


def test_folder(tmp_path: Path, tiny_model: Path) -> None:
    """A folder must be read by name, subfolders included, with one row per picture and the readings of `Analyzer`."""
    files = {f"b/ünï {level} – 日本.png": png(level) for level in LEVELS} | {
        "a.png": png(7),
        "notes.txt": b"no picture",
    }
    folder = write_folder(tmp_path / "photos", files)
    outcome = job(folder, tmp_path / "out", tiny_model)
    assert (outcome.inputs, outcome.faces, outcome.errors) == (12, 12, 0)
    rows = faces(tmp_path / "out")
    assert [row["source"] for row in rows] == [f"{folder}/{name}" for name in sorted(set(files) - {"notes.txt"})]
    analyzer = Analyzer(tiny_model, "none")
    for row in rows:
        reading = analyzer.analyze(row["source"])[0]
        assert (row["emotion"], row["uncertain"]) == (reading.emotion, reading.uncertain)
        assert row["confidence"] == pytest.approx(reading.confidence, abs=1e-6)
        assert {f"p_{name}": pytest.approx(p, abs=1e-6) for name, p in reading.probabilities.items()}.items() <= (
            row.items()
        )
        assert [row[name] for name in ("x1", "y1", "x2", "y2")] == [0, 0, 12, 12]


@pytest.mark.parametrize("kind", ["tar", "tar.gz", "tar.bz2", "tar.xz", "zip", "stored.zip", "parquet", "plain", "csv"])
def test_containers_agree(tmp_path: Path, tiny_model: Path, kind: str) -> None:
    """The same pictures must have the same probabilities, whatever they are packed in."""
    files = {f"p{level:03d}.png": png(level) for level in LEVELS}
    job(write_folder(tmp_path / "loose", files), tmp_path / "expected", tiny_model)
    pictures: list[bytes | None] = list(files.values())
    if kind.startswith("tar"):
        source = write_tar(tmp_path / f"x.{kind}", files, f"w:{kind[4:]}")
    elif kind.endswith("zip"):
        method = zipfile.ZIP_STORED if "stored" in kind else zipfile.ZIP_DEFLATED
        source = write_zip(tmp_path / "x.zip", files, method)
    elif kind == "csv":
        source = write_csv(tmp_path / "fer2013.csv", [numbers(level) for level in LEVELS])
    else:
        source = write_table(tmp_path / "x.parquet", pictures, plain=kind == "plain")
    job(source, tmp_path / "out", tiny_model)
    found, expected = faces(tmp_path / "out"), faces(tmp_path / "expected")
    assert [row["source"] for row in found] == [str(source)] * len(LEVELS)
    names = ["emotion", "confidence", *(name for name in found[0] if name.startswith("p_"))]
    assert [[row[name] for name in names] for row in found] == [[row[name] for name in names] for row in expected]
    if kind in {"parquet", "plain", "csv"}:
        assert [row["row"] for row in found] == list(range(len(LEVELS)))
    else:
        assert [row["member"] for row in found] == list(files)


def test_mixed_folder(tmp_path: Path, tiny_model: Path) -> None:
    """A folder may hold everything at once; inputs are numbered through, and what is no input is passed over."""
    folder = write_folder(tmp_path / "all", {"a.png": png(10), "z/last.png": png(20), ".hidden.png": png(30)})
    write_zip(folder / "b.zip", {"in.png": png(40), "__MACOSX/._in.png": b"x", "read.me": b"text"})
    write_tar(folder / "c.tar", {"in.png": png(50), "in.json": b"{}"})
    write_table(folder / "d.parquet", [png(60), png(70)])
    write_csv(folder / "fer2013.csv", [numbers(80)])
    (folder / "labels.csv").write_text("file,label\na.png,happy\n", encoding="utf-8")
    job(folder, tmp_path / "out", tiny_model)
    rows = inputs(tmp_path / "out")
    assert [row["input"] for row in rows] == list(range(7))
    seen = [(Path(row["source"]).name, row["member"], row["row"]) for row in rows]
    assert seen == [
        ("a.png", None, None), ("b.zip", "in.png", None), ("c.tar", "in.png", None), ("d.parquet", "p0.png", 0),
        ("d.parquet", "p1.png", 1), ("fer2013.csv", None, 0), ("last.png", None, None),
    ]  # fmt: skip
    assert {row["status"] for row in rows} == {"ok"}


def test_what_is_passed_over(tmp_path: Path, tiny_model: Path) -> None:
    """Files that are no inputs have a row for each suffix in each folder and archive, with their number and a code."""
    folder = write_folder(tmp_path / "all", {"a.png": png(10), "x/b.txt": b"t", "x/c.TXT": b"t", "README": b"r"})
    write_zip(folder / "b.zip", {"in.png": png(40), "__MACOSX/._in.png": b"x", "read.me": b"text"})
    write_tar(folder / "c.tar", {f"{i}.{kind}": png(50 + i) for i in range(3) for kind in ("png", "json", "cls")})
    (folder / "labels.csv").write_text("file,label\na.png,happy\n", encoding="utf-8")
    outcome = job(folder, tmp_path / "out", tiny_model, chunk=2)
    assert (outcome.inputs, outcome.errors) == (5, 0)
    assert passed_over(tmp_path / "out") == {
        ("all", "*"): 1, ("all", "*.csv"): 1, ("all", "*.txt"): 2, ("b.zip", "*.me"): 1,
        ("c.tar", "*.json"): 3, ("c.tar", "*.cls"): 3,
    }  # fmt: skip
    assert str(outcome.passed) == (
        "passed over: 3 .cls, 3 .json, 2 .txt, 1 without a suffix, 1 .csv and 1 .me"
    )  # fmt: skip
    again = job(folder, tmp_path / "out", tiny_model, chunk=2, resume=True)
    assert (again.inputs, again.passed) == (5, outcome.passed)


def test_nothing_but_what_is_passed_over(tmp_path: Path, tiny_model: Path) -> None:
    """A folder without inputs is refused with what it holds instead, and nothing is written."""
    folder = write_folder(tmp_path / "all", {"b.txt": b"t"})
    write_zip(folder / "b.zip", {"read.me": b"text"})
    with pytest.raises(InputError, match=r"holds no pictures.*\(passed over: 1 \.me and 1 \.txt\)"):
        job(folder, tmp_path / "out", tiny_model)
    assert not (tmp_path / "out").exists() or not list((tmp_path / "out").glob("*/*"))


def test_codes(tmp_path: Path, tiny_model: Path) -> None:
    """What could not be read has a word for programs beside its sentence."""
    files = {"a.png": b"", "b.png": b"text", "c.png": png(10)[:50], "d.png": _bomb(), "e.png": png(10), "f.ts": b"x"}
    folder = write_folder(tmp_path / "all", files)
    write_zip(folder / "z.zip", {"clip.mp4": b"x"})
    job(folder, tmp_path / "out", tiny_model)
    found = {row["member"] or Path(row["source"]).name: row["code"] for row in inputs(tmp_path / "out")}
    assert found == {
        "a.png": "empty", "b.png": "unsupported", "c.png": "damaged", "d.png": "too_large", "e.png": None,
        "f.ts": "damaged", "clip.mp4": "unsupported",
    }  # fmt: skip


def test_an_animation_has_a_note(tmp_path: Path, tiny_model: Path) -> None:
    """Of an animation the first picture is read, and the row says so."""
    first, second = (PilImage.new("L", (16, 16), shade) for shade in (10, 250))
    folder = write_folder(tmp_path / "all", {"b.png": png(9)})
    first.save(folder / "a.gif", save_all=True, append_images=[second])
    job(folder, tmp_path / "out", tiny_model)
    notes = [row["note"] for row in inputs(tmp_path / "out")]
    assert notes == ["holds 2 pictures, of which the first was read.", None]


def test_detector(tmp_path: Path, tiny_model: Path, bright_detector: Path) -> None:
    """Boxes, scores and several faces per picture must come from the detector, numbered from 0."""
    image = np.zeros((64, 64, 3), np.uint8)
    image[:16, :16] = image[32:48, 32:48] = 255
    folder = write_folder(tmp_path / "p", {"two.png": cv2.imencode(".png", image)[1].tobytes(), "none.png": png(0, 64)})
    outcome = job(folder, tmp_path / "out", tiny_model, detector=str(bright_detector))
    expected = Analyzer(tiny_model, bright_detector).analyze(folder / "two.png")
    assert outcome.faces == len(expected) == 2
    for number, (row, reading) in enumerate(zip(faces(tmp_path / "out"), expected, strict=True)):
        assert (row["input"], row["face"], row["emotion"]) == (1, number, reading.emotion)
        assert [row[name] for name in ("x1", "y1", "x2", "y2")] == pytest.approx(reading.box)
        assert row["score"] == pytest.approx(reading.score)
        points = reading.landmarks
        assert (row["right_eye_x"], row["left_mouth_y"]) == pytest.approx(
            (points[0][0], points[4][1]) if points else ()
        )
    assert [row["faces"] for row in inputs(tmp_path / "out")] == [0, 2]


def test_video(tmp_path: Path, tiny_model: Path, bright_detector: Path) -> None:
    """A video must give the readings of `Analyzer.stream` with true times, and one row for the video itself."""
    clip = tmp_path / "clip.mp4"
    writer = cv2.VideoWriter(str(clip), cv2.VideoWriter.fourcc(*"mp4v"), 10, (64, 64))
    for _ in range(5):
        frame = np.zeros((64, 64, 3), np.uint8)
        frame[16:32, 16:32] = 255
        writer.write(frame)
    writer.release()
    (tmp_path / "broken.mp4").write_bytes(clip.read_bytes()[:200])
    folder = write_folder(tmp_path / "v", {"a.png": png(9, 64)})
    for name in ("clip.mp4", "broken.mp4"):
        (tmp_path / name).rename(folder / name)
    outcome = job(folder, tmp_path / "out", tiny_model, detector=str(bright_detector), max_faces=1)
    assert (outcome.inputs, outcome.errors, outcome.frames) == (3, 1, 5)
    rows = faces(tmp_path / "out")
    assert [row["frame"] for row in rows] == list(range(5))
    assert [row["time_s"] for row in rows] == pytest.approx([0, 0.1, 0.2, 0.3, 0.4])
    with open_source(folder / "clip.mp4") as source:
        found = [
            r for _, readings in Analyzer(tiny_model, bright_detector).stream(source, max_faces=1) for r in readings
        ]
    for row, reading in zip(rows, found, strict=True):
        assert (row["track"], row["emotion"], row["x1"]) == (
            reading.track,
            reading.emotion,
            pytest.approx(reading.box[0]),
        )
        assert row["confidence"] == pytest.approx(reading.confidence)
        assert row["smooth_happy"] == pytest.approx((reading.smooth or {})["happy"])
    video = inputs(tmp_path / "out")[2]
    assert (video["kind"], video["frames"], video["width"]) == ("video", 5, 64)
    assert "broken.mp4" in inputs(tmp_path / "out")[1]["error"]


def _bomb() -> bytes:
    """A PNG of a few hundred bytes whose header states 50,000 x 50,000 pixels."""

    def block(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", 50_000, 50_000, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + block(b"IHDR", head) + block(b"IDAT", zlib.compress(b"")) + block(b"IEND", b"")


def test_bad_pictures(tmp_path: Path, tiny_model: Path) -> None:
    """Whatever is wrong with a picture must become one row with a sentence that names it, and stop nothing."""
    files = {
        "0-good.png": png(100), "1-empty.png": b"", "2-text.jpg": b"hello", "3-cut.png": png(90)[:60],
        "4-bomb.png": _bomb(), "5-good.png": png(50),
    }  # fmt: skip
    folder = write_folder(tmp_path / "p", files)
    (folder / "6-gone.png").symlink_to(tmp_path / "nowhere.png")  # no file: passed over
    outcome = job(folder, tmp_path / "out", tiny_model)
    assert (outcome.inputs, outcome.faces, outcome.errors) == (6, 2, 4)
    rows = inputs(tmp_path / "out")
    assert [row["status"] for row in rows] == ["ok", *["error"] * 4, "ok"]
    for row in rows[1:5]:
        assert row["error"].startswith(row["source"]), row["error"]
        assert row["error"].endswith("."), row["error"]
        assert "the data" not in row["error"]
    assert "2500 megapixels" in rows[4]["error"]
    assert rows[0]["error"] is None


def test_hostile_members(tmp_path: Path, tiny_model: Path) -> None:
    """Names that point out of an archive are only names; links, encrypted members and videos are refused one by one."""
    tar = tmp_path / "x.tar"
    with tarfile.open(tar, "w") as archive:
        for name in ("../../escaped.png", "/etc/absolute.png"):
            member = tarfile.TarInfo(name)
            member.size = len(png(60))
            archive.addfile(member, io.BytesIO(png(60)))
        link = tarfile.TarInfo("link.png")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
        clip = tarfile.TarInfo("clip.mp4")
        archive.addfile(clip, io.BytesIO())
    archive_zip = write_zip(tmp_path / "x.zip", {"../up.png": png(70), "C:\\windows\\evil.png": png(80)})
    before = sorted(tmp_path.rglob("*"))
    for source, good in ((tar, 2), (archive_zip, 2)):
        out = tmp_path.parent / f"{tmp_path.name}-{source.suffix[1:]}"
        outcome = job(source, out, tiny_model)
        assert outcome.faces == good
        assert all(row["error"].endswith(".") for row in inputs(out) if row["status"] == "error")
    assert sorted(tmp_path.rglob("*")) == before
    assert not Path("/etc/absolute.png").exists()
    members = [row["member"] for row in inputs(tmp_path.parent / f"{tmp_path.name}-tar")]
    assert members == ["../../escaped.png", "/etc/absolute.png", "link.png", "clip.mp4"]


def test_bombs_in_archives(tmp_path: Path, tiny_model: Path) -> None:
    """A member that claims to be huge, or grows when it is unpacked, must be refused before it is read whole."""
    source = write_zip(tmp_path / "x.zip", {"zeros.png": bytes(300 * 2**20), "good.png": png(60)})
    outcome = job(source, tmp_path / "out", tiny_model)
    assert (outcome.faces, outcome.errors) == (1, 1)
    assert "limit" in inputs(tmp_path / "out")[0]["error"]
    # A member that states a smaller size than it has is unpacked to that size and no further.
    data = bytearray(write_zip(tmp_path / "y.zip", {"lie.png": bytes(2**22)}).read_bytes())
    for signature, at in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        struct.pack_into("<I", data, data.index(signature) + at, 100)
    (tmp_path / "y.zip").write_bytes(data)
    job(tmp_path / "y.zip", tmp_path / "out-y", tiny_model)
    assert "damaged" in inputs(tmp_path / "out-y")[0]["error"]


@pytest.mark.parametrize("kind", ["tar", "tar.gz", "zip", "parquet", "csv"])
def test_damaged_containers(tmp_path: Path, tiny_model: Path, kind: str) -> None:
    """A damaged archive or table gives what can be read of it, and one row that says where it broke."""
    files = {f"p{level:03d}.png": png(level) for level in LEVELS}
    path = tmp_path / f"x.{kind}"
    if kind.startswith("tar"):
        write_tar(path, files, "w:gz" if kind == "tar.gz" else "w")
    elif kind == "zip":
        write_zip(path, files)
    elif kind == "parquet":
        write_table(path, list(files.values()))
    else:
        write_csv(path, [*(numbers(level) for level in LEVELS[:2]), "1 2 3", "a b c d", "1 2 3 999", numbers(90)])
    if kind != "csv":
        path.write_bytes(path.read_bytes()[: 7_900 if kind == "tar" else path.stat().st_size * 2 // 3])
    outcome = job(path, tmp_path / "out", tiny_model)
    rows = inputs(tmp_path / "out")
    bad = [row for row in rows if row["status"] == "error"]
    # The archive itself, and with it the member that was being unpacked when it broke off.
    assert outcome.errors == len(bad) == {"csv": 3, "tar.gz": 2}.get(kind, 1)
    assert all(row["error"].startswith(str(path)) and row["error"].endswith(".") for row in bad), bad
    assert outcome.faces == {"tar": 8, "tar.gz": 5, "csv": 3}.get(kind, 0)


@pytest.mark.parametrize("kind", ["tar", "tar.gz", "tar.bz2", "tar.xz", "zip", "parquet", "csv"])
def test_mutations(tmp_path: Path, tiny_model: Path, kind: str) -> None:
    """Whatever bytes of a container are damaged, every planned input must have its row, or the job one sentence."""
    files = {f"{level}.png": png(level) for level in LEVELS}
    path = tmp_path / f"x.{kind}"
    if kind.startswith("tar"):
        write_tar(path, files, f"w:{kind[4:]}")
    elif kind == "zip":
        write_zip(path, files)
    elif kind == "parquet":
        write_table(path, list(files.values()))
    else:
        write_csv(path, [numbers(level) for level in LEVELS])
    whole_file, chance = path.read_bytes(), random.Random(kind)
    for number in range(4):
        data = bytearray(whole_file)
        for _ in range(chance.choice((1, 3, 10, 50))):
            data[chance.randrange(len(data))] = chance.randrange(256)
        path.write_bytes(data if number else data[: chance.randrange(len(data))])
        out = tmp_path / f"out{number}"
        with contextlib.suppress(InputError):  # nothing is left to read
            outcome = job(path, out, tiny_model)
            rows = inputs(out)
            assert [row["input"] for row in rows] == list(range(outcome.inputs))
            assert all(row["error"].isprintable() for row in rows if row["error"])


def test_garbage_in_tar(tmp_path: Path, tiny_model: Path) -> None:
    """Garbage in the middle of a tar must not pass for its end."""
    path = write_tar(tmp_path / "x.tar", {f"{level}.png": png(level) for level in LEVELS})
    data = bytearray(path.read_bytes())
    data[2048:2560] = bytes(range(256)) * 2  # the third header: a member takes 1,024 bytes
    path.write_bytes(data)
    outcome = job(path, tmp_path / "out", tiny_model)
    assert (outcome.faces, outcome.errors) == (2, 1)
    assert "after 2 members" in inputs(tmp_path / "out")[-1]["error"]


def test_empty_rows(tmp_path: Path, tiny_model: Path) -> None:
    """Rows of a table without a picture, or with too few or too many values, are errors of their own."""
    outcome = job(write_table(tmp_path / "x.parquet", [png(5), None, b"", png(6)]), tmp_path / "out", tiny_model)
    assert (outcome.faces, outcome.errors) == (2, 2)
    rows = inputs(tmp_path / "out")
    assert rows[1]["error"] == f"{tmp_path}/x.parquet: row 1: holds no picture."


def test_columns(tmp_path: Path, tiny_model: Path) -> None:
    """A table without the column, and one whose column holds something else, must say so; --column names another."""
    path = write_table(tmp_path / "x.parquet", [png(5)])
    job(path, tmp_path / "a", tiny_model, column="jpg")
    assert "--column" in inputs(tmp_path / "a")[0]["error"]
    job(path, tmp_path / "b", tiny_model, column="label")
    assert "must hold bytes" in inputs(tmp_path / "b")[0]["error"]


def test_unreadable_file(tmp_path: Path, tiny_model: Path) -> None:
    """A file that cannot be opened is one row; nothing else is lost. (Root may read everything, so a folder stands
    in.)
    """
    folder = write_folder(tmp_path / "p", {"a.png": png(5), "b.png": png(6)})
    (folder / "c.zip").mkdir()
    os.mkfifo(folder / "pipe.png")  # never opened: it would wait forever
    outcome = job(folder, tmp_path / "out", tiny_model)
    assert (outcome.inputs, outcome.errors) == (2, 0)


def test_nothing_to_read(tmp_path: Path, tiny_model: Path) -> None:
    """Nothing at all to read must be an error that leaves nothing behind."""
    (tmp_path / "empty").mkdir()
    for source in (tmp_path / "empty", tmp_path / "missing.png", tmp_path / "missing"):
        with pytest.raises(InputError, match=source.name):
            job(source, tmp_path / "out", tiny_model)
    assert not (tmp_path / "out").exists() or not any((tmp_path / "out").rglob("*.json*"))


def test_results_inside_the_source(tmp_path: Path, tiny_model: Path) -> None:
    """Results in the source folder, of this job or another, are no inputs."""
    folder = write_folder(tmp_path / "p", {"a.png": png(5), "z.png": png(6)})
    for out in (folder / "first", folder / "second"):
        assert job(folder, out, tiny_model).inputs == 2


def test_chunk_size_changes_no_row(tmp_path: Path, tiny_model: Path) -> None:
    """Chunks of other sizes, and more processes, must not change a row."""
    source = write_tar(tmp_path / "x.tar.gz", {f"{i:03d}.png": png(i * 9) for i in range(20)}, "w:gz")
    for chunk in (1, 7, 100):
        job(source, tmp_path / f"{chunk}", tiny_model, chunk=chunk)
    assert faces(tmp_path / "1") == faces(tmp_path / "7") == faces(tmp_path / "100")


def test_addresses(tmp_path: Path, tiny_model: Path) -> None:
    """A file:// address is a path; an address that nobody knows is one sentence."""
    folder = write_folder(tmp_path / "some photos", {"a.png": png(5)})
    job(folder, tmp_path / "plain", tiny_model)
    job(folder.as_uri(), (tmp_path / "addressed").as_uri(), tiny_model)
    assert whole(tmp_path / "plain") == whole(tmp_path / "addressed")
    with pytest.raises(InputError, match="nosuchscheme"):
        job("nosuchscheme://bucket/x", tmp_path / "c", tiny_model)


def test_object_store(tmp_path: Path, tiny_model: Path) -> None:
    """An object store (here fsspec's in memory) must work as source and as result folder, with the rows of a disk."""
    fsspec = pytest.importorskip("fsspec")
    store = fsspec.filesystem("memory")
    files = {"a.png": png(5), "sub/b.png": png(200)}
    disk = write_folder(tmp_path / "disk", files)
    write_tar(disk / "c.tar.gz", {"in.png": png(77)}, "w:gz")
    write_zip(disk / "d.zip", {"in.png": png(78)})
    write_table(disk / "e.parquet", [png(79)])
    write_csv(disk / "f.csv", [numbers(80)])
    for file in disk.rglob("*.*"):
        store.pipe(f"/bucket/in/{file.relative_to(disk)}", file.read_bytes())
    store.pipe("/bucket/in/z.mp4", b"video")
    job(disk, tmp_path / "expected", tiny_model)
    outcome = job("memory://bucket/in", "memory://bucket/out", tiny_model)
    assert (outcome.inputs, outcome.errors) == (7, 1)
    assert "copy it to a disk" in inputs("memory://bucket/out")[-1]["error"]
    assert inputs("memory://bucket/out")[1]["source"] == "memory://bucket/in/c.tar.gz"
    names = ["face", "emotion", "confidence", "member", "row"]
    found, expected = faces("memory://bucket/out"), faces(tmp_path / "expected")
    assert [[row[name] for name in names] for row in found] == [[row[name] for name in names] for row in expected]
    manifest = json.loads(store.cat("/bucket/out/manifest.json"))
    assert manifest["state"] == "finished"


def test_single_file(tmp_path: Path, tiny_model: Path) -> None:
    """A single file is read whatever its suffix, as `mien analyze` does."""
    (tmp_path / "photo").write_bytes(png(5))
    job(tmp_path / "photo", tmp_path / "out", tiny_model)
    assert faces(tmp_path / "out")[0]["source"] == str(tmp_path / "photo")
    (tmp_path / "photo.gz").write_bytes(gzip.compress(png(5)))
    job(tmp_path / "photo.gz", tmp_path / "gz", tiny_model)
    assert "not a picture" in inputs(tmp_path / "gz")[0]["error"]


def test_options(tmp_path: Path, tiny_model: Path) -> None:
    """Impossible options must be named before anything is done."""
    folder = write_folder(tmp_path / "p", {"a.png": png(5)})
    for options in ({"chunk": 0}, {"every_s": 0.0}, {"workers": -1}):
        with pytest.raises(OptionError):
            job(folder, tmp_path / "out", tiny_model, **options)
    assert not (tmp_path / "out").exists()


def test_csv_pixels(tmp_path: Path) -> None:
    """The pixels of a CSV file are those of the picture that they were written from."""
    assert numbers(40).split() == [str(v) for v in pixels(40).ravel()]
    assert tmp_path.is_dir()


def test_the_call_from_python(tiny_model: Path, tmp_path: Path) -> None:
    """Paths may be pathlib's, one column may be named alone, and wrong use of the call is one sentence."""
    source, out = write_folder(tmp_path / "p", {"a.png": png(200)}), tmp_path / "out"
    settings = Settings(model=str(tiny_model), detector="none")
    assert run_batch(source, out, settings, workers=0).faces == 1
    assert read_faces(out, "emotion").column_names == ["emotion"]
    with pytest.raises(OptionError, match="Unknown engine 'loca'. Did you mean 'local'"):
        run_batch(source, tmp_path / "b", settings, engine="loca")  # type: ignore[arg-type]
    with pytest.raises(OptionError, match="number of workers"):
        run_batch(source, tmp_path / "b", settings, workers="2")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="Expected a path or an address, got list"):
        run_batch([source], tmp_path / "b", settings)  # type: ignore[arg-type]
    with pytest.raises(OptionError, match="at least 1 input"):
        Settings(chunk=1.5)  # type: ignore[arg-type]
    assert not (tmp_path / "b").exists()
