"""Figures go where they are asked for, by Lightning's classes, and stay on this machine; a missing package is named."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner

from mien.app.commands.train import command
from mien.core.errors import MissingExtraError, OptionError
from mien.data.convert import convert
from mien.data.manifest import Manifest
from mien.learn import loggers
from mien.learn.config import Config
from mien.learn.find_lr import RateTest, draw_rates
from mien.learn.loggers import LOGGERS, logger_for
from mien.learn.train import train


def test_csv(drawn: Manifest, tiny: Config, tmp_path: Path) -> None:
    """`logger = "csv"` writes Lightning's table into the run, and no TensorBoard; a wrong name is refused."""
    config = dataclasses.replace(tiny, targets="hard", epochs=1, logger="csv")
    train(drawn, config, tmp_path / "run")
    assert "validation_accuracy" in (tmp_path / "run" / "csv" / "metrics.csv").read_text(encoding="utf-8")
    assert not (tmp_path / "run" / "tensorboard").exists()
    with pytest.raises(OptionError, match="tensorboard"):
        dataclasses.replace(tiny, logger="paper")


def test_the_table_is_that_of_the_settings(tiny: Config) -> None:
    """Every logger is a value of the setting."""
    for name in LOGGERS:
        assert dataclasses.replace(tiny, logger=name).logger == name


def test_offline_unless_asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """W&B is offline and MLflow writes into the run's folder, unless the environment says otherwise."""
    made: list[dict[str, Any]] = []

    def fake(**options: Any) -> SimpleNamespace:
        made.append(options)
        return SimpleNamespace()

    monkeypatch.setattr(loggers, "WandbLogger", fake)
    monkeypatch.setattr(loggers, "MLFlowLogger", fake)
    for name in ("WANDB_MODE", "MLFLOW_TRACKING_URI", "MLFLOW_ALLOW_FILE_STORE"):
        monkeypatch.delenv(name, raising=False)
    logger_for("wandb", tmp_path)
    logger_for("mlflow", tmp_path)
    monkeypatch.setenv("WANDB_MODE", "online")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    logger_for("wandb", tmp_path)
    logger_for("mlflow", tmp_path)
    assert [options.get("offline") for options in made] == [True, None, False, None]
    assert made[1]["tracking_uri"] == (tmp_path / "mlflow").as_uri()
    assert made[3]["tracking_uri"] == "http://127.0.0.1:9"


@pytest.mark.parametrize(("name", "module"), [("wandb", "wandb"), ("mlflow", "mlflow")])
def test_a_missing_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, module: str) -> None:
    """One sentence names the extra."""
    gone = {part: ModuleType(part) for part in sys.modules if part.split(".")[0] == module}
    for part in gone:
        monkeypatch.delitem(sys.modules, part)
    monkeypatch.setitem(sys.modules, module, None)

    def absent(**_options: Any) -> None:
        raise ModuleNotFoundError(module)

    monkeypatch.setattr(loggers, {"wandb": "WandbLogger", "mlflow": "MLFlowLogger"}[name], absent)
    with pytest.raises(MissingExtraError, match="loggers"):
        logger_for(name, tmp_path)


def test_find_lr(drawn: Manifest, tmp_path: Path) -> None:
    """`--find-lr` draws the test, prints what it suggests, and makes no run."""
    convert(drawn, tmp_path / "set", "folders")
    png = tmp_path / "rates.png"
    words = [str(tmp_path / "set"), "--find-lr", str(png), "--model", "mien-xs", "--size", "24", "--batch-size", "18"]
    ended = CliRunner().invoke(command, [*words, "--threads", "1", "--device", "cpu", "--augment", "none"])
    assert ended.exit_code == 0, ended.exception
    assert "The loss falls fastest at --lr " in ended.output
    assert png.read_bytes()[:4] == b"\x89PNG"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["rates.png", "set"]


def test_a_figure_of_a_test_that_diverged() -> None:
    """Losses that are not finite are left out of the figure; a test without a suggestion has no line for it."""
    rates = tuple(10 ** (i / 4 - 4) for i in range(16))
    losses = (*(2.0 - 0.1 * i for i in range(12)), 3.0, 9.0, float("inf"), float("nan"))
    assert draw_rates(RateTest(rates, losses, 0.01, 0.003), 0.1)[:4] == b"\x89PNG"
    assert draw_rates(RateTest(rates, losses, None, 0.003), 0.1)[:4] == b"\x89PNG"
