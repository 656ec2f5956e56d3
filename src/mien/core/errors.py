"""Every error that the project raises on purpose.

    MienError
    ├── InputError          what the caller gave cannot be used
    │   ├── ImageError      a picture that cannot be read
    │   │   ├── ImageFormatError    not a picture in a known format
    │   │   └── ImageSizeError      larger than the limit
    │   ├── VideoError      a video, folder of frames, stream or camera that cannot be read
    │   └── OptionError     an unknown name or an impossible value of an option
    ├── ModelError          a model file is missing, damaged or of another format
    ├── StoreError          a file is not in the model store, or its download failed
    ├── DataError           a data set is missing, damaged or contradicts itself
    ├── TrainError          a training run cannot start or go on
    ├── OutputError         a result cannot be written
    └── MissingExtraError   an optional package is not installed

A message is one sentence or two: what was expected, what came, what to do.
Absence is not an error: no face is an empty list, the end of a video ends the iteration.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from mien.core.text import printable

__all__ = [
    "DataError",
    "ImageError",
    "ImageFormatError",
    "ImageSizeError",
    "InputError",
    "MienError",
    "MissingExtraError",
    "ModelError",
    "OptionError",
    "OutputError",
    "StoreError",
    "TrainError",
    "VideoError",
    "unknown_name",
]


_LONGEST = 2000  # characters of a message


class MienError(Exception):
    """Base of all errors that the project raises on purpose; its text is fit for a person.

    What a message quotes may come from a hostile file: signs that a terminal would act on are shown as escapes, and
    of a very long text the middle is left out.
    """

    def __str__(self) -> str:
        """The message."""
        return _shown(super().__str__())


def _shown(text: str) -> str:
    text = printable(text)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST // 2]} ... {text[-_LONGEST // 4 :]}"


class InputError(MienError):
    """What the caller gave cannot be used."""


class ImageError(InputError):
    """A picture cannot be read, is damaged, or is larger than the limit.

    Args:
        message: what a person reads.
        subject: what the message calls the picture, where it begins with that ("the data", a path).

    """

    def __init__(self, message: str, subject: str = "") -> None:
        super().__init__(message)
        self._subject = subject

    @property
    def predicate(self) -> str:
        """What the message says of the picture, without its name, for who calls it otherwise; "" where it has none."""
        return _shown(Exception.__str__(self).removeprefix(self._subject).lstrip()) if self._subject else ""


class ImageFormatError(ImageError):
    """The bytes are not a picture in a known format."""


class ImageSizeError(ImageError):
    """A picture is larger than the limit."""


class VideoError(InputError):
    """A video, folder of frames, stream or camera cannot be read."""


class OptionError(InputError):
    """An option has an unknown name or an impossible value."""


class ModelError(MienError):
    """A model file is missing, damaged, or of a format that this version does not know."""


class StoreError(MienError):
    """A file is not in the model store, fails its checksum, or could not be downloaded."""


class DataError(MienError):
    """A data set is missing, damaged, or contradicts itself."""


class TrainError(MienError):
    """A training run cannot start or cannot go on."""


class OutputError(MienError):
    """A result cannot be written where it was asked for."""


class MissingExtraError(MienError):
    """A feature needs an optional package that is not installed.

    Args:
        feature: what the caller wanted, as the start of a sentence ("Reading Parquet").
        package: the package that is missing.
        extra: the extra of this project that installs it.

    """

    def __init__(self, feature: str, package: str, extra: str) -> None:
        super().__init__(
            f'{feature} needs the package {package}, which is not installed: run pip install "mien[{extra}]".'
        )


def unknown_name(kind: str, name: str, known: Iterable[str]) -> str:
    """Sentence for an unknown name: names the nearest known one and lists them all."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    return f"Unknown {kind} {name!r}.{hint} Known: {', '.join(names)}."
