"""A schedule for the minutes that there are: what a step takes is measured, then the epochs are counted out.

`mien.learn.loop` ends a run when its time is up.
"""

from __future__ import annotations

import copy
import dataclasses
import time
from dataclasses import dataclass

import torch
from torch.nn import functional

from mien.learn.augment import augment, augmentation
from mien.learn.config import Config, Stage
from mien.learn.dataset import CropTable
from mien.learn.models import Network
from mien.learn.module import soft_cross_entropy
from mien.learn.pace import side_at

__all__ = ["Budget", "Schedule", "going_on", "planned"]

_MOST_EPOCHS = 300
"""More epochs than these teach nothing; a small data set is done before its minutes are over."""
_FINISH_S = 30.0
"""Seconds for what follows the loop, besides the judging: export, plots, report (two busy cores)."""
_PASSES = 5
"""Passes over the validation split that follow the loop's last step: its own, calibration, the judged file, rest."""
_LEAST_SHARE = 0.1
"""Part of the minutes that is for learning, however much the rest takes."""
_TIMED_STEPS = 3
_BF16_GAIN = 1.15
"""bfloat16 is taken where a step is faster by this factor."""


@dataclass(frozen=True)
class Budget:
    """Seconds that a run has: for the loop, and those that are kept for what follows it."""

    loop_s: float
    kept_s: float


@dataclass(frozen=True)
class Schedule:
    """What was planned: settings with their epochs and precision, the budget, and a sentence for a person."""

    config: Config
    budget: Budget
    message: str


def planned(config: Config, network: Network, table: CropTable, validation: CropTable, left_s: float) -> Schedule:
    """Count out the epochs that `left_s` seconds allow, reading data and what follows the loop taken off.

    Args:
        config: settings with `minutes`.
        network: as it begins; left as it was.
        table: the training split.
        validation: the validation split.
        left_s: seconds until the run should have ended.

    """
    start = time.perf_counter()
    times = {p: _step_s(config, network, table, p) for p in _precisions(config)}
    precision = "bf16" if times.get("bf16", 1e9) * _BF16_GAIN < times.get("32", 1e9) else next(iter(times))
    steps = max(len(table) // config.batch_size, 1)
    judging_s = _judging_s(network, validation)
    kept = _FINISH_S + _PASSES * judging_s
    left = left_s - (time.perf_counter() - start)
    loop_s = max(left - kept, _LEAST_SHARE * left_s, 1.0)
    epochs = _epochs_within(config, loop_s, times[precision] * steps, judging_s)
    config = config.scaled(epochs)
    config = dataclasses.replace(config, precision=precision, warmup=min(config.warmup, epochs / 4))
    text = (
        f"{config.minutes:g} minutes: {loop_s:.0f} s of training, about {epochs} "
        f"{'epoch' if epochs == 1 else 'epochs'} of {loop_s / epochs:.0f} s, and {kept:.0f} s for export and judging."
    )
    if left - kept < loop_s:
        text += " That is too short to end in time."
    return Schedule(config, Budget(loop_s if epochs < _MOST_EPOCHS else 0.0, kept), text)


def going_on(config: Config, stages: tuple[Stage, ...], place: float) -> Config:
    """Settings of a run that goes on for the epochs that were planned; what is done keeps its place in the schedule.

    Args:
        config: as `planned` gives it.
        stages: those that the run has had.
        place: where it is, in epochs from its start.

    """
    begun = sum(stage.epochs for stage in stages[:-1])
    length = max(round(place) + config.epochs, begun + 1)
    return dataclasses.replace(config, stages=stages).of_length(length)


def _precisions(config: Config) -> tuple[str, ...]:
    if config.precision != "auto":
        return (config.precision,)
    return ("32", "bf16") if config.device in {"auto", "cpu"} and not torch.cuda.is_available() else ("bf16",)


def _epochs_within(config: Config, loop_s: float, epoch_s: float, judging_s: float) -> int:
    """The most epochs whose steps, at the size that each has, and validations fit."""
    best = 1
    for epochs in range(2, _MOST_EPOCHS + 1):
        trial = dataclasses.replace(config, epochs=epochs, stages=(), minutes=0.0)
        sides = [side_at(trial, epoch) / config.size for epoch in range(epochs)]
        if sum(epoch_s * side**2 + 2 * judging_s for side in sides) > loop_s:
            break
        best = epochs
    return best


def _step_s(config: Config, network: Network, table: CropTable, precision: str) -> float:
    """Seconds of one training step at full size; the best of a few."""
    device = torch.device("cuda" if config.device in {"auto", "gpu"} and torch.cuda.is_available() else "cpu")
    net = copy.deepcopy(network).to(device).train()
    optimizer = torch.optim.SGD(net.parameters(), lr=1e-6, momentum=0.9)
    how = augmentation(config.augment, config.augmentation)
    rows = torch.arange(min(config.batch_size, len(table)))
    times = []
    with torch.random.fork_rng(devices=[]):
        for _ in range(_TIMED_STEPS):
            start = time.perf_counter()
            batch = table[rows.tolist()]
            x = net.normalise(augment(net.planes(batch["crops"].to(device)), how))
            x = x.contiguous(memory_format=torch.channels_last)
            with torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16"):
                logits = net.from_planes(x)
            losses = [soft_cross_entropy(z, batch["targets"][name].to(device)) for name, z in logits.items()]
            optimizer.zero_grad(set_to_none=True)
            torch.stack(losses).mean().backward()
            optimizer.step()
            functional.relu(losses[0]).item()  # waits for the device
            times.append(time.perf_counter() - start)
    return min(times) * (len(table) / max(len(rows), 1)) / max(len(table) // config.batch_size, 1)


@torch.no_grad()
def _judging_s(network: Network, validation: CropTable) -> float:
    """Seconds of one pass over the validation split."""
    rows = torch.arange(min(256, len(validation)))
    net = copy.deepcopy(network).eval()
    times = []
    for _ in range(2):
        start = time.perf_counter()
        net(validation.crops(rows))
        times.append(time.perf_counter() - start)
    return min(times) * len(validation) / len(rows)
