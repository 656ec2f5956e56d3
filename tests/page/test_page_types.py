"""The page's modules are checked as typed code is: by TypeScript, from their own comments."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from page_worlds import npm_package

_ROOT = Path(__file__).parents[2]
_STATIC = _ROOT / "src/mien/app/static"
_TYPESCRIPT = "5.9.3"
_SHA512 = "jl1vZzPDinLr9eUt3J/t7V6FgNEw9QjvBPdysz9KfQDD41fQrC2Y4vKQdiaUpFT4bXlb1RHhLpp8wtm6M5TgSw=="


@pytest.fixture(scope="module")
def check(tmp_path_factory):
    """Runs TypeScript on a project file; skips where node is not installed or TypeScript cannot be fetched."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed, so the page's modules cannot be type-checked")
    folder = npm_package("typescript", _TYPESCRIPT, _SHA512, tmp_path_factory.mktemp("typescript"))

    def run(project: Path) -> str:
        arguments = [node, str(folder / "bin/tsc"), "-p", str(project)]
        return subprocess.run(arguments, capture_output=True, text=True, timeout=240, cwd=project.parent).stdout

    return run


def test_the_types_hold(check):
    """`tsc -p jsconfig.json` says nothing."""
    assert check(_ROOT / "jsconfig.json") == ""


def test_a_wrong_type_would_be_found(check, tmp_path):
    """The check does check: a name that no module exports, a missing property, a wrong argument and unknown
    words are told.
    """
    for file in (*_STATIC.glob("*.mjs"), *_STATIC.glob("*.d.ts")):
        shutil.copy(file, tmp_path)
    shutil.copytree(_STATIC / "lang", tmp_path / "lang")
    names = {"$, nothing": "dom", "seal": "seal", "t": "words"}
    wrong = "".join(f'import {{ {name} }} from "./{module}.mjs";\n' for name, module in names.items())
    (tmp_path / "wrong.mjs").write_text(
        wrong + 'nothing();\n$("camera").currentTim = 1;\nseal(1);\nt("no.words");\n', "utf-8"
    )
    project = json.loads((_ROOT / "jsconfig.json").read_text("utf-8"))
    (tmp_path / "jsconfig.json").write_text(json.dumps({**project, "include": ["wrong.mjs"]}), "utf-8")
    found = re.findall(r"wrong\.mjs\((\d+),\d+\): error", check(tmp_path / "jsconfig.json"))
    assert found == ["1", "5", "6", "7"]


def test_every_element_that_is_asked_for_is_there():
    """Each id that a module names stands in the page."""
    ids = {name for page in _STATIC.glob("*.html") for name in re.findall(r'\bid="(\w+)"', page.read_text("utf-8"))}
    asked = {
        name for module in _STATIC.glob("*.mjs") for name in re.findall(r'\$\("(\w+)"\)', module.read_text("utf-8"))
    }
    typed = set(re.findall(r"^  (\w+): HTML", (_STATIC / "types.d.ts").read_text("utf-8"), re.MULTILINE))
    assert len(asked) > 30
    assert asked | typed <= ids
