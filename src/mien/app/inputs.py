"""From what a person names on the command line to a list of picture files."""

from __future__ import annotations

import glob
from collections.abc import Iterable, Iterator
from pathlib import Path

from mien.core.files import is_file, is_folder
from mien.pictures.formats import is_picture
from mien.pictures.listing import hidden

__all__ = ["ANNOTATED", "expand"]

ANNOTATED = ".annotated.jpg"
"""How the names end that annotated pictures get."""


def expand(arguments: Iterable[str], drawn: Path | None = None) -> Iterator[tuple[str, str | None]]:
    """Picture files that the arguments name: (path, None), or (argument, why it gives none).

    A folder gives its pictures and those of its subfolders, by name, but no hidden ones; a pattern such as
    `party/*.jpg` what it matches; anything else itself, whatever its suffix.

    Args:
        arguments: paths and patterns.
        drawn: the folder for annotated pictures; those that lie in it already are not found in folders and by patterns.

    """
    own = None if drawn is None else drawn.resolve()
    for argument in arguments:
        path = Path(argument)
        if is_folder(path):
            yield from _folder(path, own)
        elif glob.has_magic(argument) and not is_file(path):
            matches = sorted(glob.glob(argument, recursive=True))  # noqa: PTH207 - Path.glob takes no absolute pattern
            if not matches:
                yield argument, f"No file matches {argument}."
            for match in matches:
                if is_folder(Path(match)):
                    yield from _folder(Path(match), own)
                elif not _is_own(Path(match), own):
                    yield match, None
        else:
            yield argument, None


def _is_own(file: Path, own: Path | None) -> bool:
    return own is not None and file.name.endswith(ANNOTATED) and file.parent.resolve() == own


def _folder(folder: Path, own: Path | None) -> Iterator[tuple[str, str | None]]:
    files = sorted(
        f
        for f in folder.rglob("*")
        if is_picture(f) and not hidden(f.relative_to(folder).as_posix()) and is_file(f) and not _is_own(f, own)
    )
    if not files:
        yield str(folder), f"The folder {folder} holds no pictures."
    for file in files:
        yield str(file), None
