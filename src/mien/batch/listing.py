"""Which files of a folder are inputs, and in which order they come. Reads names only, one folder at a time."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from mien.batch.places import filesystem, is_address
from mien.batch.rows import code_of
from mien.pictures.archives import is_archive
from mien.pictures.formats import is_picture, is_video
from mien.pictures.listing import Passed, hidden

__all__ = ["Entry", "Item", "kind_of", "walk"]

EntryKind = Literal["picture", "video", "archive", "parquet", "csv", "other"]

_RESULTS = frozenset({"manifest.json", "plan.jsonl"})
"""A folder with both of these holds the results of another job, not pictures."""


@dataclass(frozen=True, slots=True)
class Item:
    """One input of a chunk: its name, where it lies in its container, and perhaps why it cannot be read.

    `code` is the problem's word for programs, see `mien.core.errors.CODES`; `kept` are the values of the columns that
    the job keeps, or (), and `note` says what is wrong with them.
    """

    name: str
    at: tuple[int, ...] = ()
    problem: str = ""
    code: str = ""
    kept: tuple[str | None, ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """A file below a folder: its name, with "/" between folders, and what it is taken for."""

    name: str
    kind: EntryKind
    problem: str = ""
    code: str = ""


def kind_of(name: str, *, named: bool = False) -> EntryKind:
    """What a file is taken for by its name; one that a person `named` is a picture if it is nothing else."""
    lower = name.lower()
    if is_archive(lower):
        return "archive"
    if lower.endswith(".parquet"):
        return "parquet"
    if lower.endswith(".csv"):
        return "csv"
    if is_video(lower):
        return "video"
    return "picture" if named or is_picture(lower) else "other"


def walk(base: str, passed: Passed) -> Iterator[Entry]:
    """Files below a folder that are inputs, by name, folder by folder; links to folders are not followed.

    A folder that cannot be listed comes as an entry with a problem. A base that is a file gives itself. Files that are
    no inputs are counted in `passed`, but for hidden ones.
    """
    names = _remote(base) if is_address(base) else _local(base)
    for name, error in names:
        if error is not None:
            place = os.path.join(base, name)  # noqa: PTH118
            yield Entry(name, "picture", f"Cannot list the folder {place}: {error.strerror or error}.", code_of(error))
        elif (kind := kind_of(name, named=not name)) != "other" or not name:
            yield Entry(name, kind)
        else:
            passed.note(name)


def _local(base: str) -> Iterator[tuple[str, OSError | None]]:
    waiting: list[tuple[str, bool]] = [("", True)]  # names still to come, the next one last; whether a folder
    while waiting:
        name, folder = waiting.pop()
        if not folder:
            yield name, None
            continue
        try:
            with os.scandir(os.path.join(base, name)) as found:  # noqa: PTH118
                entries = sorted(((e.name, e.is_dir(follow_symlinks=False), e.is_file()) for e in found), reverse=True)
        except OSError as error:
            yield name, error
            continue
        if {e for e, _, _ in entries} >= _RESULTS:
            continue
        prefix = f"{name}/" if name else ""
        waiting += [(prefix + e, is_dir) for e, is_dir, is_file in entries if (is_dir or is_file) and not hidden(e)]


def _remote(base: str) -> Iterator[tuple[str, OSError | None]]:
    from pyarrow import fs

    files, root = filesystem(base)
    if files.get_file_info(root).type == fs.FileType.File:
        yield "", None
        return
    selector = fs.FileSelector(root, recursive=True, allow_not_found=True)
    start = len(root.rstrip("/")) + 1
    names = (info.path[start:] for info in files.get_file_info(selector) if info.type == fs.FileType.File)
    yield from ((name, None) for name in sorted(name for name in names if not hidden(name)))
