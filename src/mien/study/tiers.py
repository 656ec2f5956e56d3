"""Files of tiers, ELAN's (.eaf) and Praat's (.TextGrid): finding them and reading them alike."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from mien.core.errors import DataError
from mien.study.intervals import Tier

__all__ = ["TIER_SUFFIXES", "find_tier_file", "pick_tier", "read_tiers"]

TIER_SUFFIXES = (".eaf", ".textgrid")


def read_tiers(path: Path) -> list[Tier]:
    """Tiers of an ELAN or Praat file.

    Raises:
        DataError: it cannot be read, or is of another kind.

    """
    from mien.study.eaf import read_eaf
    from mien.study.textgrid import read_textgrid

    readers = {".eaf": read_eaf, ".textgrid": read_textgrid}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise DataError(f"{path}: expected an ELAN file (.eaf) or a Praat file (.TextGrid).")
    return reader(path)


def pick_tier(tiers: Sequence[Tier], name: str | None, place: str) -> Tier:
    """The tier of a name, or the only one that has intervals.

    Raises:
        DataError: there is none, or several and no name.

    """
    if name is not None:
        found = [tier for tier in tiers if tier.name == name]
        if len(found) == 1:
            return found[0]
        raise DataError(f"{place} has no tier {name!r}; it has {_listed(tiers)}.")
    filled = [tier for tier in tiers if tier.intervals]
    if len(filled) == 1:
        return filled[0]
    raise DataError(f"{place} has {len(filled)} tiers with intervals ({_listed(tiers)}); name the one that is meant.")


def find_tier_file(folder: Path, file: str) -> Path | None:
    """The ELAN or Praat file that belongs to a video: the same path without its suffix, or the same name."""
    whole = Path(file).with_suffix("")
    for base in (folder / whole, folder / whole.name):
        for candidate in sorted(base.parent.glob("*")) if base.parent.is_dir() else ():
            if candidate.stem == base.name and candidate.suffix.lower() in TIER_SUFFIXES:
                return candidate
    return None


def _listed(tiers: Iterable[Tier]) -> str:
    return ", ".join(repr(tier.name) for tier in tiers) or "none"
