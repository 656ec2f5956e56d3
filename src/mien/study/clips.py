"""The videos of a study and whose they are: from names of files by a pattern, or from a table. Opens no video."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mien.core.errors import DataError, OptionError
from mien.core.files import is_folder
from mien.pictures.formats import is_video
from mien.study.inputs import Record, read_records

__all__ = ["Clip", "Names", "find_clips"]

_FIELD = re.compile(r"\{([^{}]*)\}")
_OWN = frozenset({"file", "person", "epoch", "window"})
"""Names of the tables' own columns; a participant may not have others of the same name."""


@dataclass(frozen=True)
class Clip:
    """One video of the study."""

    file: str
    """Path below the folder, with / between its parts."""
    path: Path
    participant: str
    facts: Mapping[str, str] = field(default_factory=dict)
    """What else is known, such as a condition; the same names for every clip."""


class Names:
    """Finds the file that a hand-made table means: by path below the folder, by name, or by name without suffix.

    Args:
        files: paths below the folder.

    """

    def __init__(self, files: Sequence[str]) -> None:
        self._files = files
        self._known: dict[str, set[str]] = {}
        for file in files:
            for name in {file, Path(file).name, Path(file).stem, str(Path(file).with_suffix("").as_posix())}:
                self._known.setdefault(name, set()).add(file)

    def find(self, name: str, place: str) -> str:
        """The file of a name.

        Raises:
            DataError: none, or several.

        """
        found = self._known.get(name.replace("\\", "/").removeprefix("./"), set())
        if len(found) == 1:
            return next(iter(found))
        if found:
            raise DataError(f"{place}: {name!r} may mean {' or '.join(sorted(found))}; write the path in the folder.")
        near = difflib.get_close_matches(name, self._known, n=1, cutoff=0.5)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise DataError(f"{place}: the study has no file {name!r}.{hint}")


def find_clips(folder: Path, pattern: str | None = None, table: Path | None = None) -> list[Clip]:
    """Videos of a folder and its subfolders, by name, with their participants.

    Args:
        folder: hidden files and folders are left out.
        pattern: such as "{participant}_{condition}", for the name without suffix; with a "/" for the last parts of
            the path. Without pattern and table every file is a participant of its own.
        table: columns `file`, `participant` and any others; only the files that it names are taken.

    Raises:
        DataError: no video, a name that does not fit the pattern, or a table that does not fit the folder.
        OptionError: an impossible pattern, or both ways at once.

    """
    if pattern is not None and table is not None:
        raise OptionError("Participants come from a pattern or from a table; give one of the two.")
    if not is_folder(folder):
        raise DataError(f"{folder} is not a folder; a study is a folder of videos.")
    files = sorted(
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if is_video(path.name) and path.is_file() and not any(p.startswith(".") for p in path.relative_to(folder).parts)
    )
    if not files:
        raise DataError(f"The folder {folder} holds no videos.")
    if table is not None:
        return _from_table(folder, files, table)
    if pattern is not None:
        return _from_pattern(folder, files, pattern)
    return [Clip(file, folder / file, str(Path(file).with_suffix("").as_posix())) for file in files]


def _from_table(folder: Path, files: Sequence[str], table: Path) -> list[Clip]:
    names = Names(files)
    clips: dict[str, Clip] = {}
    for record in read_records(table, ("file", "participant")):
        file = names.find(record["file"], record.place)
        if file in clips:
            raise DataError(f"{record.place}: {file} stands in the table twice.")
        if not record["participant"]:
            raise DataError(f"{record.place}: {file} has no participant.")
        facts = {name: value for name, value in record.items() if name not in ("file", "participant")}
        _check_names(facts, str(table))
        clips[file] = Clip(file, folder / file, record["participant"], facts)
    if not clips:
        raise DataError(f"{table} names no file.")
    return [clips[file] for file in files if file in clips]


def _from_pattern(folder: Path, files: Sequence[str], pattern: str) -> list[Clip]:
    expression = _compiled(pattern)
    clips, wrong = [], []
    for file in files:
        whole = Path(file).with_suffix("").as_posix()
        parts = whole.split("/")[-pattern.count("/") - 1 :]
        match = expression.fullmatch("/".join(parts))
        if match is None:
            wrong.append(file)
            continue
        facts = match.groupdict()
        clips.append(Clip(file, folder / file, facts.pop("participant"), facts))
    if wrong:
        shown = ", ".join(wrong[:3]) + (f" and {len(wrong) - 3} more" if len(wrong) > 3 else "")
        raise DataError(
            f"The pattern {pattern!r} does not fit {shown}; change it, or name the participants in a table."
        )
    return clips


def _compiled(pattern: str) -> re.Pattern[str]:
    names = _FIELD.findall(pattern)
    if "participant" not in names:
        raise OptionError(
            f"The pattern {pattern!r} has no {{participant}}; write one such as '{{participant}}_{{condition}}'."
        )
    odd = next((name for name in names if not name.isidentifier() or names.count(name) > 1), None)
    if odd is not None:
        raise OptionError(f"The pattern {pattern!r} has a field {odd!r}; name each once, with letters and digits.")
    _check_names(names, f"The pattern {pattern!r}")
    pieces = _FIELD.split(pattern)
    text = "".join(f"(?P<{piece}>[^/]+?)" if i % 2 else re.escape(piece) for i, piece in enumerate(pieces))
    return re.compile(text)


def _check_names(names: Mapping[str, str] | Sequence[str] | Record, place: str) -> None:
    own = sorted(_OWN & set(names))
    if own:
        raise DataError(f"{place}: a column may not be called {own[0]!r}, which is one of the result's own; rename it.")
