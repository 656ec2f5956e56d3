"""Numbers and JSON as people and files write them."""

import numpy as np
import pytest

from mien.core.errors import DataError, MienError
from mien.core.labels import LabelSet
from mien.core.text import counted, is_number, is_whole, parse_json, whole_number


@pytest.mark.parametrize(
    ("text", "number"),
    [("0", 0), (" 12 ", 12), ("007", 7), ("", None), ("-1", None), ("1.0", None), ("²", None), ("٣", None)],
)
def test_whole_numbers(text, number):
    """ASCII digits alone; "²" and Arabic digits are digits for str.isdigit, and one of them breaks int."""
    assert whole_number(text) == number


def test_numbers_of_any_length():
    """Python's int refuses more than 4,300 digits with an error of its own."""
    assert whole_number("9" * 18) == 10**18 - 1
    assert whole_number("9" * 5000) is None


@pytest.mark.parametrize("text", ["{", "[" * 100_000, "NaN", '{"a": Infinity}', b"\xff", "9" * 5000])
def test_whatever_is_wrong_with_json_is_one_kind_of_error(text):
    """Also what the standard library reads, or fails on in another way: NaN, and depth."""
    with pytest.raises(ValueError, match="."):
        parse_json(text)


def test_messages_are_short_and_printable():
    """A message may quote a hostile file: nothing of it reaches the terminal as a command, and it has an end."""
    assert str(MienError("a\x1b[2Jb\nc\ud800")) == "a\\x1b[2Jb c\\ud800"
    text = str(DataError("x" * 50_000 + "end."))
    assert len(text) < 2100
    assert text.endswith("end.")


def test_labels_can_be_shown():
    """Names of classes are printed everywhere, so they hold no control characters and no lone surrogates."""
    for name in ("happy\x1b[2J", "sad\ud800", "an\0gry"):
        with pytest.raises(DataError, match="cannot be shown"):
            LabelSet(["calm", name])


def test_what_counts_as_a_number():
    """Numbers of Python and NumPy in their range; no texts, no NaN, no infinities."""
    assert is_whole(3, 1)
    assert is_whole(np.int64(3), 1, 3)
    assert is_number(np.float32(0.5), 0, 1)
    assert is_number(10**30, 0)
    assert not any(is_whole(value, 1, 3) for value in (0, 4, 1.0, "2", None))
    assert not any(is_number(value, 0, 1) for value in (-0.1, 1.1, float("nan"), float("inf"), "1", None))


def test_counted():
    """One takes the singular, all others the plural; thousands are set apart."""
    assert [counted(n, "face") for n in (0, 1, 1200)] == ["0 faces", "1 face", "1,200 faces"]
    assert (counted(1, "person", "people"), counted(2, "person", "people")) == ("1 person", "2 people")
