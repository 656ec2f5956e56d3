"""Who is in a picture, by a pattern in its name; and whether names look as if they said it. Reads no files."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from dataclasses import dataclass

from mien.core.errors import DataError, OptionError
from mien.data.manifest import Manifest, text_array

__all__ = ["Suggestion", "is_pattern", "suggested_pattern", "with_subjects"]

# Patterns of data sets that name people in their files: CK+, MMI and such; "subject12"; KDEF; JAFFE.
_KNOWN = (
    r"(?:^|[/_-])(S\d{2,4})[/_-]",
    r"(?i)(?:subject|subj|person|participant)[ _-]?(\d+)",
    r"(?:^|/)[AB]([FM]\d{2})[A-Z]{2}",
    r"(?:^|/)([A-Z]{2})\.[A-Z]{2}\d",
)
_MOST_NAMES = 0.8
_PICTURES_EACH = 2


@dataclass(frozen=True)
class Suggestion:
    """A pattern that fits the names, and how many people it finds."""

    pattern: str
    people: int


def is_pattern(text: str) -> bool:
    """Whether a text is a pattern with a group, and not the name of a column."""
    return "(" in text


def with_subjects(manifest: Manifest, pattern: str) -> Manifest:
    r"""The same rows, with the person that a pattern finds in each picture's name; "" where it finds none.

    Args:
        manifest: the pictures.
        pattern: regular expression whose first group is the person: `S(\d+)`.

    Raises:
        OptionError: not a regular expression with a group.
        DataError: it fits no name.

    """
    try:
        expression = re.compile(pattern)
    except re.error as error:
        raise OptionError(f"{pattern!r} is not a regular expression: {error}.") from error
    if not expression.groups:
        raise OptionError(f"The pattern {pattern!r} needs a group around what names the person, such as S(\\d+).")
    people = [_found(expression, name) for name in manifest.names.tolist()]
    if not any(people):
        raise DataError(f"{manifest.source}: the pattern {pattern!r} fits no name; the first is {manifest.names[0]!r}.")
    return dataclasses.replace(manifest, subject=text_array(people))


def _found(expression: re.Pattern[str], name: str) -> str:
    match = expression.search(name)
    return (match.group(1) or "") if match else ""


def suggested_pattern(names: Sequence[str]) -> Suggestion | None:
    """A known pattern that fits at least four of five names and finds several pictures of most people, or None."""
    for pattern in _KNOWN:
        expression = re.compile(pattern)
        people = [person for name in names if (person := _found(expression, name))]
        distinct = len(set(people))
        if len(people) >= _MOST_NAMES * len(names) and 2 <= distinct <= len(people) / _PICTURES_EACH:
            return Suggestion(pattern, distinct)
    return None
