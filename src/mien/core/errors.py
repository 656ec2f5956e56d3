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
    ├── ServiceError        a service refuses, or cannot be reached
    └── MissingExtraError   an optional package is not installed

A message is one sentence or two: what was expected, what came, what to do. Programs read the parts: `subject` (what
the error is about), `reason`, and `code`, a word of `CODES`, which batches and the service give as well.
Absence is not an error: no face is an empty list, the end of a video ends the iteration.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any, Literal

from mien.core.text import brief, printable

__all__ = [
    "CODES",
    "Code",
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
    "ServiceError",
    "StoreError",
    "TrainError",
    "VideoError",
    "code_of",
    "unknown_name",
]

Code = Literal[
    "missing",
    "no_permission",
    "unreadable",
    "empty",
    "damaged",
    "unsupported",
    "too_large",
    "unusable",
    "ended_process",
    "option",
    "model",
    "data",
    "training",
    "output",
    "service",
    "extra",
    "failed",
]

CODES: dict[Code, str] = {
    "missing": "there is no such file",
    "no_permission": "the system does not let this user read it",
    "unreadable": "the system cannot read it for another reason",
    "empty": "it has no bytes, pixels or frames",
    "damaged": "it is damaged or cut off",
    "unsupported": "it is in no format, and of no kind, that is read",
    "too_large": "it is larger than a limit",
    "unusable": "it cannot be used for another reason, such as a wrong type, shape or range",
    "ended_process": "the process that read it ended unexpectedly",
    "option": "an option has an unknown name or an impossible value",
    "model": "a model file is missing, damaged or of another format",
    "data": "a data set is missing, damaged or contradicts itself",
    "training": "a training run cannot start or go on",
    "output": "a result cannot be written",
    "service": "a service refuses, or cannot be reached",
    "extra": "an optional package is not installed",
    "failed": "anything else",
}
"""What went wrong, in a word for programs, and what the word means; `docs/errors.md` lists them for people."""

_LONGEST = 2000  # characters of a message


class MienError(Exception):
    """Base of all errors that the project raises on purpose; its text is fit for a person.

    What a message quotes may come from a hostile file: characters that a terminal would act on are shown as escapes,
    and of a very long text the middle is left out. Errors survive pickling, so that they reach other processes whole.

    Args:
        subject: what the error is about, such as a path, with which the message begins; or the whole message, where it
            is about nothing that has a name.
        reason: what the message says of the subject.
        code: a word of `CODES`; None takes that of the class.

    """

    code: Code = "failed"

    def __init__(self, subject: str, reason: str = "", *, code: Code | None = None) -> None:
        super().__init__(f"{subject} {reason}" if reason else subject)
        self._subject, self._reason = (subject, reason) if reason else ("", subject)
        if code is not None:
            self.code = code

    @property
    def subject(self) -> str:
        """What the error is about, as the message calls it; "" where it is about nothing that has a name."""
        return printable(self._subject)

    @property
    def reason(self) -> str:
        """What the message says of the subject; the whole message where there is none."""
        return _shown(self._reason)

    def about(self, subject: str) -> str:
        """The message with another name for the subject, for callers that know it by another one."""
        return f"{printable(subject)} {self.reason}" if self._subject else self.reason

    def __str__(self) -> str:
        """The message."""
        return _shown(super().__str__())

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickled by its parts and not by calling the constructor, which subclasses may change."""
        return _again, (type(self), self.args, dict(vars(self)))


def _again(kind: type[MienError], arguments: tuple[Any, ...], parts: dict[str, Any]) -> MienError:
    error = kind.__new__(kind)
    error.args = arguments
    vars(error).update(parts)
    return error


def _shown(text: str) -> str:
    text = printable(text)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST // 2]} ... {text[-_LONGEST // 4 :]}"


def code_of(error: OSError | ValueError) -> Code:
    """The word for what the system says of a file."""
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return "missing"
    return "no_permission" if isinstance(error, PermissionError) else "unreadable"


class InputError(MienError):
    """What the caller gave cannot be used."""

    code: Code = "unusable"


class ImageError(InputError):
    """A picture cannot be read, is damaged, or is larger than the limit.

    Args:
        subject: what the message calls the picture ("photo.jpg", "the data"); "" where the reason is a whole sentence.
        reason: what is wrong with it, as the rest of the sentence.
        code: a word of `CODES`.

    """

    def __init__(self, subject: str, reason: str, *, code: Code) -> None:
        super().__init__(subject or reason, reason if subject else "", code=code)


class ImageFormatError(ImageError):
    """The bytes are not a picture in a known format."""

    def __init__(self, subject: str, reason: str, *, code: Code = "unsupported") -> None:
        super().__init__(subject, reason, code=code)


class ImageSizeError(ImageError):
    """A picture is larger than the limit."""

    def __init__(self, subject: str, reason: str, *, code: Code = "too_large") -> None:
        super().__init__(subject, reason, code=code)


class VideoError(InputError):
    """A video, folder of frames, stream or camera cannot be read."""


class OptionError(InputError):
    """An option has an unknown name or an impossible value."""

    code = "option"


class ModelError(MienError):
    """A model file is missing, damaged, or of a format that this version does not know."""

    code = "model"


class StoreError(MienError):
    """A file is not in the model store, fails its checksum, or could not be downloaded."""

    code = "model"


class DataError(MienError):
    """A data set is missing, damaged, or contradicts itself."""

    code = "data"


class TrainError(MienError):
    """A training run cannot start or cannot go on."""

    code = "training"


class OutputError(MienError):
    """A result cannot be written where it was asked for."""

    code = "output"


class ServiceError(MienError):
    """A service refuses a request, or cannot be reached."""

    code = "service"


class MissingExtraError(MienError):
    """A feature needs an optional package that is not installed.

    Args:
        feature: what the caller wanted, as the start of a sentence ("Reading Parquet").
        package: the package that is missing.
        extra: the extra of this project that installs it.

    """

    code = "extra"

    def __init__(self, feature: str, package: str, extra: str) -> None:
        super().__init__(
            f'{feature} needs the package {package}, which is not installed: run pip install "mien[{extra}]".'
        )


def unknown_name(kind: str, name: str, known: Iterable[str]) -> str:
    """Sentence for an unknown name: names the nearest known one and lists them all."""
    names, name = sorted(known), brief(name)
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    return f"Unknown {kind} {name!r}.{hint} Known: {', '.join(names)}."
