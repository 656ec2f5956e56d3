"""Small sources for the tests of `mien batch`: drawn pictures in every container, and whole result folders as bytes."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from mien.batch import Outcome, Settings, read_faces, read_inputs, run_batch


def png(level: int, side: int = 12) -> bytes:
    """A PNG of one grey level with a darker corner, so that every level has pixels of its own."""
    image = np.full((side, side, 3), level, np.uint8)
    image[: side // 4, : side // 4] //= 2
    return cv2.imencode(".png", image)[1].tobytes()


def pixels(level: int, side: int = 12) -> NDArray[np.uint8]:
    """The grey pixels (S, S) of `png`."""
    return np.asarray(cv2.imdecode(np.frombuffer(png(level, side), np.uint8), cv2.IMREAD_GRAYSCALE), np.uint8)


def write_folder(folder: Path, files: Mapping[str, bytes]) -> Path:
    """Files by name, in folders where a name has some."""
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


def write_tar(path: Path, files: Mapping[str, bytes], mode: Any = "w") -> Path:
    """A tar archive; `mode` as tarfile takes it ("w:gz")."""
    with tarfile.open(path, mode) as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return path


def write_zip(path: Path, files: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    """A zip archive."""
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def write_table(path: Path, images: list[bytes | None], *, group: int = 4, plain: bool = False) -> Path:
    """A Parquet table with a column `image`: structs of bytes and path, or plain bytes."""
    rows: list[Any] = images if plain else [{"bytes": data, "path": f"p{i}.png"} for i, data in enumerate(images)]
    kind = pa.binary() if plain else pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    pq.write_table(pa.table({"image": pa.array(rows, kind), "label": [0] * len(rows)}), path, row_group_size=group)
    return path


def write_csv(path: Path, rows: list[str]) -> Path:
    """Kaggle's `fer2013.csv` with these texts as pixels."""
    lines = ["emotion,pixels,Usage", *(f"0,{row},Training" for row in rows)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def numbers(level: int) -> str:
    """The pixels of `pixels` as the CSV file has them."""
    return " ".join(str(value) for value in pixels(level).ravel())


def job(source: Path | str, out: Path | str, model: Path, *, workers: int = 0, **options: Any) -> Outcome:
    """Run a job in this process with the golden model."""
    resume = options.pop("resume", False)
    settings = Settings(**{"model": str(model), "detector": "none", "chunk": 4} | options)
    return run_batch(str(source), str(out), settings, workers=workers, resume=resume)


def inputs(out: Path | str) -> list[dict[str, Any]]:
    """Rows of the table of inputs that are about inputs."""
    rows: list[dict[str, Any]] = read_inputs(str(out)).to_pylist()
    return [row for row in rows if row["input"] is not None]


def passed_over(out: Path | str) -> dict[tuple[str, str], int]:
    """Files that are no inputs: (name of the folder or archive, pattern) and how many there are."""
    rows: list[dict[str, Any]] = read_inputs(str(out)).to_pylist()
    found = [row for row in rows if row["input"] is None]
    assert all(row["status"] == row["code"] == "passed_over" and row["error"] is None for row in found)
    return {(Path(row["source"]).name, row["member"]): row["files"] for row in found}


def faces(out: Path | str) -> list[dict[str, Any]]:
    """Rows of the table of faces."""
    rows: list[dict[str, Any]] = read_faces(str(out)).to_pylist()
    return rows


def whole(out: Path) -> dict[str, bytes]:
    """Every file of a result folder by name."""
    return {str(file.relative_to(out)): file.read_bytes() for file in sorted(out.rglob("*")) if file.is_file()}


_PREPARE = """
import os, resource, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
if int(sys.argv[1]):
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]),) * 2)
os.execv(sys.executable, [sys.executable, *sys.argv[2:]])
"""


def start(*arguments: object, limit: int = 0) -> subprocess.Popen[str]:
    """`mien batch` as a process group of its own, which Ctrl-C and kills reach as from a terminal.

    `limit` is the largest file that it can write, in bytes; 0 for none.
    """
    command = ["-m", "mien", "batch", *map(str, arguments)]
    return subprocess.Popen(
        [sys.executable, "-c", _PREPARE, str(limit), *command],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )  # fmt: skip


def deadly_work(pipe: Any, settings: Settings, folder: str, job: str) -> None:
    """A process of the engine that dies, as from a fault in a decoder, of every input that is b"deadly"."""
    from mien.batch import core, local

    class Deadly(core.Worker):
        def _picture(self, place: Any, given: Any, waiting: Any) -> Any:
            if given.content == b"deadly":
                os.kill(os.getpid(), signal.SIGKILL)
            return super()._picture(place, given, waiting)

    core.Worker = Deadly  # type: ignore[misc]  # in this process only
    local._work(pipe, settings, folder, job)


def stillborn_work(_pipe: Any, _settings: Settings, _folder: str, _job: str) -> None:
    """A process of the engine that ends before it has begun."""
    os._exit(3)
