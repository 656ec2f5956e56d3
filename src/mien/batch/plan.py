"""From a source to numbered chunks of inputs, each of which says itself where its bytes are.

A chunk makes one part of the result. The plan stands on disk as one line of JSON per chunk, so a job that goes on after
a kill does what it began with, and no process holds all names.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Literal

from mien.batch.containers import csv_rows, has_pixels, parquet_rows, tar_items, zip_items
from mien.batch.kept import Wanted
from mien.batch.listing import Entry, Item, kind_of, walk
from mien.batch.places import absolute, is_address, join, local_path, stamp
from mien.core.errors import InputError
from mien.pictures.archives import is_archive, is_tar
from mien.pictures.listing import Passed

__all__ = ["Chunk", "from_line", "passed_in", "plan", "to_line"]

Kind = Literal["files", "zip", "tar", "parquet", "csv", "video", "passed"]


@dataclass(frozen=True)
class Chunk:
    """Some inputs in a row, of one kind.

    Args:
        part: number of the chunk, and of the part that it makes, from 0.
        first: number of its first input in the whole job, from 0.
        kind: what `base` is.
        base: path or address: of the folder that the items lie in, else of the container or the video itself.
        shown: what the person called it.
        items: the inputs, where they have names; else there are `count` rows from `start`. Of the kind "passed", which
            holds no inputs, names such as "a.zip/*.txt" of files that are passed over, and how many there are.
        start: first row of a table.
        count: number of inputs.
        stamp: size and time of change of a container, which must stay as they are while the job lasts.

    """

    part: int
    first: int
    kind: Kind
    base: str
    shown: str
    items: tuple[Item, ...] = ()
    start: int = 0
    count: int = 0
    stamp: tuple[int, int] | None = None


def to_line(chunk: Chunk) -> str:
    """A chunk as one line of ASCII; `from_line` is its inverse, also for names that are no UTF-8."""
    body = {field.name: getattr(chunk, field.name) for field in fields(chunk)}  # `asdict` would copy every item
    body["items"] = [_to_list(item) for item in chunk.items]
    return json.dumps(body, separators=(",", ":")) + "\n"


def _to_list(item: Item) -> list[Any]:
    known = [item.name, list(item.at), item.problem, item.code]
    return [*known, list(item.kept), item.note] if item.kept or item.note else known


def _from_list(name: str, at: list[int], problem: str, code: str, kept: Sequence[Any] = (), note: str = "") -> Item:
    return Item(name, tuple(at), problem, code, tuple(kept), note)


def from_line(line: str) -> Chunk:
    """The chunk of a line."""
    body: dict[str, Any] = json.loads(line)
    items = tuple(_from_list(*values) for values in body.pop("items"))
    times = body.pop("stamp")
    return Chunk(**body, items=items, stamp=None if times is None else (times[0], times[1]))


def passed_in(chunk: Chunk) -> Iterator[tuple[str, int]]:
    """Patterns such as "a.zip/*.txt" of files that are passed over, and how many there are, of a chunk of that kind."""
    return ((item.name, item.at[0]) for item in (chunk.items if chunk.kind == "passed" else ()))


def plan(source: str, size: int, column: str, keep: Sequence[str] = ()) -> Iterator[Chunk]:
    """Chunks of at most `size` inputs, in the order that the results have.

    Args:
        source: picture, video, archive, table or folder; a path or an address.
        size: inputs per chunk; a video is a chunk of its own.
        column: column of a Parquet table that holds the pictures.
        keep: columns that pass through into the results.

    Raises:
        InputError: there is nothing at `source`, or nothing that could be read.
        OptionError: no input has a column that is to be kept (known at the end), or it holds bytes.

    """
    part = first = 0
    left, wanted = _PassedOver(source), Wanted(keep)
    for chunk in _with_passed(_loose(_entries(source, left.loose), size, column, left, wanted), left, size):
        yield replace(chunk, part=part, first=first)
        part, first = part + 1, first + chunk.count
    if part == 0:
        there = f" ({left.total})" if left.total else ""
        raise InputError(f"{source} holds no pictures, videos, archives or tables with pictures{there}.")
    wanted.check()


class _PassedOver:
    """What is no input: loose files, and members of archives, counted by suffix for each archive."""

    def __init__(self, source: str) -> None:
        self._source = source
        self.loose = Passed()
        self.total = Passed()
        self.items: list[Item] = []

    def add(self, shown: str, passed: Passed) -> None:
        """Take up what one folder or archive holds."""
        self.items += [Item(f"{shown}/*{suffix}", (count,)) for suffix, count in sorted(passed.items())]
        self.total.update(passed)

    def close(self) -> None:
        """Take up the loose files, when all have been listed."""
        self.add(self._source, self.loose)

    def take(self, base: str) -> Chunk:
        """A chunk of no inputs, which makes rows of what came together."""
        items, self.items = tuple(self.items), []
        return Chunk(0, 0, "passed", base, self._source, items)


def _with_passed(chunks: Iterable[Chunk], left: _PassedOver, size: int) -> Iterator[Chunk]:
    """The chunks, and between and after them those of what is passed over; none where there is no other chunk."""
    last = None
    for last in chunks:
        yield last
        if len(left.items) >= size:
            yield left.take(last.base)
    left.close()
    if last is not None and left.items:
        yield left.take(last.base)


@dataclass(frozen=True)
class _Found:
    """A file to read: below `base`, which is a folder, or `base` itself where `name` is empty."""

    base: str
    shown: str
    entry: Entry


def _entries(source: str, passed: Passed) -> Iterator[_Found]:
    base = absolute(source)
    if is_address(source):
        found = list(walk(base, passed))
        if not found and not passed:
            raise InputError(f"There is nothing at {source}; check the address.")
        yield from (_Found(base, source, entry) for entry in found)
        return
    path = local_path(source)
    if path.is_dir():
        yield from (_Found(base, str(path), entry) for entry in walk(base, passed))
    elif path.exists():
        yield _Found(base, str(path), Entry("", kind_of(path.name, named=True)))
    else:
        raise InputError(f"There is nothing at {source}; name a picture, a folder, an archive, a table or a video.")


def _loose(found: Iterable[_Found], size: int, column: str, left: _PassedOver, wanted: Wanted) -> Iterator[Chunk]:
    """Loose pictures gather in chunks; a container ends the chunk before it and makes its own."""
    waiting: list[_Found] = []
    for one in found:
        kind = one.entry.kind
        if kind == "picture":
            waiting.append(one)
            if len(waiting) == size:
                yield _files(waiting)
                waiting = []
            continue
        chunks = _container(one, size, column, left, wanted)
        for chunk in chunks:
            if waiting:
                yield _files(waiting)
                waiting = []
            yield chunk
    if waiting:
        yield _files(waiting)


def _files(found: list[_Found]) -> Chunk:
    items = tuple(Item(one.entry.name, problem=one.entry.problem, code=one.entry.code) for one in found)
    return Chunk(0, 0, "files", found[0].base, found[0].shown, items, count=len(items))


def _container(one: _Found, size: int, column: str, left: _PassedOver, wanted: Wanted) -> Iterator[Chunk]:
    base, shown = join(one.base, one.entry.name), join(one.shown, one.entry.name)
    name, kind = one.entry.name or shown, one.entry.kind
    if kind == "video":
        yield Chunk(0, 0, "video", base, shown, count=1)
    elif kind == "archive" and is_archive(name):
        tar, inside = is_tar(name), Passed()
        items = (tar_items if tar else zip_items)(base, inside, wanted)
        yield from _of_items("tar" if tar else "zip", base, shown, items, size)
        left.add(shown, inside)
    elif kind == "parquet":
        yield from _of_rows("parquet", base, shown, lambda: parquet_rows(base, shown, column, wanted), size)
    elif kind == "csv" and has_pixels(base):
        yield from _of_rows("csv", base, shown, lambda: csv_rows(base, wanted), size)
    elif kind == "csv":
        left.loose.note(name)


def _stamp(base: str) -> tuple[int, int] | None:
    try:
        return stamp(base)
    except OSError:
        return None


def _of_items(kind: Kind, base: str, shown: str, items: Iterable[Item], size: int) -> Iterator[Chunk]:
    seen = _stamp(base)
    waiting: list[Item] = []
    for item in items:
        waiting.append(item)
        if len(waiting) == size:
            yield Chunk(0, 0, kind, base, shown, tuple(waiting), count=size, stamp=seen)
            waiting = []
    if waiting:
        yield Chunk(0, 0, kind, base, shown, tuple(waiting), count=len(waiting), stamp=seen)


def _of_rows(kind: Kind, base: str, shown: str, counted: Callable[[], tuple[int, str]], size: int) -> Iterator[Chunk]:
    seen = _stamp(base)
    rows, problem = counted()
    for start in range(0, rows, size):
        yield Chunk(0, 0, kind, base, shown, (), start, min(size, rows - start), seen)
    if problem:
        yield Chunk(0, 0, "files", base, shown, (Item("", problem=problem, code="damaged"),), count=1)
