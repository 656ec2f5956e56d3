"""Where a run is in its schedule: by its steps, or by the time that it was given."""

from __future__ import annotations

import math
from typing import final

from mien.learn.clock import Clock
from mien.learn.config import Config

__all__ = ["Pace", "learning_rate", "side_at"]

_GROW_BY = 8  # pixels
_GROWN_AFTER = 0.6  # share of the epochs


def learning_rate(config: Config, epoch: float) -> float:
    """Learning rate at a time in epochs from the start of the run, as a share of `config.lr`.

    "cosine": linear warm-up (over half of the epochs at most), then half a cosine to 0 (Loshchilov & Hutter 2017);
    "one-cycle": a rise over the first third, then a cosine to 0 (after Smith 2018). Stages run through their schedule
    one by one.
    """
    *earlier, stage = config.plan
    start = sum(before.epochs for before in earlier)
    for before in reversed(earlier):
        if epoch >= start:
            break
        stage, start = before, start - before.epochs
    return stage.lr / config.lr * _shape(config, epoch - start, stage.epochs)


def _shape(config: Config, epoch: float, epochs: int) -> float:
    if config.schedule in {"constant", "plateau"}:
        return min(1.0, (epoch + 1e-3) / config.warmup) if config.warmup else 1.0
    rise = epochs / 3 if config.schedule == "one-cycle" else min(config.warmup, epochs / 2)
    if epoch < rise:
        return (epoch + 1e-3) / rise
    return 0.5 * (1 + math.cos(math.pi * min((epoch - rise) / (epochs - rise), 1.0)))


def side_at(config: Config, epoch: float) -> int:
    """Side of the crops in pixels at a time in epochs from the start of the run, see `Config.grow_from`."""
    steps = -(-(config.size - config.grow_from) // _GROW_BY) if config.grow_from else 0
    taken = int(steps * epoch / (_GROWN_AFTER * config.total_epochs))
    return config.size if taken >= steps else config.grow_from + taken * _GROW_BY


@final
class Pace:
    """The place of a run in its schedule, in epochs from its start.

    Args:
        config: settings with the epochs that are planned.
        clock: the time for the loop; a clock without a budget counts nothing, and steps tell the place.
        begin: the place at which this part of the run begins.

    """

    def __init__(self, config: Config, clock: Clock | None = None, begin: float = 0.0) -> None:
        self.config, self.clock, self.begin = config, clock or Clock(0), begin
        self.steps_per_epoch = 1
        self._first_epoch, self._first_step = 0, 0

    @property
    def timed(self) -> bool:
        """Whether the time ends the loop, not the number of epochs."""
        return self.clock.budget_s > 0

    @property
    def over(self) -> bool:
        """Whether the time is up."""
        return self.timed and self.clock.left_s == 0

    def resume(self, epoch: int, step: int) -> None:
        """Go on after so many whole epochs, which took so many steps."""
        self._first_epoch, self._first_step = epoch, step

    def at(self, step: int) -> float:
        """Place after so many steps of the optimiser."""
        if self.timed:
            return self.begin + (self.config.total_epochs - self.begin) * self.clock.share
        return (self._first_epoch * self.steps_per_epoch + step - self._first_step) / self.steps_per_epoch

    def side(self, epoch: int, step: int) -> int:
        """Side of the crops in pixels in an epoch (from 0) after so many steps."""
        return side_at(self.config, self.at(step) if self.timed else epoch)

    def left_s(self, step: int, spent_s: float) -> float | None:
        """Seconds until the end of the loop; None where nothing tells it yet.

        Args:
            step: of the optimiser.
            spent_s: seconds that this part of the run took so far.

        """
        if self.timed:
            return self.clock.left_s
        first, now = self._cost(float(self._first_epoch)), self._cost(self.at(step))
        if now <= first or not spent_s:
            return None
        return spent_s * (self._cost(float(self.config.total_epochs)) - now) / (now - first)

    def _cost(self, place: float) -> float:
        """What the run costs up to a place, in epochs of full size."""
        whole = int(place)
        sides = [(side_at(self.config, epoch) / max(self.config.size, 1)) ** 2 for epoch in range(whole + 1)]
        return sum(sides[:whole]) + sides[whole] * (place - whole)
