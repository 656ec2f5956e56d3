"""Where the figures of a run go beside metrics.csv: TensorBoard, CSV, Weights & Biases, MLflow, by Lightning's classes.

Nothing leaves the machine unless the environment says so: W&B runs offline without WANDB_MODE=online, MLflow writes
into the run's folder without MLFLOW_TRACKING_URI.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from lightning.pytorch.loggers import CSVLogger, Logger, MLFlowLogger, TensorBoardLogger, WandbLogger

from mien.core.errors import MissingExtraError

__all__ = ["LOGGERS", "logger_for"]


def _tensorboard(run: Path) -> Logger:
    return TensorBoardLogger(str(run), name="tensorboard", version="")


def _csv(run: Path) -> Logger:
    return CSVLogger(str(run), name="csv", version="")


def _wandb(run: Path) -> Logger:
    offline = os.environ.get("WANDB_MODE", "offline") != "online"
    try:
        return WandbLogger(name=run.name, save_dir=str(run), project="mien", offline=offline)
    except ModuleNotFoundError as error:
        raise MissingExtraError("The logger wandb", "wandb", "loggers") from error


def _mlflow(run: Path) -> Logger:
    place = os.environ.get("MLFLOW_TRACKING_URI")
    if not place:
        os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")  # folders are what one machine alone needs
        place = (run / "mlflow").resolve().as_uri()
    try:
        return MLFlowLogger(experiment_name="mien", run_name=run.name, tracking_uri=place)
    except ModuleNotFoundError as error:
        raise MissingExtraError("The logger mlflow", "mlflow", "loggers") from error


LOGGERS: Mapping[str, Callable[[Path], Any]] = {
    "tensorboard": _tensorboard,
    "csv": _csv,
    "wandb": _wandb,
    "mlflow": _mlflow,
}
"""Name -> what makes the logger for a run folder; a new one is a row, and a name in `mien.learn.config`."""


def logger_for(name: str, run: Path) -> Any:
    """Lightning's logger of one of `LOGGERS`; nothing is written yet.

    Raises:
        MissingExtraError: its package is not installed.

    """
    return LOGGERS[name](run)
