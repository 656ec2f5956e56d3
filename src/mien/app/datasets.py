"""What the commands about data sets share: the argument SOURCE with its options, reading it, and its near copies."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from mien.app.terminal import notice, progress
from mien.core.text import counted

if TYPE_CHECKING:
    from mien.data.manifest import Manifest
    from mien.data.near import Near

__all__ = ["near_of", "read_source", "source_options"]

_F = TypeVar("_F", bound=Callable[..., Any])

_NAMED = 3
"""Examples that are named where there are more."""


def source_options(function: _F) -> _F:
    """The argument SOURCE and the options that say how to read it."""
    function = click.option(
        "--labels",
        metavar="NAMES",
        help="What numbers mean: raf-db, affectnet, expw, names in order, or 1=sad,2=happy.",
    )(function)
    function = click.option(
        "--subject",
        default="",
        metavar="PATTERN|COLUMN",
        help=r"Who is in a picture: a pattern with a group for its name, such as 'S(\d+)', or a column.",
    )(function)
    return click.argument("source", type=click.Path(path_type=Path))(function)


def read_source(source: Path, labels: str | None, subject: str) -> Manifest:
    """The data set, with progress; what cannot be read and what is passed over is named on standard error."""
    from mien.data import read

    with progress("Reading", None, "pictures") as advance:
        manifest = read(source, labels=labels, subject=subject, advance=advance)
    if manifest.unreadable:
        shown = "; ".join(f"{name}: {reason}" for name, reason in manifest.unreadable[:_NAMED])
        more = " ..." if len(manifest.unreadable) > _NAMED else "."
        notice(f"{counted(len(manifest.unreadable), 'picture')} cannot be read, left out: {shown}{more}")
    if manifest.passed:
        notice(f"Files that are no part of the data set, {manifest.passed}.")
    return manifest


def near_of(manifest: Manifest) -> Near:
    """Near duplicates, with progress."""
    from mien.data.audit import representatives
    from mien.data.near import near_pairs

    rows = representatives(manifest)
    with progress("Comparing", 2 * len(rows), "pictures") as advance:
        return near_pairs(manifest, rows, advance)
