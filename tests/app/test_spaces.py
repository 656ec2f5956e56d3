"""Spaces of all kinds with models of one's own: four classes with odd names, any licence, large files by Git LFS."""

from __future__ import annotations

import ast
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hub_worlds import ODD_LABELS, write_model, write_pictures

from mien.app.spaces import KINDS

pytest.importorskip("onnx", reason='onnx is not installed: pip install "mien[train]"')
pytest.importorskip("fastapi", reason='fastapi is not installed: pip install "mien[app]"')
yaml = pytest.importorskip("yaml")

LARGEST_PLAIN = 10 * 1024 * 1024  # bytes; the hub refuses larger plain files


@pytest.fixture
def runtime(store_folder) -> Path:
    """Stand-ins for the files of `mien page pull`, the largest as large as the real one."""
    from mien.app.server import runtime

    folder = runtime.runtime_folder()
    folder.mkdir(parents=True)
    for name in runtime.FILES:
        with (folder / name).open("wb") as file:
            file.write(b"\0asm" if name.endswith(".wasm") else b"// stand-in\n")
            file.truncate(14_000_000 if name.endswith(".wasm") else 12)
    return folder


def head(space: Path) -> dict[str, object]:
    """Front matter of a Space's README."""
    return dict(yaml.safe_load((space / "README.md").read_text("utf-8").split("---\n")[1]))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("given", ["onnx", "run", "name"])
def test_every_kind_takes_every_model(command, tmp_path, runtime, kind, given):
    """A run's folder, a file and a packaged name; the Space holds that model and says of it what its file says."""
    model: str | Path = "ferplus-int8"
    if given != "name":
        run = tmp_path / "a run"
        file = write_model(run / "model.onnx", license="CC-BY-4.0", name="four of mine")
        model = file if given == "onnx" else run
    out = tmp_path / "space"

    ended = command("space", out, "--kind", kind, "--model", model)

    assert ended.code == 0, ended.err
    told = head(out)
    assert told["sdk"] == kind
    assert told["license"] == ("mit" if given == "name" else "cc-by-4.0")
    readme = (out / "README.md").read_text("utf-8")
    assert "{{" not in readme.replace("{{version}}", "", 1)  # one label is called so
    assert "crowd" not in readme
    if given == "name":
        assert told["title"] == "mien: ferplus-int8"
        return
    assert told["title"] == "mien: four of mine"
    assert "Größe" in readme
    assert (out / "models" / "expression.onnx").read_bytes() == (tmp_path / "a run" / "model.onnx").read_bytes()
    if kind == "docker":
        line = (out / "Dockerfile").read_text("utf-8").splitlines()[-1]
        assert json.loads(line.removeprefix("CMD "))[-2:] == ["--model", "models/expression.onnx"]
    if kind == "gradio":
        ast.parse((out / "app.py").read_text("utf-8"))
    if kind == "static":
        config = json.loads((out / "config.json").read_text("utf-8"))
        assert tuple(config["model"]["labels"]) == ODD_LABELS


def test_the_licence_is_never_made_up(command, tmp_path, runtime):
    """Where the file states none, the Space states none; other words are quoted in a file of their own."""
    silent, worded = tmp_path / "a", tmp_path / "b"
    assert command("space", silent, "--kind", "static", "--model", write_model(tmp_path / "m.onnx")).code == 0
    assert command("space", worded, "--kind", "static", "--model", "wild").code == 0

    assert "license" not in head(silent)
    assert "licence of the weights: not stated" in (silent / "README.md").read_text("utf-8")
    assert (head(worded)["license"], head(worded)["license_link"]) == ("other", "LICENSE-MODEL.txt")
    assert "ExpW" in (worded / "LICENSE-MODEL.txt").read_text("utf-8")


