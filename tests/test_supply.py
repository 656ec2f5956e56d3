"""What comes with the project and what it comes from: requirement files, licences, and the built package."""

from __future__ import annotations

import itertools
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
EXTRAS = {"base": (), "app": ("app",), "train": ("train",), "test": ("test", "scale")}

_PIN = re.compile(r"[a-z0-9][a-z0-9.-]*==[0-9][A-Za-z0-9.+!]*( ; [^/@]+?)? \\")
_HASH = re.compile(r"    --hash=sha256:[0-9a-f]{64}( \\)?")


def _wanted(extras):
    """Requirements of the project with extras, those of its own extras put in."""
    own = PROJECT["optional-dependencies"]
    wanted = [Requirement(text) for text in PROJECT["dependencies"]]
    todo = [Requirement(text) for extra in extras for text in own[extra]]
    while todo:
        requirement = todo.pop()
        if requirement.name == PROJECT["name"]:
            todo += [Requirement(text) for extra in requirement.extras for text in own[extra]]
        else:
            wanted.append(requirement)
    return wanted


def _pinned(name):
    """(name, version) of every pin of a requirement file."""
    lines = (ROOT / "requirements" / f"{name}.txt").read_text("utf-8").splitlines()
    pins = [line.split(" ", 1)[0].split("==") for line in lines if not line.startswith(" ")]
    return [(canonicalize_name(package), version) for package, version in pins]


@pytest.mark.parametrize("name", EXTRAS)
def test_requirement_files_hold_pins_and_hashes_alone(name):
    """Every line is a version or a hash: no address, no path, no option."""
    lines = (ROOT / "requirements" / f"{name}.txt").read_text("utf-8").splitlines()
    odd = [line for line in lines if not _PIN.fullmatch(line) and not _HASH.fullmatch(line)]

    assert odd == []
    assert all(_HASH.fullmatch(after) for line, after in itertools.pairwise(lines) if _PIN.fullmatch(line))


@pytest.mark.parametrize("name", EXTRAS)
def test_requirement_files_fit_the_project(name):
    """Everything that the project asks for is pinned to a version that it allows; run requirements/compile.sh
    otherwise.
    """
    pins = _pinned(name)
    for requirement in _wanted(EXTRAS[name]):
        versions = [version for package, version in pins if package == canonicalize_name(requirement.name)]

        assert versions, requirement
        assert any(requirement.specifier.contains(version, prereleases=True) for version in versions), requirement


def test_licences_are_listed():
    """Each package that the project or one of its extras names is on the page; run benchmarks/licences.py otherwise."""
    page = (ROOT / "docs" / "licences.md").read_text("utf-8")
    listed = {canonicalize_name(name) for name in re.findall(r"^\| ([A-Za-z0-9._-]+) \|", page, re.M)}
    direct = {canonicalize_name(requirement.name) for requirement in _wanted(PROJECT["optional-dependencies"])}

    assert direct <= listed


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The wheel of this checkout, unpacked as an installer does."""
    wheel = pytest.importorskip("hatchling.builders.wheel")
    folder = tmp_path_factory.mktemp("wheel")
    if not (ROOT / "src" / "mien").is_dir():
        pytest.skip("the source is not here")
    (path,) = wheel.WheelBuilder(str(ROOT)).build(directory=str(folder), versions=["standard"])
    with zipfile.ZipFile(path) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def test_what_the_wheel_holds(built):
    """The package with its models and page, its licence and its command; no tests and no notes."""
    names = {str(path.relative_to(built)) for path in built.rglob("*") if path.is_file()}
    (info,) = built.glob("*.dist-info")

    assert {"mien/py.typed", "mien/assets/models/fer2013.onnx", "mien/app/static/index.html"} <= names
    assert "mien = mien.app.cli:main" in (info / "entry_points.txt").read_text("utf-8")
    assert (info / "licenses" / "LICENSE").is_file()
    assert not [name for name in names if name.split("/")[0] not in {"mien", info.name}]
    assert not [name for name in names if "__pycache__" in name or name.endswith((".pt", ".ckpt"))]


def test_the_wheel_works_elsewhere(built, tmp_path):
    """From another folder, with torch and its friends out of reach, the built package reads its photograph."""
    pytest.importorskip("skimage")
    code = (
        "import sys\n"
        "class Block:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.partition('.')[0] in {'torch', 'torchvision', 'timm', 'lightning', 'onnx'}:\n"
        "            raise ModuleNotFoundError(name)\n"
        "sys.meta_path.insert(0, Block())\n"
        "import mien\n"
        f"assert mien.__file__.startswith({str(built)!r}), mien.__file__\n"
        "from mien.app.cli import main\n"
        "main()\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(built), "PYTHONDONTWRITEBYTECODE": "1"}
    for line in (["demo"], ["analyze", "mien-demo.png", "--format", "json"]):
        ended = subprocess.run(
            [sys.executable, "-c", code, *line], cwd=tmp_path, capture_output=True, text=True, env=environment
        )
        assert ended.returncode == 0, ended.stderr
        assert "happy" in ended.stdout
