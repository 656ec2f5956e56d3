"""Reading a data set by looking: one module per layout, tried in turn."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath

import numpy as np

from mien.core.errors import DataError, OutputError
from mien.data.formats import folders, kaggle, parquet, paths, selection
from mien.data.formats.common import Hints, Reader
from mien.data.formats.numbered import names_of
from mien.data.formats.text import header_of
from mien.data.manifest import Manifest
from mien.data.stats import Facts, picture_facts, stats_of
from mien.data.subjects import is_pattern, with_subjects
from mien.data.trees import Tree, open_tree
from mien.pictures.formats import is_picture

__all__ = ["READERS", "read", "refuse_inside"]

READERS: tuple[Reader, ...] = (parquet, kaggle, paths, folders)
"""The layouts, in the order in which they are tried."""

_NO_ROWS = np.zeros(0, np.int64)  # counted anew


def read(
    path: str | Path,
    *,
    labels: str | Sequence[str] | None = None,
    subject: str = "",
    check: bool = True,
    advance: Callable[[int], None] | None = None,
) -> Manifest:
    r"""Read a data set, whatever its layout.

    Args:
        path: a Parquet file or folder, a Kaggle CSV, a CSV of paths, a folder of images, or a zip of these.
        labels: what numbers mean, where the data has numbers and not names: the name of a known order ("raf-db"),
            names in order, or text such as "1=sad,2=happy".
        subject: who is in each picture: the column of a table that names people, or a pattern with a group that finds
            the person in a picture's name, such as `S(\d+)`; "" takes the column "subject" where there is one.
        check: decode every picture once; those that cannot be read leave the table and are listed in `unreadable`.
            Without it an unreadable picture raises when it is loaded.
        advance: called with the number of pictures that were checked since the last call.

    Raises:
        DataError: there is nothing at the path, no layout fits, or the contents contradict the layout.
        MissingExtraError: the layout needs a package that is not installed.

    """
    column = subject if subject and not is_pattern(subject) else ""
    manifest = _read_unchecked(Path(path), Hints(names_of(labels), subject=column or "subject"))
    if column and manifest.subject is None:
        raise DataError(f"{path}: it has no column {column!r} that names people; or give a pattern such as S(\\d+).")
    if subject and not column:
        manifest = with_subjects(manifest, subject)
    return _checked(manifest, advance) if check else manifest


def _read_unchecked(path: Path, hints: Hints) -> Manifest:
    tree = open_tree(path)
    if selection.recognises(tree):
        return dataclasses.replace(selection.read_with(_read_unchecked, tree, hints), rows=_NO_ROWS)
    for reader in READERS:
        if reader.recognises(tree):
            manifest = reader.read(tree, hints)
            if not len(manifest):
                raise DataError(f"{path}: read as {reader.LAYOUT}, which has no pictures.")
            return manifest
    raise DataError(_nothing_fits(tree))


def refuse_inside(out: Path, source: Path) -> None:
    """Refuse to write pictures below a folder of images: they would be read as part of that data set.

    Args:
        out: the file or folder that is to be written; it need not exist.
        source: the data set; only a folder of images is looked at, other layouts do not take up what lies beside them.

    Raises:
        OutputError: `out` is the folder of the data set, or lies below it.

    """
    place, folder = out.resolve(), source.resolve()
    if not source.is_dir() or folder not in (place, *place.parents):
        return
    tree = open_tree(source)
    if next((reader for reader in READERS if reader.recognises(tree)), None) is folders:
        raise OutputError(
            f"Cannot write {out}: it lies in the data set {source}, which would then hold the pictures that are "
            "written there; name a folder beside it."
        )


def _nothing_fits(tree: Tree) -> str:
    known = ", ".join(reader.LAYOUT for reader in READERS)
    return f"{tree.source}: expected a data set ({known}, or a zip of these), but {_what_is_there(tree)}."


def _what_is_there(tree: Tree) -> str:
    if not tree.names:
        return "there are no files in it"
    endings = sorted({PurePosixPath(name).suffix.lower() or "no ending" for name in tree.names})
    if len(tree.names) > 1:
        return f"its {len(tree.names):,} files ({', '.join(endings[:6])}) fit none of these"
    if is_picture(tree.names[0]):
        return "it is a single picture without a class"
    columns = header_of(tree, tree.names[0]) if endings[0] in {".csv", ".tsv"} else ()
    return f"it has the columns {', '.join(columns)}" if columns else "it is a file of another kind, or empty"


def _checked(manifest: Manifest, advance: Callable[[int], None] | None) -> Manifest:
    facts: list[Facts] = []
    good: list[int] = []
    bad: list[tuple[str, str]] = []
    for i, picture in enumerate(manifest.pictures):
        try:
            facts.append(picture_facts(picture.load()))
            good.append(i)
        except DataError as error:
            bad.append((str(manifest.names[i]), str(error)))
        if advance is not None:
            advance(1)
    if not good:
        raise DataError(f"{manifest.source}: none of its {len(bad):,} pictures can be read; the first: {bad[0][1]}.")
    return manifest.select(good).with_checked(stats_of(facts), tuple(bad))
