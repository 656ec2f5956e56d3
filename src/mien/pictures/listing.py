"""What a folder or an archive holds besides pictures: what is hidden, and what is passed over, counted by suffix."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from mien.pictures.formats import suffix_of

__all__ = ["Passed", "hidden"]

_IGNORED = frozenset({"__MACOSX", "Thumbs.db", "desktop.ini"})
_MOST = 8
_LONGEST = 12  # characters of a suffix; what is longer is a name with a dot in it


def hidden(name: str) -> bool:
    """Whether a name, or a folder in it, is hidden or an operating system's leaving; "/" is between folders."""
    return any((part.startswith(".") and part not in {".", ".."}) or part in _IGNORED for part in name.split("/"))


class Passed(Counter[str]):
    """Files that were passed over, counted by suffix; "" is no suffix.

    Args:
        names: of the files.

    """

    def __init__(self, names: Iterable[str] = ()) -> None:
        super().__init__()
        for name in names:
            self.note(name)

    @classmethod
    def of(cls, counts: Mapping[str, int]) -> Passed:
        """From numbers of files by suffix."""
        passed = cls()
        passed.update(counts)
        return passed

    def note(self, name: str, times: int = 1) -> None:
        """Count a file."""
        suffix = suffix_of(name)
        self[suffix if len(suffix) <= _LONGEST else ""] += times

    def __str__(self) -> str:
        """Such as "passed over: 12 .json, 3 .txt and 1 without a suffix"; "" where there is nothing."""
        if not self:
            return ""
        ranked = sorted(self.items(), key=lambda item: (-item[1], item[0]))
        parts = [f"{count:,} {suffix or 'without a suffix'}" for suffix, count in ranked[:_MOST]]
        others = sum(count for _, count in ranked[_MOST:])
        if others:
            parts.append(f"{others:,} others")
        listed = parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
        return f"passed over: {listed}"
