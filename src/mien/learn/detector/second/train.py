"""Training of a second look's network: a budget of minutes, and a checkpoint that a stopped run goes on from."""

from __future__ import annotations

import copy
import logging
import math
import time
from collections.abc import Sequence
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from mien.core.errors import TrainError
from mien.data.faces import FacePicture
from mien.learn.checkpoints import load_state, save_state
from mien.learn.clock import Clock
from mien.learn.detector.augment import MIRRORED
from mien.learn.detector.data import decoded, loader
from mien.learn.detector.net import DetectorNet, Widths
from mien.learn.detector.second.config import SecondConfig
from mien.learn.detector.second.export import SecondFile
from mien.learn.detector.second.net import SecondNet, begun
from mien.learn.detector.second.recover import recovered_second
from mien.learn.detector.second.squares import Learned, Squares
from mien.learn.detector.second.teachers import refuse_strangers
from mien.learn.steps import average_decay, decay_groups, faster_in_bfloat16, follow, refuse_divergence
from mien.learn.stopping import heeding_signals

__all__ = ["CHECKPOINT", "load_second", "train_second"]

CHECKPOINT = "second.pt"

_STATISTICS = 20  # batches that give a model file its norms back
_SAVE_EVERY_S = 180.0
_LOG_EVERY = 200  # steps
_FINAL_LR = 0.01  # share of the highest rate that is left at the end
_LOSS_LIMIT = 1e3
_SURE = 0.98  # target of a face; of none the rest
_LEAST_EYES = 0.2  # sides of the face: eyes that lie closer, as in a profile, count as this far apart
_ROUND = 1e-5  # rounds the distance off near 0
_CONTRAST, _BRIGHTNESS = 0.2, 15.0  # standard deviations: of the logarithm, and in grey levels
_log = logging.getLogger("mien")


def train_second(
    pictures: Sequence[FacePicture],
    detector: Path,
    net: DetectorNet,
    config: SecondConfig,
    folder: Path,
    start: SecondFile | None = None,
    teachers: Sequence[SecondFile] = (),
) -> SecondNet | None:
    """Teach a network to tell faces from what a detector takes for them; None where a signal stopped it.

    Args:
        pictures: training photographs.
        detector: the detector's model file, whose mistakes count.
        net: the detector, whose first stages it starts from without `start`.
        config: settings.
        folder: where the checkpoint goes; a run whose checkpoint lies there goes on.
        start: a network in float32 that a new run begins with.
        teachers: networks that have a say in what is a face.

    Returns:
        The averaged network, ready for judging.

    Raises:
        DataError: a photograph cannot be read.
        TrainError: the checkpoint or `start` is not one of this network, it cannot be written, a teacher takes other
            squares, or training diverges.

    """
    refuse_strangers(teachers, config)
    torch.set_num_threads(config.threads)
    path = folder / CHECKPOINT
    state: dict[str, Any] = load_state(path) if path.exists() else {"step": 0, "spent_s": 0.0}
    seed = config.seed * 1_000_003 + state["step"]
    squares = Squares(decoded(pictures), detector, config, seed, teachers)
    if start is None or state["step"]:
        begin = begun(net, config.side)
    else:
        some = (_pixels(batch.squares) for batch in islice(squares, _STATISTICS))
        begin = recovered_second(start, net.widths, some)
    run = _Run(begin, config)
    if state["step"]:
        run.resume(state, path)
    torch.manual_seed(seed)
    clock, saved = Clock(config.minutes * 60, state["spent_s"]), time.monotonic()
    batches = loader(squares, config.workers)
    with heeding_signals(lambda name: _log.info("%s: saving and stopping.", name)) as stop:
        while clock.left_s and not stop:
            run.learn(next(batches), clock.share)
            if time.monotonic() - saved > _SAVE_EVERY_S:
                save_state(path, run.state(clock.spent_s))
                saved = time.monotonic()
    save_state(path, run.state(clock.spent_s))
    return None if clock.left_s else run.average


