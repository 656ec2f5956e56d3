"""The Dockerfiles, without an engine: what they copy, install and start exists, and pinned versions fit together."""

import json
import re
import shlex
import subprocess
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from mien.app.commands.serve import command as serve

ROOT = Path(__file__).parents[2]
INSTRUCTIONS = {"FROM", "RUN", "USER", "ENV", "WORKDIR", "COPY", "EXPOSE", "CMD"}


def parse(text: str) -> list[tuple[str, str]]:
    """Instructions and their arguments; lines that end in a backslash go on."""
    joined = re.sub(r"\\\n", " ", text)
    lines = [line for line in joined.splitlines() if line.strip() and not line.startswith("#")]
    return [(line.split(maxsplit=1)[0], line.split(maxsplit=1)[1]) for line in lines]


@pytest.fixture(scope="module")
def space(tmp_path_factory) -> Path:
    """A Space of the Docker kind."""
    from mien.app.spaces import write_space

    out = tmp_path_factory.mktemp("space") / "out"
    write_space(out, "docker")
    return out


def check(instructions: list[tuple[str, str]]) -> None:
    """What every Dockerfile of ours keeps: known instructions, shell that parses, user 1000 before any copying."""
    names = [name for name, _ in instructions]
    assert set(names) <= INSTRUCTIONS
    assert names[0] == "FROM"
    assert names.count("CMD") == 1
    assert names.index("USER") < names.index("COPY")
    assert "useradd --create-home --uid 1000 user" in [text for name, text in instructions if name == "RUN"]
    for text in (text for name, text in instructions if name == "RUN"):
        assert subprocess.run(["sh", "-n", "-c", text], capture_output=True).returncode == 0, text


def starts(instructions: list[tuple[str, str]]) -> list[str]:
    """Arguments of `mien` in CMD, which the command line knows."""
    command = json.loads(dict(instructions)["CMD"])
    arguments = command[command.index("mien") + 1 :]
    assert arguments[0] == "serve"
    serve.make_context("serve", list(arguments[1:]))  # raises for an option that is not there
    return arguments


def test_the_space_builds_from_its_own_files(space):
    """COPY finds what it names; the port is that of the front matter; requirements are all pinned."""
    instructions = parse((space / "Dockerfile").read_text("utf-8"))
    check(instructions)
    for source in (shlex.split(text)[1:-1] for name, text in instructions if name == "COPY"):
        assert all((space / name).exists() for name in source)
    assert (space / "mien" / "__main__.py").is_file()
    assert (space / "mien" / "assets" / "models" / "face.onnx").is_file()

    arguments = starts(instructions)
    port = arguments[arguments.index("--port") + 1]
    assert dict(instructions)["EXPOSE"] == port
    assert f"app_port: {port}" in (space / "README.md").read_text("utf-8")
    assert "--public" in arguments
    lines = (space / "requirements.txt").read_text("utf-8").splitlines()
    assert all(re.fullmatch(r"[a-z0-9-]+==[^ ]+", line) for line in lines)


def test_the_pinned_versions_fit_together(space):
    """Each package gets what it asks for from the others, and runs on the Python of the image."""
    image = re.match(r"python:(\d+\.\d+)-slim$", dict(parse((space / "Dockerfile").read_text("utf-8")))["FROM"])
    assert image is not None
    marks = {"python_version": image[1], "python_full_version": f"{image[1]}.0", "sys_platform": "linux", "extra": ""}
    pins = dict(line.split("==") for line in (space / "requirements.txt").read_text("utf-8").splitlines())
    for name in pins:
        found = metadata.distribution(name)
        assert f"{image[1]}.0" in SpecifierSet(found.metadata["Requires-Python"] or "")
        for text in found.requires or []:
            needed = Requirement(text)
            if needed.marker is not None and not needed.marker.evaluate(marks):
                continue
            key = re.sub(r"[-_.]+", "-", needed.name).lower()
            assert key in pins, f"{name} needs {key}"
            assert needed.specifier.contains(pins[key], prereleases=True), f"{name} needs {text}, pinned is {pins[key]}"
