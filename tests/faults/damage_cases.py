"""Bad inputs, one by one: what each is, what makes it, and the command that reads it.

Every case ends with status 1, or 2 for wrong use, and one sentence.
"""

from __future__ import annotations

import json
import struct
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

__all__ = ["CASES", "Case"]

_TINY = Path(__file__).resolve().parents[1] / "golden" / "tiny.onnx"
_QUICK = ("--model", str(_TINY), "--detector", "none")


@dataclass(frozen=True)
class Case:
    """One bad input: what it is, what makes it in a folder, and the arguments of `mien` that read it."""

    what: str
    make: Callable[[Path], object]
    arguments: tuple[str, ...]

    def line(self, folder: Path) -> list[str]:
        """The arguments with the folder put in."""
        return [argument.replace("{in}", str(folder)) for argument in self.arguments]


def _file(name: str, data: bytes) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_bytes(data)


def _zip(member: str, data: bytes) -> Callable[[Path], object]:
    def make(folder: Path) -> None:
        with zipfile.ZipFile(folder / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(member, data)

    return make


def _png_bomb(side: int = 30_000) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    packer = zlib.compressobj(9)
    rows = b"".join(packer.compress(bytes(1 + side // 8)) for _ in range(side)) + packer.flush()
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def _laughs() -> bytes:
    lines = [f'<!ENTITY l{i} "{f"&l{i - 1};" * 10 if i else "ha" * 10}">' for i in range(10)]
    return f"<!DOCTYPE a [{''.join(lines)}]><annotation>&l9;</annotation>".encode()


def _empty_evaluation(folder: Path) -> None:
    (folder / "evaluation").mkdir()
    (folder / "evaluation" / "validation.json").write_text("{}")


def _model(**changes: object) -> Callable[[Path], object]:
    def make(folder: Path) -> None:
        import onnx

        model = onnx.load(_TINY)
        entry = model.metadata_props[0]
        entry.value = json.dumps({**json.loads(entry.value), **changes})
        (folder / "a.onnx").write_bytes(model.SerializeToString())

    return make


_READ, _SET = ("analyze", "{in}/a.png", *_QUICK), ("data", "audit", "{in}")
CASES = (
    Case("a file that does not exist", lambda _: None, _READ),
    Case("an empty file", _file("a.png", b""), _READ),
    Case("text under the name of a picture", _file("a.png", b"hello"), _READ),
    Case("a picture of 900 megapixels in 110 kB", _file("a.png", _png_bomb()), _READ),
    Case("a name of 5,000 characters", lambda _: None, ("analyze", "a" * 5000, *_QUICK)),
    Case("a video cut to its first 100 bytes", _file("a.mp4", b"\0\0\0\x1cftypisom" + bytes(88)),
         ("video", "{in}/a.mp4", *_QUICK)),
    Case("a playlist that names other files, as a video", _file("a.mp4", b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n"),
         ("video", "{in}/a.mp4", *_QUICK)),
    Case("a zip that names a file outside itself", _zip("../../a/happy/x.png", b"x"), ("data", "audit", "{in}/a.zip")),
    Case("a zip whose member grows a thousandfold", _zip("a/happy/x.png", bytes(1 << 28)),
         ("data", "audit", "{in}/a.zip")),
    Case("a CSV in another encoding", _file("a.csv", "path,label\né.png,happy\n".encode("latin-1")), _SET),
    Case("a CSV with a label of control characters", _file("a.csv", b"path,label\na.png,\x1b[2J\nb.png,\x07\n"), _SET),
    Case("a CSV with a number of 5,000 digits", _file("a.csv", b"emotion,pixels\nhappy," + b"9" * 5000 + b"\n"), _SET),
    Case("a Parquet file of zeros", _file("a.parquet", bytes(1000)), _SET),
    Case("XML with entities that multiply", _file("a.xml", _laughs()),
         ("evaluate-detector", "{in}", "--detector", "none")),
    Case("settings with brackets 100,000 deep", _file("a.toml", b"x = " + b"[" * 100_000),
         ("train", "{in}", "--out", "{in}/run", "--config", "{in}/a.toml")),
    Case("a model file of zeros", _file("a.onnx", bytes(1000)), ("analyze", str(_TINY), "--model", "{in}/a.onnx")),
    Case("a model whose crops have 10^9 px", _model(crop={"size": 10**9}),
         ("analyze", str(_TINY), "--model", "{in}/a.onnx")),
    Case("a model of a later format", _model(format_version=99), ("analyze", str(_TINY), "--model", "{in}/a.onnx")),
    Case("a model that swaps two labels for escapes", _model(labels=["\x1b[31m", "b"]),
         ("analyze", str(_TINY), "--model", "{in}/a.onnx")),
    Case("an evaluation without figures", _empty_evaluation,
        ("compare", "{in}", "{in}")),
)  # fmt: skip