def test_other_models_come_along_where_their_licence_allows(command, tmp_path, runtime):
    """The page of a Space offers the other packaged models, with their files; none binds it more than its own does."""
    for model, wild in (("ferplus-int8", False), ("wild", True)):
        out = tmp_path / model
        assert command("space", out, "--kind", "static", "--model", model).code == 0
        offered = json.loads((out / "config.json").read_text("utf-8"))["models"]
        assert {"fer2013", "ferplus"} <= set(offered)
        assert ("wild" in offered) == wild
        assert all((out / "models" / f"{name}.onnx").is_file() for name in offered)
        assert all((out / "models" / f"{name}.json").is_file() for name in offered)
        assert (out / "models" / "wild.onnx").is_file() == wild


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
@pytest.mark.parametrize("kind", KINDS)
def test_what_the_hub_refuses_goes_by_lfs(command, tmp_path, runtime, kind):
    """Git itself is asked: each file that is larger than 10 MiB or no text has the filter of LFS; texts have none."""
    out = tmp_path / "space"
    assert command("space", out, "--kind", kind).code == 0
    subprocess.run(["git", "init", "--quiet", out], check=True, capture_output=True)

    files = [path for path in out.rglob("*") if path.is_file() and ".git" not in path.parts]
    names = "\0".join(path.relative_to(out).as_posix() for path in files)
    told = subprocess.run(
        ["git", "check-attr", "-z", "--stdin", "filter"],
        input=names,
        cwd=out,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split("\0")
    filters = dict(zip(told[::3], told[2::3], strict=False))

    for path in files:
        data = path.read_bytes()
        special = len(data) > LARGEST_PLAIN or b"\0" in data[:8000]
        assert (filters[path.relative_to(out).as_posix()] == "lfs") == special, path
    if kind == "static":
        assert filters["runtime/ort-wasm-simd-threaded.wasm"] == "lfs"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows forbids such names of folders")
def test_figures_come_along(command, tmp_path, runtime):
    """A run's own judgement is shown by the Space, without the folders of the machine; one of another file is not."""
    run = tmp_path / "run of ann"
    model = write_model(run / "model.onnx")
    pictures = write_pictures(tmp_path / "faces of ann" / "faces")
    assert command("evaluate", model, pictures, "--bootstrap", 50, "--report", tmp_path / "report").code == 0
    (run / "evaluation").mkdir()
    judged = run / "evaluation" / "validation.json"
    shutil.copy(tmp_path / "report" / "evaluation.json", judged)

    out = tmp_path / "space"
    assert command("space", out, "--kind", "static", "--model", run).code == 0
    config = (out / "config.json").read_text("utf-8")
    assert json.loads(config)["model"]["evaluation"]["figures"]["n"] == 24
    assert "of ann" not in config
    assert "accuracy 50.0 %" in (out / "README.md").read_text("utf-8")

    write_model(model, name="another")
    assert command("space", tmp_path / "b", "--kind", "static", "--model", run).code == 0
    assert json.loads((tmp_path / "b" / "config.json").read_text("utf-8"))["model"]["evaluation"] is None


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("there", [False, True])
def test_what_fails_leaves_nothing(command, tmp_path, store_folder, kind, there):
    """A model that is none ends in a sentence, and no folder stays behind that was not there before."""
    out, bad = tmp_path / "space", tmp_path / "bad.onnx"
    bad.write_bytes(b"no model")
    if there:
        out.mkdir()

    ended = command("space", out, "--kind", kind, "--model", bad)

    assert ended.code == 1
    assert "bad.onnx" in ended.err
    assert out.exists() == there
    assert not there or not any(out.iterdir())


_SERVED = """
from fastapi.testclient import TestClient
from mien.app.server.app import create_app
from mien.app.server.settings import Settings
from mien.infer.options import AnalyzerOptions

analysis = AnalyzerOptions(model="models/expression.onnx", detector="models/detector.onnx")
with TestClient(create_app(Settings(public=True, analyzer=analysis)), base_url="http://localhost") as client:
    print(client.get("/v1/model").text)
"""


def test_a_docker_space_serves_the_model(command, tmp_path, store_folder, bright_detector):
    """From its own folder: model and detector open there, and the service tells their names and labels."""
    out = tmp_path / "space"
    model = write_model(tmp_path / "m.onnx")
    ended = command("space", out, "--model", model, "--detector", bright_detector)
    assert ended.code == 0, ended.err

    own = {"PYTHONPATH": str(out), "PYTHONDONTWRITEBYTECODE": "1", "PYTHONUTF8": "1"}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", _SERVED],
        cwd=out, capture_output=True, text=True, encoding="utf-8", env={**os.environ, **own},
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["name"], tuple(told["labels"]), told["detector"]) == ("odd one", ODD_LABELS, "bright")


_GRADIO = """
import json, numpy as np
import app

_, rows = app.read(np.full((32, 32, 3), 250, np.uint8))
print(json.dumps([list(app.analyzer.labels), rows]))
"""


def test_a_gradio_space_reads_with_the_model(command, tmp_path, store_folder):
    """The application finds the model beside itself, whatever the working folder, and answers with its labels."""
    pytest.importorskip("gradio", reason='Gradio is not installed: pip install "mien[test]"')
    out = tmp_path / "space"
    model = write_model(tmp_path / "m.onnx")
    assert command("space", out, "--kind", "gradio", "--model", model, "--detector", "none").code == 0

    own = {"PYTHONPATH": str(out), "PYTHONDONTWRITEBYTECODE": "1", "HOME": str(tmp_path), "PYTHONUTF8": "1"}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", _GRADIO],
        cwd=tmp_path, capture_output=True, text=True, encoding="utf-8", timeout=240, env={**os.environ, **own},
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    labels, rows = json.loads(done.stdout.strip().splitlines()[-1])
    assert tuple(labels) == ODD_LABELS
    assert [row[1].removesuffix("?") for row in rows] == [ODD_LABELS[-1]]


def test_a_data_set_is_told_without_its_pictures(command, tmp_path, runtime):
    """The docker kind shows the figures from its own folder, where the rooms that read data sets are not; gradio, which
    has no such tab, says so before anything is written.
    """
    faces = write_pictures(tmp_path / "faces")
    out = tmp_path / "space"
    ended = command("space", out, "--model", "fer2013-int8", "--data", faces)
    assert ended.code == 0, ended.err
    line = (out / "Dockerfile").read_text("utf-8").splitlines()[-1]
    assert json.loads(line.removeprefix("CMD "))[-2:] == ["--data", "models/data.json"]
    assert not (out / "mien" / "data").exists()
    assert "base64" not in (out / "models" / "data.json").read_text("utf-8")  # six pictures of a class are too few

    own = {"PYTHONPATH": str(out), "PYTHONDONTWRITEBYTECODE": "1", "PYTHONUTF8": "1"}
    code = _SERVED.replace("Settings(public", "Settings(data=Path('models/data.json'), public").replace(
        '"models/expression.onnx", detector="models/detector.onnx"', '"fer2013-int8", detector="none"'
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", "from pathlib import Path" + code.replace("/v1/model", "/v1/data")],
        cwd=out, capture_output=True, text=True, encoding="utf-8", env={**os.environ, **own},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["pictures"] == 24

    refused = command("space", tmp_path / "other", "--kind", "gradio", "--data", faces)
    assert refused.code
    assert "docker or static" in refused.err
    assert not (tmp_path / "other").exists()
