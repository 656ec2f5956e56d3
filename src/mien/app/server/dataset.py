"""The data set of the Data tab: read once, told without its pictures; these only where the service may show them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

from mien.core.errors import DataError
from mien.core.shown import read_shown

if TYPE_CHECKING:
    from mien.data.manifest import Manifest

__all__ = ["Dataset", "open_dataset"]

Advance = Callable[[int], None]


@final
class Dataset:
    """What the service tells of a data set.

    Args:
        facts: as `mien.data.shown` gives them.
        manifest: where pictures may be shown, the data set itself.

    """

    def __init__(self, facts: dict[str, Any], manifest: Manifest | None = None) -> None:
        self.facts = facts
        self._manifest = manifest

    @property
    def shows_pictures(self) -> bool:
        """Whether visitors may ask for pictures."""
        return self._manifest is not None

    def samples(self, label: str) -> list[str]:
        """Some pictures of a class as data URLs; none where none may be shown.

        Raises:
            DataError: no such class, or a picture cannot be read.

        """
        if self._manifest is None:
            return []
        import numpy as np

        from mien.data.shown import samples

        return samples(self._manifest, label, np.random.default_rng())


_opened: dict[tuple[Path, bool], Dataset] = {}
_lock = threading.Lock()


def open_dataset(source: Path, pictures: bool, advance: Advance = lambda _n: None) -> Dataset:
    """The data set of a service, read when it is asked for the first time in this process.

    Args:
        source: a data set as `mien.data.read` takes it, or a `.json` of `mien data summary --json`.
        pictures: keep it at hand, to show pictures.
        advance: called with the number of pictures that are done since the last call.

    Raises:
        DataError: it cannot be read.

    """
    with _lock:
        key = (source.absolute(), pictures)
        if key not in _opened:
            _opened[key] = _read(source, pictures, advance)
        return _opened[key]


def _read(source: Path, pictures: bool, advance: Advance) -> Dataset:
    if source.suffix == ".json":
        return Dataset(read_shown(source))
    facts, manifest = _told(source, advance)
    return Dataset(facts, manifest if pictures else None)


def _told(source: Path, advance: Advance) -> tuple[dict[str, Any], Manifest]:
    """What is told of a data set, and the data set.

    Raises:
        DataError: it cannot be read, or holds nothing.

    """
    from mien.data import read
    from mien.data.shown import shown

    manifest = read(source, advance=advance)
    if not len(manifest):
        raise DataError(f"{source} holds no pictures; name a data set, as docs/data.md describes them.")
    return shown(manifest), manifest
