"""The README and the other pages: their Python blocks run, and their commands do what they say."""

import re
import shlex
from pathlib import Path

import pytest
from PIL import Image as PilImage

_ROOT = Path(__file__).parents[1]
# Installing and testing are what .ci/run does; `train` and the like are run where they are tested.
_NOT_HERE = ("python3 -m pip", "python3 -m venv")


def _blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", (_ROOT / page).read_text("utf-8"), re.DOTALL | re.MULTILINE)


@pytest.fixture
def album(tmp_path, monkeypatch, astronaut, hopper_file, store_folder) -> None:
    """A folder as the examples name it."""
    monkeypatch.chdir(tmp_path)
    PilImage.fromarray(astronaut[..., ::-1]).save("photo.jpg")
    Path("party.jpg").write_bytes(hopper_file.read_bytes())
    Path("album").mkdir()
    Path("album/hopper.jpg").write_bytes(hopper_file.read_bytes())


@pytest.mark.parametrize("page", ["README.md", "docs/model-format.md", "docs/python.md", "docs/errors.md"])
def test_python_blocks(album, page):
    """Each block runs on its own."""
    blocks = _blocks(page, "python")

    assert blocks
    for block in blocks:
        exec(compile(block, page, "exec"), {})


def test_the_first_example_says_happy(album, capsys):
    """What the reader tries first gives one happy face."""
    exec(compile(_blocks("README.md", "python")[0], "README.md", "exec"), {})

    assert capsys.readouterr().out.startswith("happy ")


def test_commands(album, command):
    """Each command of the README ends well, in order."""
    lines = [line for block in _blocks("README.md", "console") for line in block.splitlines()]
    ours = [line for line in lines if not line.startswith(_NOT_HERE)]

    assert len(ours) >= 5
    for line in ours:
        ended = command(*shlex.split(line, comments=True)[1:])
        assert ended.code == 0, f"{line}\n{ended.err}"
    assert Path("faces.csv").read_text("utf-8").count("\n") == 2
    assert Path("drawn/hopper.annotated.jpg").is_file()


def test_links_lead_somewhere():
    """Relative links of the pages name files that exist."""
    pages = [_ROOT / "README.md", *(_ROOT / "docs").glob("*.md")]
    for page in pages:
        for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text("utf-8")):
            assert target.startswith("http") or (page.parent / target).exists(), f"{page.name}: {target}"
