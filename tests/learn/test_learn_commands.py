"""`mien train` and `mien export` as a person runs them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

from mien.app.commands.export import command as export_command
from mien.app.commands.train import _config, command
from mien.core.errors import MienError, OptionError, OutputError
from mien.data.convert import convert
from mien.data.manifest import Manifest
from mien.infer.classify import load_classifier
from mien.learn.train import Outcome

EMPTY = {"configs": (), "classes": None, "extra": ()}


def options(**given: object) -> dict[str, object]:
    """Values of all options of `mien train`, as click gives them."""
    names = {p.name for p in command.params} - {"source", "out", "resume"}
    return dict.fromkeys(names) | EMPTY | given


def test_settings_in_order(tmp_path: Path) -> None:
    """Options win over files, later files over earlier ones, and files over defaults."""
    (tmp_path / "a.toml").write_text('model = "cnn"\nepochs = 5\nlr = 0.5', encoding="utf-8")
    (tmp_path / "b.toml").write_text("epochs = 7", encoding="utf-8")
    given = options(configs=(str(tmp_path / "a.toml"), str(tmp_path / "b.toml")), lr=0.25, classes="happy, sad",
                    extra=("warmup=0.5", "monitor=macro_f1"))  # fmt: skip
    config = _config(given)
    assert (config.model, config.epochs, config.lr, config.warmup) == ("cnn", 7, 0.25, 0.5)
    assert config.classes == ("happy", "sad")
    assert config.monitor == "macro_f1"


@pytest.mark.parametrize(
    ("extra", "message"),
    [("warmupp=1", "Did you mean 'warmup'"), ("warmup", "expects KEY=VALUE"), ("epochs=x", "a whole number")],
)
def test_bad_settings(extra: str, message: str) -> None:
    """A setting that does not exist must be named with the nearest, and --set needs a key and a value."""
    with pytest.raises(OptionError, match=message):
        _config(options(extra=(extra,)))


def test_settings_are_judged_together(tmp_path: Path) -> None:
    """Settings that only fit together are judged together, and one entry of a table leaves the others alone."""
    (tmp_path / "a.toml").write_text("[augmentation]\nflip = 0.25\nrotate = 3", encoding="utf-8")
    config = _config(
        options(configs=(str(tmp_path / "a.toml"),), epochs=1, extra=("warmup=0", "augmentation.rotate=9"))
    )
    assert (config.epochs, config.warmup, config.augmentation) == (1, 0.0, {"flip": 0.25, "rotate": 9})


@pytest.fixture(scope="module")
def source(drawn: Manifest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The drawn data set as a folder of images."""
    out = tmp_path_factory.mktemp("sets") / "drawn"
    convert(drawn, out, "folders")
    (out / "manifest.csv").unlink()  # the votes: the folders alone are the data set
    return out


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        ("augmentation.rotat=1", "Did you mean 'rotate'"),
        ("augment=strongest", "Did you mean 'strong'"),
        ("grow_from=60", "'grow_from' must be at most the size, 48 px, got 60"),
        ("precision=16", "needs a GPU"),
    ],
)
def test_impossible_runs_leave_no_folder(source: Path, tmp_path: Path, extra: str, message: str) -> None:
    """What the settings or the machine cannot do must be said before there is a folder that has to be removed again."""
    if "GPU" in message and (torch.cuda.is_available() or torch.backends.mps.is_available()):
        pytest.skip("there is a GPU")
    result = CliRunner().invoke(command, [str(source), "--out", str(tmp_path / "r"), "--model=ann", "--set", extra])
    assert isinstance(result.exception, OptionError)
    assert message in str(result.exception)
    assert not (tmp_path / "r").exists()


def test_a_run_stays_out_of_the_data(source: Path) -> None:
    """A run in a folder of images would add its plots to the data set."""
    result = CliRunner().invoke(command, [str(source), "--out", str(source / "run"), "--model=ann"])
    assert isinstance(result.exception, OutputError)
    assert "lies in the data set" in str(result.exception)


def test_resume_options(tmp_path: Path) -> None:
    """--resume goes on with the run's settings: others beside it, or a folder without a run, are refused."""
    runner = CliRunner()
    result = runner.invoke(command, ["data", "--out", str(tmp_path / "r"), "--resume", "--lr", "1"])
    assert isinstance(result.exception, OptionError)
    assert "leave out --lr" in str(result.exception)
    result = runner.invoke(command, ["data", "--out", str(tmp_path / "r"), "--resume"])
    assert isinstance(result.exception, MienError)
    assert "There is no run in" in str(result.exception)


def test_export(finished: Outcome, tmp_path: Path) -> None:
    """mien export must write the file and print one line of JSON when asked."""
    runner = CliRunner()
    result = runner.invoke(export_command, [str(finished.run), str(tmp_path / "m.onnx"), "--json"])
    assert result.exit_code == 0, result.output
    body = json.loads(result.stdout)
    assert body["parity"] <= 1e-4
    assert body["bytes"] == (tmp_path / "m.onnx").stat().st_size
    result = runner.invoke(export_command, [str(finished.run), str(tmp_path / "m.onnx")])
    assert "MB" in result.stdout
    named = [str(finished.run), str(tmp_path / "m.onnx"), "--name", "smile", "--license", "MIT"]
    assert runner.invoke(export_command, named).exit_code == 0
    info = load_classifier(tmp_path / "m.onnx").info
    assert (info.name, info.license) == ("smile", "MIT")
    result = runner.invoke(export_command, [str(tmp_path), str(tmp_path / "m.onnx")])
    assert isinstance(result.exception, MienError)
