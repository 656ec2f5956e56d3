"""From what a person names on the command line to a list of picture files."""

from __future__ import annotations

import glob
from collections.abc import Iterable, Iterator
from pathlib import Path

from mien.core.files import is_file, is_folder

__all__ = ["PICTURE_SUFFIXES", "expand"]

PICTURE_SUFFIXES = frozenset(
    f".{suffix}"
    for suffix in (
        *("jpg", "jpeg", "jpe", "png", "webp", "gif", "bmp", "tif", "tiff"),
        *("ppm", "pgm", "pbm", "avif", "jp2", "heic", "heif", "tga"),
    )
)
"""Files of a folder that are taken for pictures."""


def expand(arguments: Iterable[str]) -> Iterator[tuple[str, str | None]]:
    """Picture files that the arguments name: (path, None), or (argument, why it gives none).

    A folder gives its pictures and those of its subfolders, by name, but no hidden ones; a pattern such as
    `party/*.jpg` what it matches; anything else itself, whatever its suffix.
    """
    for argument in arguments:
        path = Path(argument)
        if is_folder(path):
            yield from _folder(path)
        elif glob.has_magic(argument) and not is_file(path):
            matches = sorted(glob.glob(argument, recursive=True))  # noqa: PTH207 - Path.glob takes no absolute pattern
            if not matches:
                yield argument, f"No file matches {argument}."
            for match in matches:
                yield from _folder(Path(match)) if is_folder(Path(match)) else [(match, None)]
        else:
            yield argument, None


def _folder(folder: Path) -> Iterator[tuple[str, str | None]]:
    files = sorted(
        f
        for f in folder.rglob("*")
        if f.suffix.lower() in PICTURE_SUFFIXES
        and not any(part.startswith(".") for part in f.relative_to(folder).parts)
        and is_file(f)
    )
    if not files:
        yield str(folder), f"The folder {folder} holds no pictures."
    for file in files:
        yield str(file), None
