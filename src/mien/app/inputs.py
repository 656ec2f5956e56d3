"""From what a person names on the command line to a list of picture files, and what is to be said of the rest."""

from __future__ import annotations

import glob
from collections.abc import Iterable, Iterator
from pathlib import Path

from mien.core.files import is_file, is_folder
from mien.core.text import counted
from mien.pictures.formats import VIDEO_SUFFIXES, is_picture
from mien.pictures.listing import Passed, hidden

__all__ = ["ANNOTATED", "Inputs"]

ANNOTATED = ".annotated.jpg"
"""How the names end that annotated pictures get."""


class Inputs:
    """Picture files that the arguments of a command name.

    A folder gives its pictures and those of its subfolders, by name, but no hidden ones; a pattern such as
    `party/*.jpg` what it matches; anything else itself, whatever its suffix.

    Attributes:
        found: (path, None) of every picture, or (argument, why it gives none).
        passed: other files of the folders, by suffix.

    Args:
        arguments: paths and patterns.
        drawn: the folder for annotated pictures; those that lie in it already are not found in folders and by patterns.

    """

    def __init__(self, arguments: Iterable[str], drawn: Path | None = None) -> None:
        self.passed = Passed()
        self._own = None if drawn is None else drawn.resolve()
        self._several = 0
        self.found = [pair for argument in arguments for pair in self._expand(argument)]

    def _expand(self, argument: str) -> Iterator[tuple[str, str | None]]:
        path = Path(argument)
        if is_folder(path):
            yield from self._folder(path)
        elif glob.has_magic(argument) and not is_file(path):
            matches = sorted(glob.glob(argument, recursive=True))  # noqa: PTH207 - Path.glob takes no absolute pattern
            if not matches:
                yield argument, f"No file matches {argument}."
            for match in matches:
                if is_folder(Path(match)):
                    yield from self._folder(Path(match))
                elif not self._is_own(Path(match)):
                    yield match, None
        else:
            yield argument, None

    def _is_own(self, file: Path) -> bool:
        return self._own is not None and file.name.endswith(ANNOTATED) and file.parent.resolve() == self._own

    def _folder(self, folder: Path) -> Iterator[tuple[str, str | None]]:
        passed = Passed()
        pictures = []
        for file in folder.rglob("*"):
            if hidden(file.relative_to(folder).as_posix()) or not is_file(file) or self._is_own(file):
                continue
            if is_picture(file):
                pictures.append(file)
            else:
                passed.note(file.name)
        self.passed.update(passed)
        if not pictures:
            yield str(folder), f"The folder {folder} holds no pictures{f' ({passed})' if passed else ''}."
        for file in sorted(pictures):
            yield str(file), None

    def look(self, path: str) -> None:
        """Take notice of a picture that was read: whether its file holds more."""
        from mien.pictures.moving import pictures_in_file

        self._several += pictures_in_file(Path(path)) > 1

    def remarks(self) -> str:
        """Sentences about what was not read, which follow the totals; "" where everything was."""
        told = []
        if self.passed:
            text = str(self.passed)
            videos = "; mien video reads videos" if VIDEO_SUFFIXES & self.passed.keys() else ""
            told.append(f"{text[0].upper()}{text[1:]}{videos}.")
        if self._several:
            verb = "holds" if self._several == 1 else "hold"
            files = counted(self._several, "file")
            told.append(f"{files} {verb} several pictures, of which the first was read; mien video reads animations.")
        return "".join(f" {sentence}" for sentence in told)
