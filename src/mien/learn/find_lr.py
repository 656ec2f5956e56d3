"""A test of learning rates: a hundred steps at rates that rise, and where the loss falls fastest (Smith 2017).

Lightning's Tuner runs it; the network is thrown away, and nothing is taken over.
"""

from __future__ import annotations

import contextlib
import dataclasses
import io
import math
import tempfile
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, final

import lightning as L
import torch
from lightning.pytorch.tuner import Tuner

from mien.core.errors import TrainError
from mien.data.manifest import Manifest
from mien.draw.plotting import BLUE, ORANGE, SOFT, figure_of, png
from mien.learn.config import Config
from mien.learn.dataset import BatchSampler, CropTable, loader
from mien.learn.module import Expression
from mien.learn.progress import quiet
from mien.learn.train import network_for, tables_for

__all__ = ["RateTest", "draw_rates", "find_lr"]

_LOWEST, _HIGHEST, _STEPS = 1e-5, 3.0, 100
_UNSTEADY = 10  # first steps, whose smoothed loss says little
_SMOOTH = 5  # steps around a point, for the line that is drawn


@dataclass(frozen=True)
class RateTest:
    """The rates of a test, the loss at each (smoothed by Lightning), and the rates that they speak for.

    Args:
        rates: rising.
        losses: of each step.
        suggestion: where the loss falls fastest, as Lightning finds it; None where it falls nowhere.
        tenth: a tenth of the rate with the lowest loss: the usual rule for a highest rate.

    """

    rates: tuple[float, ...]
    losses: tuple[float, ...]
    suggestion: float | None
    tenth: float


@final
class _Thrown(Expression):
    """A network that nobody keeps: its checkpoint, which the tuner puts back, has no history."""

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep nothing."""

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Restore nothing."""


def find_lr(manifest: Manifest, config: Config, *, steps: int = _STEPS) -> RateTest:
    """Test the learning rates for a data set and settings.

    Args:
        manifest: the data set with the splits of a run.
        config: settings, resolved; its learning rate and schedule play no part.
        steps: of the optimiser.

    Raises:
        TrainError: the data cannot be trained on, or the loss is infinite from the start.

    """
    config = dataclasses.replace(config, ema=0.0, minutes=0.0, stages=(), schedule="constant", warmup=0.0)
    table, validation = tables_for(manifest, config)
    network = network_for(config, table.heads)
    module = _Thrown(network, config, validation.heads)
    torch.manual_seed(config.seed)
    with quiet(), contextlib.redirect_stderr(io.StringIO()), tempfile.TemporaryDirectory() as folder:
        warnings.filterwarnings("ignore", message=".*validation_step")  # there is nothing to validate
        trainer = L.Trainer(
            accelerator=config.device, devices=1, default_root_dir=folder, logger=False, enable_checkpointing=False,
            enable_progress_bar=False, enable_model_summary=False, num_sanity_val_steps=0, limit_val_batches=0,
            max_epochs=-1, use_distributed_sampler=False,
        )  # fmt: skip
        found = Tuner(trainer).lr_find(
            module, loader(table, _order(table, config, trainer)), min_lr=_LOWEST, max_lr=_HIGHEST, num_training=steps,
            update_attr=False,
        )  # fmt: skip
        losses = [float(v) for v in found.results["loss"]] if found else []
        if sum(map(math.isfinite, losses)) < 2:
            raise TrainError("The loss is not finite at the lowest learning rate; look at data and settings.")
        begin = min(_UNSTEADY, len(losses) // 4)
        suggestion = found.suggestion(skip_begin=begin)
    rates = [float(v) for v in found.results["lr"]]
    best = min(range(begin, len(losses)), key=lambda i: losses[i] if math.isfinite(losses[i]) else math.inf)
    return RateTest(tuple(rates), tuple(losses), suggestion, rates[best] / 10)


def _order(table: CropTable, config: Config, trainer: L.Trainer) -> BatchSampler:
    return BatchSampler(
        len(table), config.batch_size, seed=config.seed, epoch=lambda: trainer.current_epoch, drop_last=True
    )


def draw_rates(test: RateTest, own: float) -> bytes:
    """PNG of the loss against the learning rate, with the suggestion and the rate of the settings marked."""
    finite = [(r, v) for r, v in zip(test.rates, test.losses, strict=True) if math.isfinite(v)]
    rates, losses = zip(*finite, strict=True)
    with figure_of(6.6, 3.9) as (figure, axes):
        axes.plot(rates, losses, color=SOFT, linewidth=0.9, alpha=0.5)
        axes.plot(rates, _smooth(losses), color=BLUE, label="loss")
        if test.suggestion:
            axes.axvline(test.suggestion, color=ORANGE, linewidth=1.6, label=f"falls fastest: {test.suggestion:.2g}")
        axes.axvline(
            test.tenth, color=ORANGE, linestyle="--", linewidth=1.2, label=f"lowest loss / 10: {test.tenth:.2g}"
        )
        axes.axvline(own, color=SOFT, linestyle=":", linewidth=1.4, label=f"the settings' rate: {own:g}")
        low, high = min(losses), losses[0]
        axes.set_ylim(low - 0.1 * (high - low) - 0.01, high + 0.6 * (high - low) + 0.02)
        axes.set(xscale="log", xlabel="learning rate", ylabel="training loss", title="Test of learning rates")
        axes.legend(fontsize=9, loc="upper left")
        return png(figure)


def _smooth(values: Sequence[float]) -> list[float]:
    """Means over neighbours, fewer at the ends."""
    half = _SMOOTH // 2
    parts = [values[max(i - half, 0) : i + half + 1] for i in range(len(values))]
    return [sum(part) / len(part) for part in parts]