class _Run:
    """The network, its average and its optimiser."""

    def __init__(self, net: SecondNet, config: SecondConfig) -> None:
        self._config = config
        self.net = net.train().to(memory_format=torch.channels_last)
        self.average = copy.deepcopy(self.net).eval().requires_grad_(False)
        self._optimizer = torch.optim.AdamW(decay_groups(self.net, config.weight_decay), lr=config.lr)
        self.step, self._sum, self._off = 0, 0.0, 0.0
        probe = copy.deepcopy(self.net)
        blank = torch.zeros(config.batch, 3, config.side, config.side).to(memory_format=torch.channels_last)
        self._bf16 = faster_in_bfloat16(lambda: [*probe(blank)])

    def learn(self, batch: Learned, progress: float) -> None:
        """One step; `progress` of the run in 0..1.

        Raises:
            TrainError: training diverges.

        """
        rate = self._config.lr * (_FINAL_LR + (1 - _FINAL_LR) * (1 + math.cos(math.pi * progress)) / 2)
        for group in self._optimizer.param_groups:
            group["lr"] = rate * min((self.step + 1) / self._config.warmup, 1.0)
        with torch.autocast("cpu", torch.bfloat16, enabled=self._bf16):
            squares, points = _changed(_pixels(batch.squares), batch.points)
            logits, guesses = self.net(squares)
        face = self._config.margin / 2  # sides of a face in half a square
        off = _distance(guesses.float() * face, points * face)
        loss = _doubt(logits.float(), batch.hits) + off
        refuse_divergence(float(loss.detach()), _LOSS_LIMIT, f"after {self.step} steps")
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self._optimizer.step()
        follow(self.average, self.net, average_decay(self._config.ema, self.step))
        self.step += 1
        self._sum, self._off = self._sum + float(loss.detach()), self._off + float(off.detach())
        if self.step % _LOG_EVERY == 0:
            means = (self._off / _LOG_EVERY, self._sum / _LOG_EVERY)
            _log.info("Second look: %d steps, of landmarks %.4f, loss %.4f.", self.step, *means)
            self._sum, self._off = 0.0, 0.0

    def state(self, spent_s: float) -> dict[str, Any]:
        """For a checkpoint."""
        return {
            "config": asdict(self._config),
            "step": self.step,
            "spent_s": spent_s,
            "widths": asdict(self.net.widths),
            "net": self.net.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self._optimizer.state_dict(),
        }

    def resume(self, state: dict[str, Any], path: Path) -> None:
        """Go on from a checkpoint.

        Raises:
            TrainError: it is of another network.

        """
        try:
            self.net.load_state_dict(state["net"])
            self.average.load_state_dict(state["average"])
            self._optimizer.load_state_dict(state["optimizer"])
        except (KeyError, RuntimeError, ValueError) as error:
            raise TrainError(
                f"{path} is not a checkpoint of this second look; start a run in another folder."
            ) from error
        self.step = state["step"]
        _log.info("The second look goes on after %d steps and %.1f minutes.", self.step, state["spent_s"] / 60)


def load_second(checkpoint: Path) -> SecondNet:
    """The averaged network of a checkpoint, ready for judging.

    Raises:
        TrainError: no such file, or not a checkpoint of a second look.

    """
    state = load_state(checkpoint)
    try:
        net = SecondNet(Widths(**state["widths"]), state["config"]["side"])
        net.load_state_dict(state["average"])
    except (KeyError, RuntimeError, TypeError) as error:
        raise TrainError(f"{checkpoint} is not a checkpoint of a second look.") from error
    return net.eval().requires_grad_(False)


def _pixels(squares: Tensor) -> Tensor:
    """Squares (N, S, S, 3) uint8 as the network takes them, (N, 3, S, S) float; channels last in memory."""
    return squares.permute(0, 3, 1, 2).float()


def _doubt(logits: Tensor, hits: Tensor) -> Tensor:
    """Cross entropy of the squares (N,) of which it is known whether they are faces."""
    known = ~hits.isnan()
    if not known.any():
        return logits.sum() * 0
    return F.binary_cross_entropy_with_logits(logits[known], hits[known] * (2 * _SURE - 1) + 1 - _SURE)


def _distance(guesses: Tensor, points: Tensor) -> Tensor:
    """Mean distance of landmarks (N, 5, 2) in sides of a face from known ones; more for a face whose eyes are close."""
    known = ~points.isnan().flatten(1).any(1)
    if not known.any():
        return guesses.sum() * 0
    guesses, points = guesses[known], points[known]
    eyes = (points[:, 0] - points[:, 1]).norm(dim=1).clamp(min=_LEAST_EYES)
    apart = ((guesses - points).square().sum(2) + _ROUND).sqrt()
    return (apart / eyes.sqrt()[:, None]).mean()


def _changed(squares: Tensor, points: Tensor) -> tuple[Tensor, Tensor]:
    """Squares (N, 3, S, S) with their landmarks, half of them mirrored, contrast and brightness changed."""
    number = len(squares)
    turned = torch.rand(number, 1, 1, 1) < 0.5
    squares = torch.where(turned, squares.flip(3), squares)
    points = torch.where(turned[..., 0], points[:, MIRRORED] * torch.tensor([-1.0, 1.0]), points)
    middle = squares.mean((1, 2, 3), keepdim=True)
    contrast = torch.exp(torch.randn(number, 1, 1, 1) * _CONTRAST)
    brightness = torch.randn(number, 1, 1, 1) * _BRIGHTNESS
    return ((squares - middle) * contrast + middle + brightness).clamp(0, 255), points
