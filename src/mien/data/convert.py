"""Writing a manifest as one of the layouts that `mien.data.read` reads. Every layout keeps every pixel and label.

The result is a new folder, which appears under its name only when it is whole.
"""

from __future__ import annotations

import contextlib
import csv
import json
import re
import secrets
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from mien.core.errors import DataError, MissingExtraError, OptionError, OutputError, unknown_name
from mien.core.files import make_folder
from mien.core.labels import FER2013, FERPLUS_VOTES
from mien.data.formats import ferplus
from mien.data.formats.common import split_of
from mien.data.formats.parquet import METADATA_KEY, VOTE_PREFIXES
from mien.data.formats.paths import VOTE_PREFIX
from mien.data.manifest import NO_LABEL, SPLITS, Manifest
from mien.data.pictures import to_png

__all__ = ["LAYOUTS", "check_target", "convert"]

LAYOUTS = ("csv", "folders", "parquet")
"""`csv` is Kaggle's fer2013.csv where that can hold the set, else a table of paths beside the pictures."""

_USAGE = {"train": "Training", "validation": "PublicTest", "test": "PrivateTest"}
_PER_GROUP = 2_000  # rows of Parquet that are held in memory at a time

Advance = Callable[[int], None]


def convert(manifest: Manifest, out: Path, layout: str, advance: Advance | None = None) -> list[str]:
    """Write a data set; gives the names of the tables and folders at the top of the result.

    Args:
        manifest: what to write.
        out: the folder to create; it must not exist, or be empty.
        layout: one of `LAYOUTS`.
        advance: called with the number of pictures written since the last call.

    Raises:
        OptionError: an unknown layout.
        DataError: the layout cannot hold the set, or a picture cannot be read.
        OutputError: the folder is taken or cannot be written.
        MissingExtraError: Parquet without pyarrow.

    """
    if layout not in LAYOUTS:
        raise OptionError(unknown_name("layout", layout, LAYOUTS))
    write = {"csv": _write_csv, "folders": _write_folders, "parquet": _write_parquet}[layout]
    with _new_folder(out) as folder:
        write(manifest, folder, advance or (lambda _: None))
        return sorted(path.name for path in folder.iterdir())


def check_target(out: Path) -> None:
    """Refuse a name that is taken, before the work that leads to a folder of that name.

    Raises:
        OutputError: something is there that is no empty folder.

    """
    if out.exists() and not (out.is_dir() and not any(out.iterdir())):
        raise OutputError(f"Cannot write {out}: it exists already; choose another name or remove it.")


@contextlib.contextmanager
def _new_folder(out: Path) -> Iterator[Path]:
    check_target(out)
    make_folder(out.parent)
    temporary = out.with_name(f".{out.name}.{secrets.token_hex(4)}.part")
    try:
        temporary.mkdir()
        yield temporary
        temporary.replace(out)
    except OSError as error:
        raise OutputError(f"Cannot write {out}: {error.strerror or error}.") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _write_csv(manifest: Manifest, folder: Path, advance: Advance) -> None:
    if not _fits_kaggle(manifest):
        names = _write_pictures(manifest, folder, advance, lambda i: "images")
        _write_table(manifest, folder, names)
        return
    _write_kaggle(manifest, folder / "fer2013.csv", advance)
    if manifest.votes is not None:
        _write_ferplus(manifest, folder / ferplus.FILE_NAME)


def _fits_kaggle(manifest: Manifest) -> bool:
    """Whether `fer2013.csv` can hold all that is known: 48x48 grey, the seven labels, and no column of its own."""
    return (
        bool(np.all(manifest.stats.shapes == (48, 48, 1)))
        and all(name in FER2013 for name in manifest.labels)
        and bool(np.all(manifest.label != NO_LABEL))
        and len({bool(split) for split in np.unique(manifest.split)}) == 1
        and manifest.subject is None
        and manifest.group is None
        and manifest.vote_labels in {(), FERPLUS_VOTES.names}
    )


def _write_kaggle(manifest: Manifest, file: Path, advance: Advance) -> None:
    numbers = [FER2013.index(name) for name in manifest.labels]
    texts = np.array([str(i) for i in range(256)], dtype=object)
    with_usage = bool(np.all(manifest.split != ""))
    with file.open("w", encoding="utf-8", newline="") as stream:
        stream.write("emotion,pixels,Usage\n" if with_usage else "emotion,pixels\n")
        for i in range(len(manifest)):
            pixels = " ".join(texts[manifest.load(i).reshape(-1)])
            usage = f",{_USAGE[manifest.split[i]]}" if with_usage else ""
            stream.write(f"{numbers[manifest.label[i]]},{pixels}{usage}\n")
            advance(1)


