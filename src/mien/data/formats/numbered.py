"""What numbers as class names mean: a known order by its name, names in order, or numbers with names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mien.core.errors import OptionError, unknown_name
from mien.core.labels import ORDERS, LabelSet
from mien.core.text import whole_number

__all__ = ["Names", "names_of"]


@dataclass(frozen=True)
class Names:
    """Names of classes with the number of each.

    Args:
        labels: the K names.
        numbers: K numbers; None where names were given in order, which count from 0, or from 1 where the data's
            numbers are exactly 1 to K.

    """

    labels: LabelSet
    numbers: tuple[int, ...] | None = None

    def position(self, number: int, present: Sequence[int]) -> int | None:
        """Position of a number's name, given the numbers that the data have; None where it has no name."""
        numbers = self.numbers
        if numbers is None:
            first = 1 if present and min(present) == 1 and max(present) == len(self.labels) else 0
            numbers = tuple(range(first, first + len(self.labels)))
        return numbers.index(number) if number in numbers else None


def names_of(given: str | Sequence[str] | None) -> Names | None:
    """Names from what a caller says: a list in order, or a text such as "raf-db", "sad,happy" or "1=sad,2=happy".

    Raises:
        OptionError: no data set of a known order has such a name, or some names have numbers and others do not.
        DataError: two names mean the same, or one is empty.

    """
    if not given:
        return None
    if not isinstance(given, str):
        return Names(LabelSet(given))
    key = "".join(given.strip().lower().replace("_", "-").split())
    alike = {name.replace("-", ""): order for name, order in ORDERS.items()}
    if key.replace("-", "") in alike:
        first, labels = alike[key.replace("-", "")]
        return Names(labels, tuple(range(first, first + len(labels))))
    words = [word.strip() for word in given.split(",")]
    if len(words) == 1 and "=" not in words[0]:
        raise OptionError(
            f"{unknown_name('order of labels', given, ORDERS)} Or give the names: sad,happy or 1=sad,2=happy."
        )
    if not any("=" in word for word in words):
        return Names(LabelSet(words))
    pairs = [word.partition("=") for word in words]
    numbers = [whole_number(number.strip()) for number, _, _ in pairs]
    known = tuple(number for number in numbers if number is not None)
    if len(known) < len(words) or len(set(known)) < len(known) or not all(mark for _, mark, _ in pairs):
        raise OptionError(f"Expected numbers with names, each once, such as 1=sad,2=happy, got {given!r}.")
    return Names(LabelSet(name.strip() for _, _, name in pairs), known)
