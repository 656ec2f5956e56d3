"""Numbers and JSON as people and files write them."""

import pytest

from mien.core.errors import DataError, MienError
from mien.core.labels import LabelSet
from mien.core.text import parse_json, whole_number


@pytest.mark.parametrize(
    ("text", "number"),
    [("0", 0), (" 12 ", 12), ("007", 7), ("", None), ("-1", None), ("1.0", None), ("²", None), ("٣", None)],
)
def test_whole_numbers(text, number):
    # ASCII digits alone; "²" and Arabic digits are digits for str.isdigit, and one of them breaks int.
    assert whole_number(text) == number


def test_numbers_of_any_length():
    # Python's int refuses more than 4,300 digits with an error of its own.
    assert whole_number("9" * 18) == 10**18 - 1
    assert whole_number("9" * 5000) is None


@pytest.mark.parametrize("text", ["{", "[" * 100_000, "NaN", '{"a": Infinity}', b"\xff", "9" * 5000])
def test_whatever_is_wrong_with_json_is_one_kind_of_error(text):
    # Also what the standard library reads, or fails on in another way: NaN, and depth.
    with pytest.raises(ValueError, match="."):
        parse_json(text)


def test_messages_are_short_and_printable():
    # A message may quote a hostile file: nothing of it reaches the terminal as a command, and it has an end.
    assert str(MienError("a\x1b[2Jb\nc\ud800")) == "a\\x1b[2Jb c\\ud800"
    text = str(DataError("x" * 50_000 + "end."))
    assert len(text) < 2100
    assert text.endswith("end.")


def test_labels_can_be_shown():
    # Names of classes are printed everywhere, so they hold no control signs and no halves of signs.
    for name in ("happy\x1b[2J", "sad\ud800", "an\0gry"):
        with pytest.raises(DataError, match="cannot be shown"):
            LabelSet(["calm", name])
