"""The table of what was once misread: every case names a test that there is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from misread_cases import MISREAD, Misread

_ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("case", MISREAD, ids=lambda case: case.what)
def test_each_case_names_its_test(case: Misread):
    """A case is no claim: the function that proves its kind exists, and the page has its row."""
    file, _, function = case.test.partition("::")
    assert re.search(rf"^def {function}\(", (_ROOT / file).read_text("utf-8"), re.MULTILINE)
    assert f"| {case.what} |" in (_ROOT / "docs" / "reliability.md").read_text("utf-8")
