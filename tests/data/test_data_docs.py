"""The examples of docs/data.md run, in order, in an empty folder."""

import re
import shlex
from pathlib import Path

import pytest

_PAGE = Path(__file__).parents[2] / "docs" / "data.md"


def test_examples_of_the_page(command, tmp_path, monkeypatch):
    """Python blocks share their names, as a reader would type them; commands end with status 0."""
    pytest.importorskip("matplotlib")
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    blocks = re.findall(r"```(python|sh)\n(.*?)```", _PAGE.read_text(encoding="utf-8"), re.DOTALL)
    for kind, text in blocks:
        if kind == "python":
            exec(compile(text, str(_PAGE), "exec"), names)
            continue
        for line in text.splitlines():
            ended = command(*shlex.split(line)[1:])
            assert ended.code == 0, ended.err

    assert [kind for kind, _ in blocks] == ["python", "sh", "python"]
    assert (tmp_path / "report" / "summary.html").is_file()
