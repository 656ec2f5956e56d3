"""docs/founders.md: every row names commands that parse, files that exist, and something that executes it."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest

from mien.app.cli import cli

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "founders.md"


def rows() -> list[list[str]]:
    """Cells of all rows of all tables, without heads."""
    lines = [line for line in PAGE.read_text("utf-8").splitlines() if line.startswith("| ")]
    found = [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in lines]
    return [cells for cells in found if cells[0] != "feature"]


ROWS = rows()


def parse(line: str) -> None:
    """Let click read a command line without running it: unknown commands and options raise."""
    words, command = shlex.split(line)[1:], cli
    context = click.Context(cli)
    while isinstance(command, click.Group):
        found = command.get_command(context, words[0])
        assert found is not None, line
        command, words = found, words[1:]  # type: ignore[assignment]
    command.make_context(command.name, words)


def test_all_five_projects_are_there():
    """A section for each, and no section without rows."""
    text = PAGE.read_text("utf-8")

    assert len(re.findall(r"^## ", text, re.MULTILINE)) == 5
    assert all("| feature |" in part for part in text.split("\n## ")[1:])
    assert len(ROWS) >= 35
    assert all(len(cells) == 4 for cells in ROWS)


@pytest.mark.parametrize("cells", ROWS, ids=[cells[0][:40] for cells in ROWS])
def test_a_row_is_true(cells):
    """Its commands parse; its examples, pages and pictures exist; its tests are in their files."""
    _, here, look, proof = cells
    commands = re.findall(r"`((?:mien|python|streamlit) [^`]+)`", here)

    assert commands
    for line in commands:
        if line.startswith("mien "):
            parse(line)
        else:
            (file,) = re.findall(r"examples/\w+\.py", line)
            assert (ROOT / file).is_file()
    for target in re.findall(r"\]\(([^)#]+)", look):
        assert (PAGE.parent / target).is_file(), target
    proofs = re.findall(r"`([^`]+)`", proof)
    assert proofs
    for name in proofs:
        file, _, test = name.partition("::")
        assert (ROOT / file).is_file(), file
        assert file.startswith(("tests/", "examples/", "notebooks/")), file
        assert not test or f"def {test}(" in (ROOT / file).read_text("utf-8"), name
        if not test:
            assert _is_run(file), f"no test runs {file}"


def _is_run(file: str) -> bool:
    """Whether a test names this example or notebook."""
    folder, name = file.split("/")
    tests = (ROOT / "tests" / folder).glob("test_*.py")
    return any(name in path.read_text("utf-8") for path in tests)
