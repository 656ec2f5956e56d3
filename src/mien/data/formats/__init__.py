"""Reading a data set by looking: one module per layout, tried in turn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import cast

from mien.core.errors import DataError
from mien.core.labels import LabelSet
from mien.data.formats import parquet
from mien.data.formats.common import Hints, Reader
from mien.data.manifest import Facts, Manifest, picture_facts, stats_of

__all__ = ["READERS", "read"]

READERS: tuple[Reader, ...] = (cast(Reader, parquet),)
"""The layouts, in the order in which they are tried."""


def read(
    path: str | Path,
    *,
    labels: Sequence[str] | None = None,
    check: bool = True,
    advance: Callable[[int], None] | None = None,
) -> Manifest:
    """Read a data set, whatever its layout.

    Args:
        path: a Parquet file or folder, a Kaggle CSV, a CSV of paths, a folder of images, or a zip of these.
        labels: class names in order, where the data has numbers whose meaning it does not say.
        check: decode every picture once; those that cannot be read leave the table and are listed in `unreadable`.
            Without it an unreadable picture raises when it is loaded.
        advance: called with the number of pictures that were checked since the last call.

    Raises:
        DataError: there is nothing at the path, no layout fits, or the contents contradict the layout.
        MissingExtraError: the layout needs a package that is not installed.

    """
    path = Path(path)
    if not path.exists():
        raise DataError(f"No data set at {path}: the path does not exist.")
    hints = Hints(None if labels is None else LabelSet(labels))
    for reader in READERS:
        if reader.recognises(path):
            manifest = reader.read(path, hints)
            if not len(manifest):
                raise DataError(f"{path}: read as {reader.LAYOUT}, which has no pictures.")
            return _checked(manifest, advance) if check else manifest
    known = ", ".join(reader.LAYOUT for reader in READERS)
    raise DataError(f"{path}: no known layout fits; known are {known}. docs/data.md describes each.")


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
