"""Every command that writes files, with small inputs, so that its writing can be made to fail.

`Writer.arguments` are those of `mien`; files are written below `out`. What stays there after a failure must be whole:
as large as when nothing fails, and nothing else.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

__all__ = ["WRITERS", "Writer", "blocked", "half_files", "limited", "make_inputs", "sizes"]

_TESTS = Path(__file__).resolve().parents[1]
sys.path += [str(_TESTS / "data"), str(_TESTS / "media")]  # the makers of small data sets and clips

_MODEL = ("--model", "{tests}/golden/tiny.onnx", "--detector", "none")
_VARIES = ("html", "json", "csv", "jsonl", "md", "onnx")  # these name times, paths or speeds


@dataclass(frozen=True)
class Writer:
    """One command that writes.

    Args:
        name: what a person calls it.
        arguments: of `mien`; {in}, {out} and {tests} stand for folders.
        needs: packages without which the command cannot run.

    """

    name: str
    arguments: tuple[str, ...]
    needs: tuple[str, ...] = ()

    def line(self, inputs: Path, out: Path) -> list[str]:
        """The arguments with the folders put in."""
        named = {"in": str(inputs), "out": str(out), "tests": str(_TESTS)}
        return [argument.format_map(named) for argument in self.arguments]


def _video(*outputs: str) -> tuple[str, ...]:
    return ("video", "{in}/clip.mp4", *_MODEL, *outputs)


WRITERS: dict[str, Writer] = {
    writer.name: writer
    for writer in (
        *(
            Writer(f"analyze -o, {kind}", ("analyze", "{in}/pictures", *_MODEL, "--format", kind, "-o", "{out}/a"))
            for kind in ("table", "json", "jsonl", "csv")
        ),
        Writer("analyze --annotate", ("analyze", "{in}/pictures", *_MODEL, "--annotate", "{out}")),
        Writer("detect --annotate", ("detect", "{in}/pictures", "--detector", "none", "--annotate", "{out}")),
        *(Writer(f"video -o, {kind}", _video("-o", f"{{out}}/a.{kind}")) for kind in ("mp4", "avi", "webm")),
        *(Writer(f"video --timeline, {kind}", _video("--timeline", f"{{out}}/a.{kind}")) for kind in ("csv", "jsonl")),
        Writer("video --timeline, parquet", _video("--timeline", "{out}/a.parquet"), needs=("pyarrow",)),
        Writer("video --report", _video("--report", "{out}/a.html", "--thumbnails")),
        Writer("data convert, csv", ("data", "convert", "{in}/set", "{out}/new", "--layout", "csv")),
        Writer("data convert, folders", ("data", "convert", "{in}/set", "{out}/new", "--layout", "folders")),
        Writer("data convert, parquet", ("data", "convert", "{in}/set", "{out}/new", "--layout", "parquet"),
               needs=("pyarrow",)),
        Writer("data audit --fix", ("data", "audit", "{in}/set", "--fix", "{out}/a.csv", "--no-near")),
        Writer("data summary", ("data", "summary", "{in}/set", "--report", "{out}/page"), needs=("matplotlib",)),
        Writer("evaluate", ("evaluate", "{in}/tiny.onnx", "{in}/set", "--bootstrap", "0", "--report", "{out}/page",
                            "--card", "{out}/card.md"), needs=("matplotlib", "sklearn")),
        Writer("explain", ("explain", "{in}/tiny.onnx", "{in}/pictures/a.png", "--crop", "--method", "occlusion",
                           "-o", "{out}/a.png")),
        Writer("models pull --from", ("models", "pull", "yunet", "--from", "{in}/yunet.onnx")),
        Writer("space, static", ("space", "{out}/space", "--kind", "docker")),
    )
}  # fmt: skip


def make_inputs(folder: Path) -> Path:
    """What the writers read: pictures, a clip, a data set, a model."""
    import cv2
    from data_worlds import folders, make_world
    from made_clips import write_clip

    rng = np.random.default_rng(0)
    (folder / "pictures").mkdir(parents=True)
    for name in "abc":
        picture = cv2.resize(rng.integers(0, 256, (12, 16, 3), np.uint8), (160, 120))
        cv2.imwrite(str(folder / "pictures" / f"{name}.png"), picture)
    noise = [rng.integers(0, 256, (96, 128, 3), np.uint8) for _ in range(12)]
    write_clip(folder / "clip.mp4", noise)
    folders(make_world(), folder / "set")
    shutil.copy(_TESTS / "golden" / "tiny.onnx", folder / "tiny.onnx")
    return folder


def sizes(out: Path) -> dict[str, int]:
    """Every file below a folder, with its size; hidden ones too."""
    return {str(p.relative_to(out)): p.stat().st_size for p in out.rglob("*") if p.is_file()}


def half_files(whole: Mapping[str, int], found: Mapping[str, int]) -> list[str]:
    """Files that are not as they are when nothing fails: of another size, or of no known name."""
    wrong = []
    for name, size in found.items():
        slack = 0.02 if name.rpartition(".")[2] in _VARIES else 0.0
        if name not in whole or abs(size - whole[name]) > slack * whole[name]:
            wrong.append(name)
    return wrong


@contextmanager
def limited(largest: int) -> Iterator[None]:
    """No file of this process may grow beyond so many bytes meanwhile, as on a full disk."""
    import resource
    import signal

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (largest, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


@contextmanager
def blocked(folder: Path) -> Iterator[None]:
    """Nothing can be created in a folder meanwhile; where the process is root, it acts as nobody."""
    import os

    root, nobody = os.geteuid() == 0, 65534
    folder.chmod(0o555)
    if root:
        os.seteuid(nobody)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)
        folder.chmod(0o755)