def _write_ferplus(manifest: Manifest, file: Path) -> None:
    assert manifest.votes is not None
    with file.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(ferplus.COLUMNS)
        for i, votes in enumerate(manifest.votes):
            usage = _USAGE.get(str(manifest.split[i]), "")
            writer.writerow([usage, f"fer{i:07d}.png", *(f"{vote:g}" for vote in votes)])


def _write_folders(manifest: Manifest, folder: Path, advance: Advance) -> None:
    if np.any(manifest.label == NO_LABEL):
        raise DataError(f"{manifest.source}: folders cannot hold pictures without a label; write csv or parquet.")
    for name in manifest.labels:
        if split_of(name) or name != _safe(name):
            raise DataError(f"{manifest.source}: the label {name!r} cannot name a folder; write csv or parquet.")

    def place(i: int) -> str:
        return f"{manifest.split[i]}/{manifest.labels.names[manifest.label[i]]}".lstrip("/")

    names = _write_pictures(manifest, folder, advance, place)
    if not (manifest.votes is None and manifest.subject is None and manifest.group is None):
        _write_table(manifest, folder, names)


def _write_pictures(manifest: Manifest, folder: Path, advance: Advance, place: Callable[[int], str]) -> list[str]:
    """Write every picture as PNG into the folder that `place` names; gives the paths below `folder`."""
    taken: set[str] = set()
    names = []
    for i in range(len(manifest)):
        stem = _safe(Path(str(manifest.names[i])).stem) or "picture"
        name = f"{place(i)}/{stem}.png"
        if name.lower() in taken:
            name = f"{place(i)}/{stem}-{i:07d}.png"
        taken.add(name.lower())
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(to_png(manifest.load(i)))
        names.append(name)
        advance(1)
    return names


def _safe(text: str) -> str:
    """A text with only what every file system takes in a name."""
    return re.sub(r"[^\w .()+-]", "_", text).strip(" .")[:80]


def _write_table(manifest: Manifest, folder: Path, names: list[str]) -> None:
    """Table of paths, with every column that the manifest has."""
    kinds = [VOTE_PREFIX + name.replace(" ", "_") for name in manifest.vote_labels]
    extra = [name for name in ("subject", "group") if getattr(manifest, name) is not None]
    with (folder / "manifest.csv").open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["path", "label", "split", *extra, *kinds])
        for i, name in enumerate(names):
            label = int(manifest.label[i])
            row = [name, manifest.labels.names[label] if label >= 0 else "", manifest.split[i]]
            row += [getattr(manifest, column)[i] for column in extra]
            row += [] if manifest.votes is None else [f"{vote:g}" for vote in manifest.votes[i]]
            writer.writerow(row)


def _write_parquet(manifest: Manifest, folder: Path, advance: Advance) -> None:
    try:
        import pyarrow.parquet as pq
    except ImportError as error:
        raise MissingExtraError("Writing Parquet", "pyarrow", "data") from error
    schema = _schema(manifest)
    for split in (*SPLITS, ""):
        rows = np.flatnonzero(manifest.split == split)
        if not len(rows):
            continue
        with pq.ParquetWriter(folder / f"{split or 'all'}.parquet", schema) as writer:
            for start in range(0, len(rows), _PER_GROUP):
                part = rows[start : start + _PER_GROUP]
                writer.write_table(_arrow_table(manifest, part, schema))
                advance(len(part))


def _vote_columns(manifest: Manifest) -> list[str]:
    prefix = VOTE_PREFIXES[0] if manifest.vote_labels == FERPLUS_VOTES.names else VOTE_PREFIXES[1]
    return [prefix + name.lower() for name in manifest.vote_labels]


def _schema(manifest: Manifest) -> Any:
    import pyarrow as pa

    fields = [
        ("image", pa.struct([("bytes", pa.binary()), ("path", pa.string())])),
        ("label", pa.int16()),
        ("row", pa.int64()),
        *((name, pa.string()) for name in ("subject", "group") if getattr(manifest, name) is not None),
        *((name, pa.float32()) for name in _vote_columns(manifest)),
    ]
    return pa.schema(fields, metadata={METADATA_KEY: json.dumps({"labels": manifest.labels.names})})


def _arrow_table(manifest: Manifest, rows: Any, schema: Any) -> Any:
    import pyarrow as pa

    columns: dict[str, Any] = {
        "image": [{"bytes": manifest.encoded(int(i)), "path": str(manifest.names[i])} for i in rows],
        "label": [None if label == NO_LABEL else int(label) for label in manifest.label[rows]],
        "row": manifest.rows[rows],
    }
    for name in ("subject", "group"):
        if (column := getattr(manifest, name)) is not None:
            columns[name] = column[rows].tolist()
    if manifest.votes is not None:
        columns |= {name: manifest.votes[rows, k] for k, name in enumerate(_vote_columns(manifest))}
    return pa.Table.from_pydict(columns, schema=schema)
