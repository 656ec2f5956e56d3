"""Errors as data: subject, reason and code, in this process and after they came from another one."""

import copy
import pickle
import re
from pathlib import Path

import pytest

from mien.core import errors
from mien.core.errors import (
    CODES,
    ImageError,
    ImageFormatError,
    MienError,
    MissingExtraError,
    OptionError,
    unknown_name,
)

PAGE = Path(__file__).parents[2] / "docs" / "errors.md"


def _tree(kind: type[MienError] = MienError) -> list[type[MienError]]:
    """The classes of the module and all that the rest of the package adds to them."""
    import mien.app.cli
    import mien.app.server.settings
    import mien.batch
    import mien.infer.analyzer  # noqa: F401

    return [kind, *(one for child in kind.__subclasses__() for one in _tree(child))]


def _made(kind: type[MienError]) -> MienError:
    if issubclass(kind, ImageError):
        return kind("a.png", "is odd.", code="damaged")
    if issubclass(kind, MissingExtraError):
        return kind("Reading Parquet", "pyarrow", "data")
    return kind("a.bin", "is odd.")


@pytest.mark.parametrize("kind", _tree(), ids=lambda kind: kind.__name__)
def test_every_error_survives_the_way_to_another_process(kind):
    """Pickled or copied, an error of any class keeps its text, its parts and its code."""
    error = _made(kind)
    for again in (pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error)):
        assert type(again) is kind
        assert str(again) == str(error)
        assert (again.subject, again.reason, again.code) == (error.subject, error.reason, error.code)
        assert again.code in CODES


def test_subject_and_reason():
    """The message begins with the subject; who calls it otherwise gets the same with another name."""
    error = ImageFormatError("a\x1b.png", "is not a picture.")

    assert str(error) == "a\\x1b.png is not a picture."
    assert (error.subject, error.reason, error.code) == ("a\\x1b.png", "is not a picture.", "unsupported")
    assert error.about("The picture") == "The picture is not a picture."


def test_a_sentence_about_nothing_in_particular():
    """Without a subject the reason is the whole message."""
    for error in (OptionError("Choose one."), ImageError("", "Choose one.", code="unusable")):
        assert (str(error), error.subject, error.reason, error.about("It")) == ("Choose one.", "", *["Choose one."] * 2)


def test_the_codes_of_files():
    """What the system says of a file has a word of its own."""
    assert errors.code_of(FileNotFoundError()) == errors.code_of(NotADirectoryError()) == "missing"
    assert errors.code_of(PermissionError()) == "no_permission"
    assert errors.code_of(OSError()) == errors.code_of(ValueError()) == "unreadable"


def test_the_page_lists_every_code_and_class():
    """`docs/errors.md` has a row for each code, with its meaning, and names each class."""
    text = PAGE.read_text("utf-8")
    rows = dict(re.findall(r"^\| `(\w+)` \| (.+?) \|", text, re.MULTILINE))

    assert rows == CODES
    assert [kind.__name__ for kind in _tree() if kind.__name__ not in text] == []


def test_long_names_are_not_repeated():
    """Of an unknown name no more than 80 characters come back."""
    text = unknown_name("model", "x" * 5000, ["a", "b"])

    assert len(text) < 150
    assert "..." in text
